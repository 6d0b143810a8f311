"""How sure a score is. Every number the exam gives out passes through here and leaves with an interval.

Items from one file share its author and its subject, so they are not independent: resampling draws whole files
("clusters"), never single items. A score is a ratio of sums (`total / weight`), which covers means (weight 1 an item)
and bits per byte (weight = bytes).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
POWER = 0.80  # the usual convention: a true difference of the stated size is found four times in five
N_RESAMPLES = 2000  # the interval's ends then move by about a hundredth of its width from seed to seed
MIN_CLUSTERS = 2  # from one file nothing can be said about other files
DRAWS_PER_BLOCK = 4_000_000  # bounds the memory of resampling to some tens of MB however many files there are

Floats = NDArray[np.float64]
Numbers = Sequence[float] | NDArray[Any]
Labels = Sequence[str] | NDArray[Any]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval, what it rests on, and the smallest difference that many items can show."""

    value: float
    low: float
    high: float
    n_items: int
    n_files: int
    smallest_difference: float
    method: str

    def record(self) -> dict[str, Any]:
        """The interval as plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """Per file: the sum of the measure and the sum of its weight."""

    totals: Floats
    weights: Floats

    @property
    def value(self) -> float:
        """The score: all totals over all weights."""
        return float(self.totals.sum() / self.weights.sum())


def generator(seed: int, purpose: str) -> np.random.Generator:
    """A random generator that depends on the seed and on what it is for, and on nothing else."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def mean_interval(values: Numbers, files: Labels, seed: int, n_resamples: int = N_RESAMPLES) -> Interval | None:
    """The mean of `values` with its interval, resampled by file; None when there are fewer than two files."""
    return ratio_interval(values, np.ones(len(values)), files, seed, n_resamples)


def share_interval(hits: Numbers, files: Labels, seed: int, n_resamples: int = N_RESAMPLES) -> Interval | None:
    """The share of successes (values 0 or 1) with its interval; None when there are fewer than two files.

    When all items agree the bootstrap sees no spread and would claim certainty; Wilson's interval then takes its place,
    with files as its sample, the careful choice as nothing shows how alike the items of a file are.
    """
    interval = mean_interval(hits, files, seed, n_resamples)
    if interval is None or 0.0 < interval.value < 1.0:
        return interval
    low, high = wilson(interval.value * interval.n_files, interval.n_files)
    error = (high - low) / (2 * _normal_quantile(CONFIDENCE))
    difference = detectable_difference(error * math.sqrt(2))
    return Interval(interval.value, low, high, interval.n_items, interval.n_files, difference, "Wilson over files")


def ratio_interval(
    totals: Numbers, weights: Numbers, files: Labels, seed: int, n_resamples: int = N_RESAMPLES
) -> Interval | None:
    """`sum(totals) / sum(weights)` with its interval, resampled by file; None when there are fewer than two files.

    The smallest difference is the one to another, independently measured score of the same spread.
    """
    sums = sum_by_cluster(totals, weights, files)
    return _bootstrap(sums, len(totals), seed, n_resamples, error_factor=math.sqrt(2))


def paired_difference(
    ours: Numbers, theirs: Numbers, files: Labels, seed: int, n_resamples: int = N_RESAMPLES
) -> Interval | None:
    """The mean of `ours - theirs` on the same items, resampled by file; None when there are fewer than two files."""
    differences = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    sums = sum_by_cluster(differences, np.ones(len(differences)), files)
    return _bootstrap(sums, len(differences), seed, n_resamples, error_factor=1.0)


def sum_by_cluster(totals: Numbers, weights: Numbers, files: Labels) -> ClusterSums:
    """Sums per file, bit-equal whatever the order of the items."""
    total, weight = np.asarray(totals, np.float64), np.asarray(weights, np.float64)
    _, index = np.unique(np.asarray(files, dtype=np.str_), return_inverse=True)
    order = np.lexsort((weight, total, index))
    index, total, weight = index[order], total[order], weight[order]
    totals = np.bincount(index, total).astype(np.float64)
    return ClusterSums(totals, np.bincount(index, weight).astype(np.float64))


def _bootstrap(sums: ClusterSums, n_items: int, seed: int, n_resamples: int, error_factor: float) -> Interval | None:
    """The expanded percentile interval: percentile intervals are too narrow with few clusters; widening their level by
    the ratio of Student's to the normal quantile and by sqrt(n / (n - 1)) repairs most of it.

    Hesterberg (2015), "What Teachers Should Know About the Bootstrap", section 4.2.
    """
    n_clusters = len(sums.totals)
    if n_clusters < MIN_CLUSTERS or sums.weights.sum() <= 0:
        return None
    draws = _resampled(sums, generator(seed, "bootstrap"), n_resamples)
    tail = 1 - NormalDist().cdf(math.sqrt(n_clusters / (n_clusters - 1)) * student_quantile(CONFIDENCE, n_clusters - 1))
    low, high = np.quantile(draws, [tail, 1 - tail])
    error = float(draws.std(ddof=1)) * math.sqrt(n_clusters / (n_clusters - 1))
    value = sums.value
    difference = detectable_difference(error * error_factor)
    low, high = min(float(low), value), max(float(high), value)
    return Interval(value, low, high, n_items, n_clusters, difference, "bootstrap by file")


def _resampled(sums: ClusterSums, random: np.random.Generator, n_resamples: int) -> Floats:
    n_clusters = len(sums.totals)
    shares = np.full(n_clusters, 1 / n_clusters)
    rows_per_block = max(1, DRAWS_PER_BLOCK // n_clusters)
    blocks = []
    for start in range(0, n_resamples, rows_per_block):
        times_drawn = random.multinomial(n_clusters, shares, size=min(rows_per_block, n_resamples - start))
        weights = times_drawn @ sums.weights
        totals = times_drawn @ sums.totals
        blocks.append(np.divide(totals, weights, out=np.full_like(totals, sums.value), where=weights > 0))
    return np.concatenate(blocks)


def detectable_difference(standard_error: float) -> float:
    """The true difference that a two-sided 5 % test finds with 80 % power, given the difference's standard error."""
    return (_normal_quantile(CONFIDENCE) + NormalDist().inv_cdf(POWER)) * standard_error


def wilson(n_successes: float, n: int) -> tuple[float, float]:
    """Wilson's (1927) 95 % interval of a share; honest at 0 and 1. No observations: everything is possible."""
    if n <= 0:
        return 0.0, 1.0
    z, share = _normal_quantile(CONFIDENCE), n_successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if share == 0 else max(0.0, centre - half)
    high = 1.0 if share == 1 else min(1.0, centre + half)
    return low, high


def student_quantile(confidence: float, degrees: int) -> float:
    """The two-sided quantile of Student's t.

    Exact for 1 and 2 degrees of freedom; above, the Cornish-Fisher expansion (Abramowitz & Stegun 26.7.5), whose error
    at 95 % is 1 % at 3 degrees and below 0.1 % from 6 on.
    """
    upper = (1 + confidence) / 2
    if degrees == 1:
        return math.tan(math.pi * (upper - 0.5))
    if degrees == 2:
        return (2 * upper - 1) * math.sqrt(2 / (4 * upper * (1 - upper)))
    z, n = NormalDist().inv_cdf(upper), degrees
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * n**4)
    )


def _normal_quantile(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)
