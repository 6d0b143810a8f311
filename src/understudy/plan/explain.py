"""Why the plan is as it is, in sentences with numbers; what to look out for; and what keeps it from fitting."""

from __future__ import annotations

from understudy.core.recipe import Recipe
from understudy.core.units import bytes_text, count_text, duration_text, percent_text, rate_text
from understudy.plan.budget import SAFETY_MARGIN, Allowance
from understudy.plan.corpus_tokens import KEPT_SHARE, TokenEstimate
from understudy.plan.hyperparameters import FEWEST_STEPS
from understudy.plan.machines import TABLE_DATE, TrainingMachine
from understudy.plan.record import Choice, Plan, Predicted
from understudy.plan.scaling import PASSES_WITHOUT_WARNING, TOKENS_PER_PARAMETER

# A disk filled to the last byte fails in the middle of a save.
USABLE_DISK_SHARE = 0.95
# Fewer steps than this are no training.
FEWEST_USEFUL_STEPS = 2


def reasons_for(
    recipe: Recipe,
    choice: Choice,
    predicted: Predicted,
    estimate: TokenEstimate,
    machine: TrainingMachine,
    allowance: Allowance,
    shallowest: int,
) -> dict[str, str]:
    """One sentence for each decision, keyed by what it decides."""
    return {
        "data": _data_reason(choice, estimate),
        "budget": _budget_reason(allowance, predicted),
        "model": _model_reason(recipe, choice, allowance, shallowest),
        "tokens": _tokens_reason(recipe, choice, estimate, allowance),
        "speed": _speed_reason(machine, choice),
        "batch": _batch_reason(recipe, choice),
        "learning_rate": _rate_reason(recipe, choice),
        "precision": _precision_reason(recipe, choice, machine),
        "loss": f"{predicted.loss:.2f} nats a token by the Chinchilla formula; {predicted.loss_trust}",
    }


def warnings_for(
    recipe: Recipe,
    choice: Choice,
    predicted: Predicted,
    estimate: TokenEstimate,
    machine: TrainingMachine,
    allowance: Allowance,
) -> tuple[str, ...]:
    """What the person should know before spending the budget, most important first."""
    found = []
    if choice.passes > PASSES_WITHOUT_WARNING * 1.001:
        found.append(
            f"the run passes {choice.passes:.1f} times over the data; after 4 passes repetition teaches less and less"
        )
    if choice.tokens > PASSES_WITHOUT_WARNING * estimate.unique_tokens and recipe.train[0].tokens == "auto":
        found.append("there is less data than one step holds; add sources")
    per_parameter = choice.tokens_per_parameter
    asked = recipe.budget.tokens_per_parameter
    scratch = recipe.model.scratch
    is_chosen = scratch.layers is None and scratch.parameters is None
    if not is_chosen and per_parameter > 3 * max(asked, TOKENS_PER_PARAMETER):
        found.append(f"{per_parameter:,.0f} tokens a parameter over-train this model; a larger one would learn more")
    if found_idle := _idle_budget(recipe, predicted, allowance):
        found.append(found_idle)
    if choice.steps < FEWEST_STEPS:
        found.append(f"only {choice.steps} steps of {count_text(choice.batch_tokens)} tokens; expect little")
    if machine.usd_per_hour is not None and recipe.budget.usd_per_gpu_hour is None:
        found.append(f"the price is an assumption of {TABLE_DATE}; set budget.usd_per_gpu_hour to yours")
    return tuple(found)


def _idle_budget(recipe: Recipe, predicted: Predicted, allowance: Allowance) -> str | None:
    """Said when the data, not the budget, ends the run."""
    if recipe.train[0].tokens != "auto" or allowance.seconds is None or predicted.seconds > 0.5 * allowance.seconds:
        return None
    used, whole = duration_text(predicted.seconds), duration_text(allowance.seconds)
    return f"the data end the run, not the budget: {used} of {whole} are used; more sources would use the rest"


def room_problems(plan: Plan, usable_memory_bytes: int, free_disk_bytes: int | None) -> tuple[str, ...]:
    """What is lacking in memory or on disk, in sentences."""
    found, predicted = [], plan.predicted
    if predicted.peak_memory_bytes > usable_memory_bytes:
        found.append(
            f"training {count_text(plan.choice.parameters)} parameters takes {bytes_text(predicted.peak_memory_bytes)} "
            f"of memory, and {bytes_text(usable_memory_bytes)} can be used on {plan.machine.name}"
        )
    if free_disk_bytes is not None and predicted.disk_bytes > USABLE_DISK_SHARE * free_disk_bytes:
        found.append(f"the run writes {bytes_text(predicted.disk_bytes)}, and {bytes_text(free_disk_bytes)} are free")
    return tuple(found)


def time_problems(plan: Plan, allowance: Allowance) -> tuple[str, ...]:
    """Whether the budget is too short, in a sentence."""
    if allowance.seconds is None:
        return ()
    if plan.choice.steps < FEWEST_USEFUL_STEPS and plan.predicted.seconds > allowance.seconds:
        return (f"the budget of {allowance.text} is over before {FEWEST_USEFUL_STEPS} training steps are done",)
    if plan.predicted.seconds > allowance.seconds:
        return (f"training takes {duration_text(plan.predicted.seconds)}, and the budget is {allowance.text}",)
    return ()


def _data_reason(choice: Choice, estimate: TokenEstimate) -> str:
    return (
        f"{bytes_text(estimate.size_bytes)} of source, of which {percent_text(KEPT_SHARE)} is expected to pass the "
        f"filters, at about {estimate.bytes_per_token:.2f} bytes a token (vocabulary {choice.vocabulary:,}): "
        f"{count_text(estimate.unique_tokens)} tokens to train on"
    )


def _budget_reason(allowance: Allowance, predicted: Predicted) -> str:
    if allowance.seconds is None:
        return f"no limit was given; the run is expected to take {duration_text(predicted.seconds)}"
    start = "the recipe limits neither time nor size, so it gets" if allowance.is_default else "the budget is"
    return (
        f"{start} {allowance.text}; {percent_text(SAFETY_MARGIN)} is kept back as a margin and "
        f"{duration_text(predicted.startup_seconds)} go to loading and compiling"
    )


def _model_reason(recipe: Recipe, choice: Choice, allowance: Allowance, shallowest: int) -> str:
    scratch, size = recipe.model.scratch, f"{count_text(choice.parameters)} parameters"
    layers = "1 layer" if choice.layers == 1 else f"{choice.layers} layers"
    shape = f"{layers} of width {choice.hidden}, {size}"
    if scratch.layers is not None:
        return f"{shape}: the recipe sets layers"
    if scratch.parameters is not None:
        return f"{shape}: the dial's nearest to the {count_text(scratch.parameters)} parameters asked for"
    ratio = choice.tokens_per_parameter
    wanted = recipe.budget.tokens_per_parameter
    kind = "compute-optimal" if wanted == TOKENS_PER_PARAMETER else "asked for"
    limit = "tokens" if allowance.seconds is None else "budget"
    seen = f"{ratio:.1f} tokens a parameter outside the token table"
    if choice.layers == shallowest and ratio < wanted:
        return (
            f"{shape}: {seen}, fewer than the {wanted:g} that are {kind}, but one layer could not repeat what it read"
        )
    return f"{shape}: with this {limit} it sees {seen}, nearest to the {wanted:g} that are {kind}"


def _tokens_reason(recipe: Recipe, choice: Choice, estimate: TokenEstimate, allowance: Allowance) -> str:
    ratio = f"{choice.passes:.2f} passes over the data"
    steps = f"{count_text(choice.tokens)} tokens in {choice.steps:,} steps ({ratio})"
    if recipe.train[0].tokens != "auto":
        return f"{steps}: the recipe sets tokens"
    if choice.tokens + choice.batch_tokens > PASSES_WITHOUT_WARNING * estimate.unique_tokens:
        return f"{steps}: four passes over the data is where more stops paying (Muennighoff et al. 2023)"
    if allowance.seconds is None:
        return f"{steps}: {recipe.budget.tokens_per_parameter:g} tokens a parameter of the model asked for"
    return f"{steps}: what the budget allows at the expected speed"


def _speed_reason(machine: TrainingMachine, choice: Choice) -> str:
    ceiling = rate_text(machine.ceiling(choice.precision))
    if machine.is_measured(choice.precision):
        return f"a probe of real training steps on {machine.name}, beside its {ceiling} matrix product"
    return f"not measured: the usual share of {ceiling} is assumed" + (
        f" on each of {machine.devices} devices" if machine.devices > 1 else ""
    )


def _batch_reason(recipe: Recipe, choice: Choice) -> str:
    rows = choice.batch_tokens // choice.context
    rows_text = f"{rows} rows of {choice.context}, {choice.micro_batch} at once"
    size = f"{count_text(choice.batch_tokens)} tokens a step ({rows_text})"
    if recipe.train[0].batch_tokens != "auto":
        return f"{size}: the recipe sets batch_tokens"
    return f"{size}: DeepSeek's batch law at this compute, kept to at least {FEWEST_STEPS} steps where the data allow"


def _rate_reason(recipe: Recipe, choice: Choice) -> str:
    if recipe.train[0].learning_rate != "auto":
        return f"{choice.learning_rate:g}: the recipe sets it"
    if recipe.train[0].optimizer == "muon":
        return f"{choice.learning_rate:g}: Muon's steps do not depend on width, so one rate serves every depth"
    return f"{choice.learning_rate:g}: DeepSeek's law for AdamW at this compute, at most 0.003"


def _precision_reason(recipe: Recipe, choice: Choice, machine: TrainingMachine) -> str:
    if recipe.train[0].precision != "auto":
        return f"{choice.precision}: the recipe sets it"
    ceilings = machine.ceiling_flops_per_second
    times = ceilings["bfloat16"] / ceilings["float32"]
    return f"{choice.precision}: a bf16 matrix product is {times:.1f} times as fast as an fp32 one on {machine.name}"
