"""The learning rate over the run, and keeping a run inside its budget."""

from __future__ import annotations

import pytest

from understudy.core.recipe import Schedule
from understudy.train.pace import lengthened_total, look_every, shortened_total
from understudy.train.schedule import factor


@pytest.mark.parametrize("kind", ["wsd", "cosine", "linear"])
@pytest.mark.parametrize("total", [1, 2, 7, 400])
def test_every_factor_is_between_zero_and_one_and_none_is_zero(kind: str, total: int) -> None:
    schedule = Schedule(kind=kind)  # type: ignore[arg-type]
    factors = [factor(schedule, step, total) for step in range(total)]
    assert all(0 < value <= 1 for value in factors)


def test_wsd_warms_up_stays_and_decays() -> None:
    factors = [factor(Schedule(kind="wsd", warmup=0.1, decay=0.4), step, 100) for step in range(100)]
    assert factors[:10] == sorted(factors[:10])
    assert set(factors[10:61]) == {1.0}
    assert factors[60:] == sorted(factors[60:], reverse=True)
    assert factors[-1] == pytest.approx(1 / 40)


@pytest.mark.parametrize("kind", ["cosine", "linear"])
def test_the_others_fall_from_the_peak(kind: str) -> None:
    factors = [factor(Schedule(kind=kind, warmup=0.0), step, 50) for step in range(50)]  # type: ignore[arg-type]
    assert factors[0] == 1.0
    assert factors == sorted(factors, reverse=True)


def test_a_shorter_total_leaves_what_wsd_did_before_its_decay_as_it_was() -> None:
    schedule = Schedule(kind="wsd", warmup=0.02, decay=0.4)
    before = [factor(schedule, step, 1000) for step in range(20, 100)]
    assert before == [factor(schedule, step, 600) for step in range(20, 100)]


def test_a_run_on_course_is_left_alone() -> None:
    assert shortened_total(10, 100, [1.0] * 9, spent_seconds=20, budget_seconds=109) is None


def test_a_run_that_would_overrun_is_shortened_to_fit() -> None:
    total = shortened_total(10, 100, [2.0] * 9, spent_seconds=30, budget_seconds=110)
    assert total is not None
    assert 30 + (total - 10) * 2.0 <= 110
    assert 30 + (total - 9) * 2.0 > 0.95 * 110


def test_a_shortened_run_gets_its_steps_back_when_the_machine_recovers() -> None:
    assert lengthened_total(20, 40, 100, [1.0] * 9, spent_seconds=50, budget_seconds=105) == 72
    assert lengthened_total(20, 40, 100, [0.1] * 9, spent_seconds=50, budget_seconds=105) == 100
    assert lengthened_total(20, 40, 100, [2.9] * 9, spent_seconds=50, budget_seconds=105) is None
    assert lengthened_total(20, 100, 100, [0.1] * 9, spent_seconds=50, budget_seconds=105) is None


def test_one_slow_step_shortens_nothing() -> None:
    assert shortened_total(10, 100, [1.0] * 8 + [60.0], spent_seconds=20, budget_seconds=109) is None


def test_a_hopeless_budget_still_trains_a_little() -> None:
    assert shortened_total(10, 100, [50.0] * 9, spent_seconds=500, budget_seconds=100) == 15


def test_looks_come_every_tenth_but_not_before_the_fourth_step() -> None:
    assert [look_every(total) for total in (5, 100, 3000)] == [4, 10, 300]
