"""Keeps a run with a time budget inside it: a look after every tenth of the steps, and a correction where needed.

The plan's rate comes from a probe of seconds; a machine that other people use may turn out slower for a while. Only
runs whose tokens follow from the budget are shortened, and lengthened again, up to the plan, when the machine recovers.
The schedule's decay moves with the end, so the model still lands.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

LOOK_EVERY = 0.1  # of the steps
TOLERATED_OVERRUN = 1.05  # of the budget; less is noise that the next look may take back
AIM = 0.98  # of the budget: writing the model and a last validation come after the steps


def shortened_total(
    step: int, total_steps: int, step_seconds: Sequence[float], spent_seconds: float, budget_seconds: float
) -> int | None:
    """A smaller number of steps that keeps the budget, or None when the run is on course.

    `spent_seconds` is all time so far, start-up and compiling included; `step_seconds` are single steps since then.
    The median counts, so that one slow step does not shorten the run.
    """
    pace = median(step_seconds)
    if spent_seconds + (total_steps - step) * pace <= TOLERATED_OVERRUN * budget_seconds:
        return None
    affordable = step + int((AIM * budget_seconds - spent_seconds) / pace)
    return max(step + max(1, total_steps // 20), min(total_steps, affordable))


def lengthened_total(
    step: int,
    total_steps: int,
    planned_steps: int,
    step_seconds: Sequence[float],
    spent_seconds: float,
    budget_seconds: float,
) -> int | None:
    """A larger number of steps, up to the planned one, that a shortened run has time for again, or None."""
    affordable = step + int((AIM * budget_seconds - spent_seconds) / median(step_seconds))
    longer = min(planned_steps, affordable)
    return longer if longer > TOLERATED_OVERRUN * total_steps else None


def look_every(total_steps: int) -> int:
    """Steps between looks; never fewer than four, of which the first compiles and warms up."""
    return max(4, round(LOOK_EVERY * total_steps))
