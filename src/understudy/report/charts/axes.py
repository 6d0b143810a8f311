"""Where numbers lie on an axis, and which of them get a tick."""

from __future__ import annotations

import math
from dataclasses import dataclass

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
SMALLEST = 1e-300  # below it, numbers have no logarithm to speak of
LOG_RATIO = 20.0  # from this ratio of largest to smallest on, a linear axis hides the small ones


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps values low..high to places start..end, straight or by logarithm."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (_log(x) if self.is_log else x for x in (self.low, self.high, value))
        share = 0.5 if high == low else (value - low) / (high - low)
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round numbers inside low..high, about as many as wanted."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low] if math.isfinite(low) else []
    step = _round_step((high - low) / max(1, wanted))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def log_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """1, 2, 5 times powers of ten inside low..high; fewer kinds when that would be too many."""
    if low <= 0 or high < low:
        return []
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        found = [m * 10.0**p for p in powers for m in mantissas if low * 0.999 <= m * 10.0**p <= high * 1.001]
        if len(found) <= wanted:
            return found if len(found) > 1 else ticks(low, high, 3)
    return found[:: math.ceil(len(found) / wanted)]


def rounded_range(low: float, high: float, wanted: int = 4) -> tuple[float, float]:
    """The range widened to whole ticks, never empty."""
    if high - low < SMALLEST:
        margin = max(abs(low) * 0.1, SMALLEST) if low else 1.0
        low, high = low - margin, high + margin
    step = _round_step((high - low) / max(1, wanted))
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def _round_step(rough: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(rough))
    return next(step * magnitude for step in STEPS if step * magnitude >= rough * 0.999)


def _log(value: float) -> float:
    return math.log(max(value, 1e-300))
