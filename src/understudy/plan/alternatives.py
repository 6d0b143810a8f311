"""When a recipe cannot fit: three concrete changes that would, each tried by planning again.

problems ─▶ candidate changes, the gentlest of each kind first ─▶ plan again ─▶ the first three kinds that fit
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from understudy.core.errors import RecipeError, ResourceError
from understudy.core.recipe import Recipe
from understudy.core.stage import Survey
from understudy.core.units import count_text, duration_text
from understudy.plan.choose import Draft, draft_plan
from understudy.plan.machines import GPUS, TrainingMachine, find_gpu, named_machine
from understudy.plan.record import Plan

N_ALTERNATIVES = 3

Change = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Alternative:
    """One change of the recipe and the plan it leads to; printed as `--set` takes it."""

    settings: Change
    plan: Plan

    def __str__(self) -> str:
        choice, predicted = self.plan.choice, self.plan.predicted
        words = " ".join(f"--set {key}={'null' if value is None else value}" for key, value in self.settings.items())
        return (
            f"{words}  ({count_text(choice.parameters)} parameters, {count_text(choice.tokens)} tokens, "
            f"{duration_text(predicted.seconds)})"
        )


def make_plan(recipe: Recipe, survey: Survey, machine: TrainingMachine) -> Plan:
    """The plan for this recipe here. Raises ResourceError, with three changes that fit, when it cannot be."""
    draft = draft_plan(recipe, survey, machine)
    if draft.problems:
        raise cannot_fit(recipe, survey, machine, draft)
    return draft.plan


def cannot_fit(recipe: Recipe, survey: Survey, machine: TrainingMachine, draft: Draft) -> ResourceError:
    """The error that says what does not fit, and three changes that would."""
    found = alternatives(recipe, survey, machine, draft.plan)
    lines = [f"{number}. {alternative}" for number, alternative in enumerate(found, start=1)]
    message = f"the recipe {recipe.name} cannot be trained: {'; '.join(draft.problems)}"
    return ResourceError(message, "\n".join(["any one of these fits:", *lines]) if lines else "understudy doctor")


def alternatives(recipe: Recipe, survey: Survey, machine: TrainingMachine, plan: Plan) -> list[Alternative]:
    """Up to three changes, of different kinds, each of which was planned again and fits."""
    found: list[Alternative] = []
    for kind in _kinds(recipe, plan):
        fitting = next(_that_fit(recipe, survey, machine, kind), None)
        if fitting is not None and all(fitting.settings != other.settings for other in found):
            found.append(fitting)
        if len(found) == N_ALTERNATIVES:
            break
    return found


def _kinds(recipe: Recipe, plan: Plan) -> Iterator[Iterable[Change]]:
    """Kinds of change in the order in which they are offered; within each, the smallest change first."""
    phase, unit = recipe.train[0], _unit(recipe)
    yield _smaller_models(recipe, plan)
    if phase.tokens != "auto":
        if unit is not None:
            asked = "parameters" if recipe.model.scratch.parameters is not None else "layers"
            yield [{f"model.scratch.{asked}": None, "train.0.tokens": "auto"}]
        yield ({"train.0.tokens": _round_down(plan.choice.tokens * 0.8**power)} for power in range(1, 60))
    if recipe.model.scratch.hidden is not None:
        yield ({"model.scratch.hidden": hidden} for hidden in _halvings(recipe.model.scratch.hidden, 32))
    if unit is not None:
        yield _more_budget(recipe, plan, unit)
    yield from _other_gpus(recipe)
    yield ({"train.0.micro_batch": rows} for rows in _halvings(plan.choice.micro_batch, 1))
    yield ({"train.0.context": context} for context in _halvings(plan.choice.context, 64))
    yield ({"tokenizer.train.vocabulary": vocabulary} for vocabulary in _halvings(plan.choice.vocabulary, 1024))
    if phase.optimizer == "adamw":
        yield [{"train.0.optimizer": "muon"}]
    if unit is not None:
        yield [{f"budget.{unit}": None, "train.0.tokens": 100 * phase.context}]
        yield [{f"budget.{unit}": None, "model.scratch.layers": 1}]


def _smaller_models(recipe: Recipe, plan: Plan) -> list[Change]:
    """Fewer layers, or fewer parameters where the recipe sets those."""
    scratch = recipe.model.scratch
    if scratch.layers is None and scratch.parameters is not None:
        sizes = (_round_down(plan.choice.parameters * 0.8**power) for power in range(1, 80))
        return [{"model.scratch.parameters": size} for size in sizes if size >= 100_000]
    return [{"model.scratch.layers": layers} for layers in range(plan.choice.layers - 1, 0, -1)]


def _unit(recipe: Recipe) -> str | None:
    """The key the budget is given in."""
    return next((name for name in ("usd", "hours", "minutes") if getattr(recipe.budget, name) is not None), None)


def _more_budget(recipe: Recipe, plan: Plan, unit: str) -> Iterator[Change]:
    """The budget in its own unit, a little above what the plan needs, then growing."""
    spent = float(getattr(recipe.budget, unit))
    needed = plan.predicted.usd if unit == "usd" else plan.predicted.seconds / (3600 if unit == "hours" else 60)
    start = max(spent * 1.25, 1.1 * (needed or spent))
    yield from ({f"budget.{unit}": _round_up(start * 1.5**power)} for power in range(24))


def _other_gpus(recipe: Recipe) -> Iterator[Iterable[Change]]:
    """One GPU that is better than the one asked for; then more of the one asked for; then eight or 64 of any."""
    budget = recipe.budget
    now = find_gpu(budget.gpu) if budget.gpu is not None else None
    size = (0, 0.0) if now is None else (now.memory_bytes, now.bf16_flops_per_second)
    larger = [gpu.name for gpu in GPUS.values() if (gpu.memory_bytes, gpu.bf16_flops_per_second) > size]
    yield [{"budget.gpu": name} for name in larger]
    if now is not None:
        yield [{"budget.gpus": budget.gpus * 2**power} for power in range(1, 11)]
    for gpus in (8, 64):
        yield [{"budget.gpu": name, "budget.gpus": gpus} for name in larger]


def _that_fit(
    recipe: Recipe, survey: Survey, machine: TrainingMachine, kind: Iterable[Change]
) -> Iterator[Alternative]:
    """Those changes that are allowed and whose plan has no problem left."""
    for change in kind:
        try:
            changed = with_changes(recipe, change)
            draft = draft_plan(changed, survey, _machine_for(changed, recipe, machine))
        except (ValidationError, RecipeError):
            continue
        if not draft.problems:
            yield Alternative(change, draft.plan)


def with_changes(recipe: Recipe, change: Change) -> Recipe:
    """The recipe with the values at some dotted paths replaced, validated anew."""
    values = recipe.model_dump(mode="json")
    for key, value in change.items():
        *path, last = key.split(".")
        place: Any = values
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place[part]
        place[last] = value
    return Recipe.model_validate(values)


def _machine_for(changed: Recipe, recipe: Recipe, machine: TrainingMachine) -> TrainingMachine:
    if changed.budget == recipe.budget or changed.budget.gpu is None:
        return machine
    return named_machine(find_gpu(changed.budget.gpu), changed.budget.gpus, changed.budget.usd_per_gpu_hour)


def _halvings(value: int, least: int) -> Iterator[int]:
    while value // 2 >= least:
        value //= 2
        yield value


def _round_down(value: float) -> int:
    """Two significant digits, downwards, as a person would write it."""
    whole = int(value)
    scale = int("1" + "0" * max(0, len(str(whole)) - 2))
    return whole // scale * scale


def _round_up(value: float) -> float:
    """Two significant digits, upwards."""
    rounded = float(f"{value:.1e}")
    rounded = rounded if rounded >= value else float(f"{value * 1.06:.1e}")
    return int(rounded) if rounded.is_integer() else rounded
