from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.eval.statistics import (
    detectable_difference,
    generator,
    mean_interval,
    paired_difference,
    ratio_interval,
    share_interval,
    student_quantile,
    wilson,
)


def clustered(random: np.random.Generator, n_files: int, n_each: int, mean: float) -> tuple[np.ndarray, list[str]]:
    """Values whose files differ as much as the items within them do."""
    effects = random.normal(mean, 1.0, n_files)
    values = (effects[:, None] + random.normal(0.0, 1.0, (n_files, n_each))).ravel()
    return values, [f"file{number}" for number in range(n_files) for _ in range(n_each)]


@pytest.mark.parametrize("n_files", [8, 30])
def test_the_interval_of_clustered_values_covers_their_mean_as_often_as_it_says(n_files: int) -> None:
    random = np.random.default_rng(1)
    n_covered = 0
    for trial in range(400):
        values, files = clustered(random, n_files, 5, mean=3.0)
        interval = mean_interval(values, files, seed=trial, n_resamples=400)
        assert interval is not None
        n_covered += interval.low <= 3.0 <= interval.high
    low, high = wilson(0.95 * 400, 400)
    assert low - 0.02 <= n_covered / 400 <= high + 0.02


def test_an_interval_that_ignored_files_would_cover_too_seldom() -> None:
    random = np.random.default_rng(1)
    n_covered = 0
    for trial in range(200):
        values, _ = clustered(random, 15, 10, mean=3.0)
        interval = mean_interval(values, [str(number) for number in range(len(values))], seed=trial, n_resamples=400)
        assert interval is not None
        n_covered += interval.low <= 3.0 <= interval.high
    assert n_covered / 200 < 0.8


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 5), st.integers(0, 4)), min_size=2, max_size=30), st.randoms())
def test_the_order_of_the_items_changes_nothing(pairs: list[tuple[float, int]], random: object) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    results = [
        mean_interval([value for value, _ in order], [f"f{file}" for _, file in order], seed=3, n_resamples=50)
        for order in (pairs, shuffled)
    ]
    assert results[0] == results[1]


def test_the_interval_holds_its_value_and_repeats_with_its_seed() -> None:
    values, files = clustered(np.random.default_rng(2), 10, 4, mean=0.0)
    first, again = mean_interval(values, files, seed=5), mean_interval(values, files, seed=5)
    assert first == again
    assert first is not None
    assert first.low < first.value < first.high
    assert (first.n_items, first.n_files) == (40, 10)


def test_one_file_gives_no_interval() -> None:
    assert mean_interval([1.0, 2.0, 3.0], ["a", "a", "a"], seed=1) is None
    assert mean_interval([], [], seed=1) is None
    assert ratio_interval([0.0, 0.0], [0.0, 0.0], ["a", "b"], seed=1) is None


def test_a_share_of_nothing_or_all_is_not_certain() -> None:
    files = [f"file{number % 20}" for number in range(100)]
    nothing, everything = share_interval([0.0] * 100, files, seed=1), share_interval([1.0] * 100, files, seed=1)
    assert nothing is not None
    assert everything is not None
    assert (nothing.low, nothing.high) == wilson(0, 20)
    assert (everything.low, everything.high) == wilson(20, 20)
    assert nothing.low == 0.0
    assert nothing.high == pytest.approx(0.1611, abs=1e-4)
    assert nothing.smallest_difference > 0


def test_a_paired_difference_sees_what_two_separate_intervals_cannot() -> None:
    values, files = clustered(np.random.default_rng(4), 20, 5, mean=0.0)
    better = values + 0.2 + np.random.default_rng(5).normal(0, 0.1, len(values))
    ours, theirs = mean_interval(better, files, seed=1), mean_interval(values, files, seed=1)
    difference = paired_difference(better, values, files, seed=1)
    assert ours is not None
    assert theirs is not None
    assert difference is not None
    assert ours.low < theirs.high
    assert difference.low > 0
    assert difference.smallest_difference < ours.smallest_difference


def test_the_smallest_difference_is_found_four_times_in_five() -> None:
    random = np.random.default_rng(6)
    error = 0.5
    draws = random.normal(detectable_difference(error), error, 20_000)
    assert np.mean(np.abs(draws) > 1.96 * error) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    ("degrees", "quantile"), [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (10, 2.228), (30, 2.042), (1000, 1.962)]
)
def test_students_quantile_is_that_of_the_tables(degrees: int, quantile: float) -> None:
    assert student_quantile(0.95, degrees) == pytest.approx(quantile, rel=0.011)


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    assert wilson(15, 50) == pytest.approx((0.1910, 0.4375), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_a_generator_depends_on_seed_and_purpose() -> None:
    draws = {generator(seed, purpose).integers(2**62) for seed in (1, 2) for purpose in ("a", "b")}
    assert len(draws) == 4
    assert generator(1, "a").integers(2**62) == generator(1, "a").integers(2**62)
