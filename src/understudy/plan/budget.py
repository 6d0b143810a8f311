"""What the recipe's budget allows: seconds of training on a machine, from minutes, hours or money."""

from __future__ import annotations

from dataclasses import dataclass

from understudy.core.recipe import Recipe
from understudy.core.units import duration_text, money_text
from understudy.plan.machines import TrainingMachine

# Where the recipe says neither what the model, nor the tokens, nor the budget should be.
DEFAULT_SECONDS = 600.0
# Kept back from the budget: probes and rates differ from a long run by a few per cent.
SAFETY_MARGIN = 0.05
# Before the first step: loading, and compiling the layers once.
STARTUP_SECONDS = {"cpu": 2.0, "cuda": 20.0}
COMPILE_SECONDS = {"cpu": 15.0, "cuda": 60.0}
# Compiling pays for itself only in runs longer than this.
SHORTEST_COMPILED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """The wall-clock seconds a run may take, None where nothing limits them, and how the person said it."""

    seconds: float | None
    text: str
    is_default: bool = False


def allowance(recipe: Recipe, machine: TrainingMachine) -> Allowance:
    """What the budget allows on this machine. A recipe that fixes neither model nor tokens gets ten minutes."""
    budget = recipe.budget
    if budget.usd is not None:
        price = (machine.usd_per_hour or 0.0) * machine.devices
        seconds = 3600.0 * budget.usd / price
        hourly = f"{money_text(machine.usd_per_hour or 0.0)} a GPU-hour"
        return Allowance(seconds, f"{money_text(budget.usd)} at {hourly} ({duration_text(seconds)} on {machine.name})")
    if budget.seconds is not None:
        return Allowance(budget.seconds, f"{duration_text(budget.seconds)} on {machine.name}")
    scratch = recipe.model.scratch
    if recipe.train[0].tokens == "auto" and scratch.layers is None and scratch.parameters is None:
        return Allowance(DEFAULT_SECONDS, f"{duration_text(DEFAULT_SECONDS)} on {machine.name}", is_default=True)
    return Allowance(None, "none")


def is_compiled(recipe: Recipe, seconds: float) -> bool:
    """Whether the layers are compiled in a run of this length."""
    asked = recipe.train[0].compile
    return seconds >= SHORTEST_COMPILED_SECONDS if asked == "auto" else asked


def startup_seconds(recipe: Recipe, machine: TrainingMachine, seconds: float) -> float:
    """Seconds before the first training step of a run of about `seconds`."""
    compiling = COMPILE_SECONDS[machine.device] if is_compiled(recipe, seconds) else 0.0
    return STARTUP_SECONDS[machine.device] + compiling


def training_seconds(recipe: Recipe, machine: TrainingMachine, seconds: float) -> float:
    """What is left of a budget for training steps and their upkeep: start-up and safety margin taken off."""
    return max(0.0, seconds * (1.0 - SAFETY_MARGIN) - startup_seconds(recipe, machine, seconds))
