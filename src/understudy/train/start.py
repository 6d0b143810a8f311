"""Puts a run together from the artifacts it needs, and from a checkpoint where there is one."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import torch

from understudy.core.errors import InputDataError, ResourceError
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import Events
from understudy.core.units import count_text
from understudy.formats.shards import TokenShards
from understudy.formats.tokenizer import Tokenizer
from understudy.model.allocator import keep_freed_memory
from understudy.model.checkpoint import newest_checkpoint, save_checkpoint
from understudy.model.config import n_parameters
from understudy.model.initial import random_decoder
from understudy.model.training_path import DTYPES, TrainingPath, can_compile, reset_peak
from understudy.train.batches import Batches
from understudy.train.loop import Progress, Training
from understudy.train.optim import Optimizer, OptimizerSettings
from understudy.train.record import LOG_FILE, TrainingLog
from understudy.train.settings import PlanFacts, Settings, read_plan, settle, wants_compiling
from understudy.train.validation import Validation
from understudy.train.weights import MasterWeights

CHECKPOINTS = Path("scratch") / "checkpoints"


def prepare(recipe: Recipe, inputs: Inputs, work_dir: Path, events: Events, started: float) -> Training:
    """A run at its beginning, or where the newest sound checkpoint left it."""
    plan = read_plan(inputs["plan"].path)
    device = device_of(plan)
    reset_peak(device)
    keep_freed_memory()
    facts = PlanFacts.of(plan)
    shards = TokenShards.open(inputs["tokens"].path, "train")
    settings = settle(recipe, plan, shards, Tokenizer.load(inputs["tokenizer"].path).vocabulary, events)
    checkpoint = newest_checkpoint(work_dir / CHECKPOINTS, events.warning)
    log = TrainingLog(work_dir / LOG_FILE, 0 if checkpoint is None else checkpoint.step)
    training = _assemble(recipe, inputs, log, work_dir / CHECKPOINTS, settings, facts, shards, device, events, started)
    if checkpoint is not None:
        training.resume(checkpoint)
        events.note(f"going on from step {checkpoint.step:,} of {training.progress.total_steps:,}")
    return training


def _assemble(
    recipe: Recipe,
    inputs: Inputs,
    log: TrainingLog,
    checkpoints: Path,
    settings: Settings,
    facts: PlanFacts,
    shards: TokenShards,
    device: torch.device,
    events: Events,
    started: float,
) -> Training:
    decoder = random_decoder(settings.config, settings.seed).to(device)
    weights = MasterWeights(decoder, DTYPES[settings.precision])
    kind = OptimizerSettings(settings.phase.optimizer, settings.learning_rate, settings.phase.weight_decay)
    path = TrainingPath(decoder, _compiled(settings, facts, events))
    is_timed = settings.phase.tokens == "auto"
    return Training(
        settings=settings,
        path=path,
        batches=Batches(shards, settings.seed, settings.batch_rows, settings.micro_batch),
        weights=weights,
        optimizer=Optimizer(weights, settings.config, kind),
        validation=Validation(_held_out(inputs, events), settings.validation_rows, settings.micro_batch),
        log=log,
        events=events,
        save=partial(save_checkpoint, checkpoints),
        budget_seconds=recipe.budget.seconds if is_timed else None,
        ceiling_flops_per_second=facts.ceiling_flops_per_second,
        started=started,
        progress=Progress(total_steps=settings.total_steps),
    )


def device_of(plan: dict[str, Any]) -> torch.device:
    """Where the plan trains. Raises ResourceError when that is a GPU and there is none here."""
    machine = plan.get("machine", {})
    if machine.get("device", "cpu") != "cuda":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise ResourceError(
            f"the plan is for {machine.get('name', 'a GPU')}, and torch finds no CUDA GPU here",
            "run on a machine that has one, or plan for this one: --set budget.device=cpu --set budget.gpu=null",
        )
    return torch.device("cuda")


def _compiled(settings: Settings, facts: PlanFacts, events: Events) -> bool:
    c = settings.config
    layers = "layer" if c.layers == 1 else "layers"
    events.note(
        f"training {count_text(n_parameters(c).total)} parameters ({c.layers} {layers} x {c.hidden}) on "
        f"{count_text(settings.total_steps * settings.batch_tokens)} tokens, {settings.batch_tokens:,} a step"
    )
    if not wants_compiling(settings.phase, facts.seconds):
        return False
    if can_compile():
        return True
    events.note(
        "no C++ compiler with Python's headers found: training runs uncompiled, at about two thirds of the speed"
    )
    return False


def _held_out(inputs: Inputs, events: Events) -> TokenShards | None:
    try:
        shards = TokenShards.open(inputs["tokens"].path, "valid")
    except InputDataError as error:
        events.warning(f"no held-out rows: {error.message}")
        return None
    return shards if shards.n_rows else None
