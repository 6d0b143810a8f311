"""The learning rate over the run, as a factor 0..1 of the peak. A pure function of the step and the total."""

from __future__ import annotations

import math

from understudy.core.recipe import Schedule


def factor(schedule: Schedule, step: int, total_steps: int) -> float:
    """The factor for step number `step`, counted from 0: warm-up, then the kind's course.

    wsd (warm-up, stable, decay; Hu et al. 2024): constant, then linear over the last `decay` of the steps. Because it
    is constant for most of the run, a total shortened early changes nothing that has already happened.
    """
    n_warmup = math.ceil(schedule.warmup * total_steps)
    if step < n_warmup:
        return (step + 1) / (n_warmup + 1)
    if schedule.kind == "wsd":
        n_decay = max(1, round(schedule.decay * total_steps))
        return min(1.0, (total_steps - step) / n_decay) if schedule.decay > 0 else 1.0
    progress = (step - n_warmup) / max(1, total_steps - n_warmup)
    return 0.5 * (1.0 + math.cos(math.pi * progress)) if schedule.kind == "cosine" else 1.0 - progress
