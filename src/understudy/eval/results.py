"""What a suite hands back: scores with intervals, one row per sample, a few numbers for the artifact's metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from understudy.eval.statistics import Interval

Mode = Literal["left-to-right", "fill-in-the-middle"]
MODES: tuple[Mode, ...] = ("left-to-right", "fill-in-the-middle")

# The systems that sit the exam.
MODEL = "model"
RANDOM_WEIGHTS = "random-weights"
NEAREST_LINE = "nearest-line"


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """`scores` and `rule` (how they came about, for a reader) go into scores.json, `samples` into samples.jsonl."""

    rule: str
    scores: dict[str, Any]
    samples: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)


def measured(interval: Interval | None, n_files: int) -> dict[str, Any]:
    """The interval as a record, or the reason why there is none."""
    return interval.record() if interval is not None else not_measured(too_few_files(n_files))


def not_measured(reason: str) -> dict[str, Any]:
    """The record of a score that could not be taken."""
    return {"not_measured": reason}


def too_few_files(n_files: int) -> str:
    """Why there is no interval."""
    found = "no held-out file" if n_files == 0 else "only one held-out file"
    return f"{found} is usable, and an interval needs two; raise data.split.valid or add sources"
