"""Measured points, and what is expected between them: rates and sizes grow with the logarithm of a model's."""

from __future__ import annotations

import math
from itertools import pairwise

Points = tuple[tuple[float, float], ...]


def interpolated(points: Points, size: float) -> float:
    """The value at `size`, linear in log(size) between sorted (size, value) points, flat beyond their ends."""
    if size <= points[0][0]:
        return points[0][1]
    for (low, value_low), (high, value_high) in pairwise(points):
        if size <= high:
            weight = math.log(size / low) / math.log(high / low)
            return value_low + weight * (value_high - value_low)
    return points[-1][1]
