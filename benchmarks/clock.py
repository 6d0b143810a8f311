"""What work takes by two clocks, and how two sides compare: the median round, and the median of the rounds' ratios."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

Result = TypeVar("Result")


class Spent(NamedTuple):
    """Seconds by the clock on the wall, and of processor time of this process, its threads and its children."""

    wall: float
    cpu: float


def timed(work: Callable[[], Result]) -> tuple[Spent, Result]:
    """What `work` takes, and its result."""
    cpu, wall = _cpu_seconds(), time.perf_counter()
    result = work()
    return Spent(time.perf_counter() - wall, _cpu_seconds() - cpu), result


def rates(spent: Sequence[Spent], n_bytes: int) -> dict[str, float]:
    """MB (1e6 bytes) a second by the median round; MB per CPU-second counts the time of all threads and processes."""
    wall, cpu = (statistics.median(values) for values in zip(*spent, strict=True))
    return {"mb_per_second": round(n_bytes / 1e6 / wall, 2), "mb_per_cpu_second": round(n_bytes / 1e6 / cpu, 2)}


def ratios(ours: Sequence[Spent], theirs: Sequence[Spent]) -> dict[str, float]:
    """How many times as long theirs takes: the median of the rounds' ratios, by each clock."""
    rounds = list(zip(ours, theirs, strict=True))
    return {
        "ratio_wall": round(statistics.median(b.wall / a.wall for a, b in rounds), 2),
        "ratio_cpu": round(statistics.median(b.cpu / a.cpu for a, b in rounds), 2),
    }


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in used)
