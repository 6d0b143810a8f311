"""From the data's size, the budget and the machine's speed to a model and a training run. Pure and deterministic.

    survey ─▶ tokens there are ─┐
    budget ─▶ seconds allowed ──┼─▶ depth on the dial ─▶ tokens, batch, rates ─▶ time, memory, disk, money, loss
    machine ─▶ FLOPs per second ┘                                                 └─▶ problems, when it cannot fit

What the recipe fixes is taken as it is and only checked; what it leaves open is chosen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from understudy.core.errors import InputDataError, RecipeError
from understudy.core.recipe import Recipe
from understudy.core.stage import Survey
from understudy.model.config import DecoderConfig, dial, dial_for_parameters, n_parameters, training_flops_per_token
from understudy.plan.budget import Allowance, allowance, startup_seconds, training_seconds
from understudy.plan.corpus_tokens import TokenEstimate, estimate_tokens
from understudy.plan.cost import share_of_ceiling, tokens_per_second, training_cost, upkeep_share
from understudy.plan.explain import reasons_for, room_problems, time_problems, warnings_for
from understudy.plan.hyperparameters import batch_rows, learning_rate, micro_batch
from understudy.plan.machines import TrainingMachine
from understudy.plan.memory import MOST_ROW_SPLIT, Disk, Memory, disk_needed, training_memory
from understudy.plan.record import Choice, DataFacts, MachineFacts, Plan, Precision, Predicted
from understudy.plan.scaling import PASSES_WITHOUT_WARNING, expected_loss, trust_in_loss

# One layer cannot look up what followed an earlier token like this one; two can (Olsson et al. 2022, induction heads).
# A completion model that cannot repeat a name it has just read is no use, however well it scores for its size.
SHALLOWEST = 2
DEEPEST = 128
# The trainer rounds the token table up to this, which matrix products like.
TABLE_MULTIPLE = 64
# Memory a plan may count on; the rest is for the system, the tokenizer's tables and what was forgotten.
USABLE_MEMORY_SHARE = 0.9
# When data, not time, is short, spare time buys a larger model, down to this share of the tokens a parameter asked for.
LEAST_SHARE_OF_RATIO = 0.25


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan, whether or not it fits, and what keeps it from fitting, most important first."""

    plan: Plan
    lacking_room: tuple[str, ...]
    lacking_time: tuple[str, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """All of them."""
        return self.lacking_room + self.lacking_time


@dataclass(frozen=True, slots=True)
class Case:
    """One planning question: what was asked, what there is to train on, where, and for how long."""

    recipe: Recipe
    survey: Survey
    machine: TrainingMachine
    estimate: TokenEstimate
    allowance: Allowance
    precision: Precision

    @property
    def most_tokens(self) -> float:
        """The tokens of four passes over the data."""
        return PASSES_WITHOUT_WARNING * self.estimate.unique_tokens

    def tokens_per_second(self, config: DecoderConfig) -> float:
        """The rate while training steps run."""
        return tokens_per_second(config, self.machine, self.precision)

    def affordable(self, config: DecoderConfig) -> float:
        """Tokens this shape can be trained on within the budget; infinite without one."""
        if self.allowance.seconds is None:
            return math.inf
        seconds = training_seconds(self.recipe, self.machine, self.allowance.seconds)
        tokens = seconds * self.tokens_per_second(config)
        rows = self.rows(config, tokens)
        return tokens / (1.0 + self.upkeep(config, rows))

    def rows(self, config: DecoderConfig, tokens: float) -> int:
        """Rows in a step of a run of so many tokens."""
        flops = max(1.0, tokens) * training_flops_per_token(config)
        return batch_rows(self.recipe.train[0], flops, tokens, self.estimate.unique_tokens, self.machine.devices)

    def upkeep(self, config: DecoderConfig, rows: int) -> float:
        """Time beside the passes themselves, as a share of theirs."""
        return upkeep_share(config, self.machine, self.recipe.train[0].optimizer, rows * config.context)

    def memory(self, config: DecoderConfig, rows: int) -> Memory:
        """Memory on each device with `rows` at once; where one row is too large, a server's devices share it."""
        machine, optimizer = self.machine, self.recipe.train[0].optimizer
        whole = training_memory(config, rows, self.precision, optimizer, machine.device, machine.devices)
        if rows > 1 or machine.devices == 1 or whole.total <= USABLE_MEMORY_SHARE * machine.memory_bytes:
            return whole
        split = min(machine.devices, MOST_ROW_SPLIT)
        return training_memory(config, rows, self.precision, optimizer, machine.device, machine.devices, split)

    def fits_memory(self, config: DecoderConfig, rows: int = 1) -> bool:
        """Whether `rows` at once leave the share free that is not ours."""
        return self.memory(config, rows).total <= USABLE_MEMORY_SHARE * self.machine.memory_bytes


def draft_plan(recipe: Recipe, survey: Survey, machine: TrainingMachine) -> Draft:
    """The best plan for this recipe here, with the problems it has, if any."""
    case = _case(recipe, survey, machine)
    config = choose_shape(case)
    tokens = choose_tokens(case, config)
    choice = _choice(case, config, tokens)
    memory = case.memory(config, choice.micro_batch)
    disk = disk_needed(config, recipe.train[0].optimizer, survey.size_bytes, case.estimate.unique_tokens)
    predicted = _predicted(case, config, choice, memory, disk)
    plan = Plan(
        choice=choice,
        machine=_machine_facts(case, config),
        predicted=predicted,
        data=_data_facts(case),
        budget=case.allowance.text,
        warnings=warnings_for(recipe, choice, predicted, case.estimate, machine, case.allowance),
        reasons=reasons_for(recipe, choice, predicted, case.estimate, machine, case.allowance, SHALLOWEST),
    )
    usable = int(USABLE_MEMORY_SHARE * machine.memory_bytes)
    return Draft(plan, room_problems(plan, usable, machine.free_disk_bytes), time_problems(plan, case.allowance))


def choose_shape(case: Case) -> DecoderConfig:
    """The model the recipe asks for, or the depth whose tokens per parameter come nearest to what was asked."""
    scratch, context = case.recipe.model.scratch, case.recipe.train[0].context
    vocabulary = table_rows(case.recipe.tokenizer.train.vocabulary)
    if scratch.layers is not None:
        return dial(scratch.layers, vocabulary, context, scratch.hidden)
    if scratch.parameters is not None:
        return dial_for_parameters(scratch.parameters, vocabulary, context)
    return _best_depth(case, list(_shapes(case)))


def choose_tokens(case: Case, config: DecoderConfig) -> float:
    """The recipe's tokens; else what the budget allows; else tokens per parameter; unasked, at most four passes."""
    asked = case.recipe.train[0].tokens
    if asked != "auto":
        return asked
    if case.allowance.seconds is None:
        return min(case.recipe.budget.tokens_per_parameter * counted_parameters(config), case.most_tokens)
    return min(case.affordable(config), case.most_tokens)


def table_rows(vocabulary: int) -> int:
    """Rows of the token table for a tokenizer of this vocabulary."""
    return -(-vocabulary // TABLE_MULTIPLE) * TABLE_MULTIPLE


def counted_parameters(config: DecoderConfig) -> int:
    """The parameters that tokens are counted against: all but the token tables.

    From 1B up the tables are a few per cent, and both counts say the same. In a model of 1M parameters the table is
    most of it, and says nothing of what the layers can learn. (Pearce and Song 2024, arXiv 2406.12907, reconcile the
    two counts.)
    """
    counts = n_parameters(config)
    return counts.total - counts.embedding


def _case(recipe: Recipe, survey: Survey, machine: TrainingMachine) -> Case:
    vocabulary, valid = recipe.tokenizer.train.vocabulary, recipe.data.split.valid
    sizes = survey.size_bytes_by_language or {"python": survey.size_bytes}
    estimate = estimate_tokens(sizes, vocabulary, valid)
    if estimate.unique_tokens < 1:
        raise InputDataError("there is nothing to train on: the sources hold no file of a known language",
                             "name a folder with code under data.sources, or widen data.languages")  # fmt: skip
    asked = recipe.train[0].precision
    precision = machine.best_precision() if asked == "auto" else asked
    return Case(recipe, survey, machine, estimate, allowance(recipe, machine), precision)


def _shapes(case: Case) -> Iterator[DecoderConfig]:
    """The dial's shapes that fit in memory, shallowest first; the first even when it does not."""
    vocabulary, context = table_rows(case.recipe.tokenizer.train.vocabulary), case.recipe.train[0].context
    for layers in range(SHALLOWEST, DEEPEST + 1):
        try:
            config = dial(layers, vocabulary, context, case.recipe.model.scratch.hidden)
        except RecipeError:
            if layers == SHALLOWEST:
                raise
            return
        if layers > SHALLOWEST and not case.fits_memory(config):
            return
        yield config


def _best_depth(case: Case, shapes: list[DecoderConfig]) -> DecoderConfig:
    wanted = case.recipe.budget.tokens_per_parameter
    off = [
        abs(math.log(max(1.0, choose_tokens(case, shape)) / (wanted * counted_parameters(shape)))) for shape in shapes
    ]
    index = off.index(min(off))
    while index + 1 < len(shapes) and _spare_time_buys(case, shapes[index + 1]):
        index += 1
    return shapes[index]


def _spare_time_buys(case: Case, larger: DecoderConfig) -> bool:
    """Whether this shape can still see all the data four times in the budget, with tokens enough for its size."""
    if case.allowance.seconds is None or case.affordable(larger) < case.most_tokens:
        return False
    wanted = case.recipe.budget.tokens_per_parameter
    return choose_tokens(case, larger) >= LEAST_SHARE_OF_RATIO * wanted * counted_parameters(larger)


def _choice(case: Case, config: DecoderConfig, tokens: float) -> Choice:
    phase, machine, counts = case.recipe.train[0], case.machine, n_parameters(config)
    flops = max(1.0, tokens) * training_flops_per_token(config)
    rows = case.rows(config, tokens)
    micro = micro_batch(phase, rows, machine.devices, machine.device, lambda size: case.fits_memory(config, size))
    batch_tokens = rows * config.context
    steps = max(1, int(tokens / batch_tokens)) if phase.tokens == "auto" else max(1, round(tokens / batch_tokens))
    return Choice(
        layers=config.layers,
        hidden=config.hidden,
        heads=config.heads,
        kv_heads=config.kv_heads,
        head_dim=config.head_dim,
        intermediate=config.intermediate,
        vocabulary=case.recipe.tokenizer.train.vocabulary,
        context=config.context,
        parameters=counts.total,
        parameters_embedding=counts.embedding,
        tokens=steps * batch_tokens,
        steps=steps,
        batch_tokens=batch_tokens,
        micro_batch=micro,
        learning_rate=learning_rate(phase, flops),
        precision=case.precision,
        passes=round(steps * batch_tokens / case.estimate.unique_tokens, 3),
    )


def _predicted(case: Case, config: DecoderConfig, choice: Choice, memory: Memory, disk: Disk) -> Predicted:
    machine, recipe = case.machine, case.recipe
    startup = startup_seconds(recipe, machine, choice.tokens / case.tokens_per_second(config))
    upkeep = case.upkeep(config, choice.batch_tokens // choice.context)
    cost = training_cost(config, choice.tokens, machine, case.precision, upkeep, startup)
    return Predicted(
        seconds=cost.seconds,
        startup_seconds=startup,
        flops=cost.flops,
        peak_memory_bytes=memory.total,
        memory_bytes=memory.by_part(),
        loss=expected_loss(choice.parameters, choice.tokens, case.estimate.unique_tokens, choice.vocabulary),
        loss_trust=trust_in_loss(choice.parameters),
        disk_bytes=disk.total,
        disk_bytes_by_part=disk.by_part(),
        usd=cost.usd,
        device_hours=cost.device_hours,
    )


def _machine_facts(case: Case, config: DecoderConfig) -> MachineFacts:
    machine = case.machine
    return MachineFacts(
        name=machine.name,
        device=machine.device,
        devices=machine.devices,
        cpu=machine.cpu,
        cores=machine.cores,
        memory_bytes=machine.memory_bytes,
        ceiling_flops_per_second=dict(machine.ceiling_flops_per_second),
        share_of_ceiling=share_of_ceiling(config, machine, case.precision),
        share_is_measured=machine.is_measured(case.precision),
        tokens_per_second=case.tokens_per_second(config),
    )


def _data_facts(case: Case) -> DataFacts:
    estimate = case.estimate
    return DataFacts(
        case.survey.n_files,
        estimate.size_bytes,
        estimate.training_bytes,
        estimate.bytes_per_token,
        estimate.unique_tokens,
    )
