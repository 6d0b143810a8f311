"""The plan stage: looks at the machine, decides, and writes plan.json.

    recipe, survey ─▶ enough room? ─▶ probe (or machines, by name) ─▶ choose ─▶ plan.json
                           │ no                                         │ it cannot fit
                           └────────────▶ alternatives: three changes that would ◀┘

`choose` asks `budget` (seconds), `corpus_tokens` (data), `cost` and `memory` (what a shape takes), `scaling` (what it
is worth) and `hyperparameters` (how it is trained); `explain` says why, `tables` shows it.
"""

from __future__ import annotations

from pathlib import Path

from understudy.core.errors import InputDataError
from understudy.core.paths import Project, write_json
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs, Metrics, Stage, Survey
from understudy.core.tracking import Events
from understudy.plan.alternatives import cannot_fit, make_plan
from understudy.plan.budget import is_compiled
from understudy.plan.choose import draft_plan
from understudy.plan.machines import TrainingMachine, find_gpu, named_machine
from understudy.plan.probe import Probe
from understudy.plan.record import Plan
from understudy.plan.tables import summary

# The first probe may lead to another shape, which is timed too. Each costs a compilation.
MOST_PROBES = 2


def run(recipe: Recipe, inputs: Inputs, work_dir: Path, events: Events) -> Metrics:
    """Write plan.json; the metrics are its main figures. Raises ResourceError when the recipe cannot fit."""
    if inputs.survey is None:
        raise InputDataError("the plan needs to know what the sources hold", "understudy plan RECIPE")
    plan = make_plan(recipe, inputs.survey, planning_machine(recipe, inputs.survey, inputs.project, events))
    write_json(work_dir / "plan.json", plan.to_json())
    for warning in plan.warnings:
        events.warning(warning)
    return _metrics(plan)


def planning_machine(recipe: Recipe, survey: Survey, project: Project, events: Events) -> TrainingMachine:
    """The machine the budget names, or this one with real training steps timed at the shape that will be trained."""
    budget = recipe.budget
    if budget.gpu is not None:
        return named_machine(find_gpu(budget.gpu), budget.gpus, budget.usd_per_gpu_hour)
    probe = Probe(project, budget.device)
    _check_room(recipe, survey, probe.facts())
    events.progress("measuring this machine", 0, None)
    return _probed(recipe, survey, probe, events)


def _check_room(recipe: Recipe, survey: Survey, machine: TrainingMachine) -> None:
    """Refuse in the first second what no speed can mend: too little memory or disk."""
    draft = draft_plan(recipe, survey, machine)
    if draft.lacking_room:
        raise cannot_fit(recipe, survey, machine, draft)


def _probed(recipe: Recipe, survey: Survey, probe: Probe, events: Events) -> TrainingMachine:
    machine = probe.with_ceilings()
    if machine.device == "cuda":  # steps are timed on CPUs only; a GPU's share is assumed
        return machine
    for _ in range(MOST_PROBES):
        plan = draft_plan(recipe, survey, machine).plan
        choice = plan.choice
        if machine.has_measured(choice):
            break
        events.progress("timing training steps", 0, None, layers=choice.layers, hidden=choice.hidden)
        machine = probe.with_measurement(machine, choice, is_compiled(recipe, plan.predicted.seconds))
    return machine


def _metrics(plan: Plan) -> Metrics:
    return {
        "summary": summary(plan.to_json()),
        "parameters": plan.choice.parameters,
        "tokens": plan.choice.tokens,
        "predicted_seconds": plan.predicted.seconds,
        "predicted_peak_memory_bytes": plan.predicted.peak_memory_bytes,
        "expected_loss": plan.predicted.loss,
        "share_of_ceiling": plan.machine.share_of_ceiling,
    }


STAGE = Stage(
    name="plan",
    kind="plan",
    version="1",
    reads=("seed", "budget", "data.sources", "data.languages", "tokenizer", "model", "train"),
    needs=(),
    run=run,
    needs_survey=True,
)
