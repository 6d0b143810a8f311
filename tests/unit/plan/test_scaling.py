from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.plan.scaling import (
    BESIROGLU,
    HOFFMANN,
    SMALL_PYTHON,
    effective_tokens,
    expected_loss,
    law_for,
    trust_in_loss,
)

sizes = st.floats(1e5, 1e12)


@given(parameters=sizes, tokens=sizes)
def test_more_parameters_and_more_tokens_lower_the_loss_of_both_laws(parameters: float, tokens: float) -> None:
    for law in (HOFFMANN, BESIROGLU, SMALL_PYTHON):
        assert law.loss(2 * parameters, tokens) < law.loss(parameters, tokens)
        assert law.loss(parameters, 2 * tokens) < law.loss(parameters, tokens)


@given(parameters=sizes)
def test_best_tokens_is_the_lowest_loss_at_equal_compute(parameters: float) -> None:
    tokens = BESIROGLU.best_tokens(parameters)
    best = BESIROGLU.loss(parameters, tokens)
    for factor in (0.9, 1.1):
        assert best <= BESIROGLU.loss(parameters * factor, tokens / factor)


@given(unique=st.floats(1e3, 1e12), passes=st.floats(0.01, 1000))
def test_repeated_tokens_are_worth_no_more_than_fresh_ones(unique: float, passes: float) -> None:
    worth = effective_tokens(passes * unique, unique)
    assert worth <= passes * unique * (1 + 1e-12)
    assert worth <= 17 * unique


def test_four_passes_are_worth_nearly_four_times_the_data_and_forty_are_not() -> None:
    assert effective_tokens(4e9, 1e9) == pytest.approx(3.73e9, rel=0.01)
    assert effective_tokens(40e9, 1e9) < 16e9


@given(parameters=st.floats(1e3, 1e12), tokens=st.floats(1e2, 1e14), vocabulary=st.integers(264, 262_144))
def test_the_expected_loss_never_exceeds_guessing_each_token_alike(
    parameters: float, tokens: float, vocabulary: int
) -> None:
    loss = expected_loss(parameters, tokens, tokens, vocabulary)
    assert 0 < loss <= math.log(vocabulary)


# (parameters, tokens, nats a token on held-out Python): the runs behind SMALL_PYTHON.
SMALL_RUNS = (
    (2_491_264, 317_440, 5.312),
    (2_491_264, 843_776, 4.650),
    (2_491_264, 2_646_016, 3.936),
    (4_474_560, 413_696, 5.115),
    (5_670_656, 344_064, 5.225),
    (7_146_752, 237_568, 5.407),
    (7_146_752, 450_560, 4.753),
    (7_146_752, 5_230_592, 3.391),
)


@pytest.mark.parametrize("run", SMALL_RUNS)
def test_the_small_law_is_within_an_eighth_of_a_nat_of_the_runs_it_was_fitted_to(run: tuple[int, int, float]) -> None:
    parameters, tokens, loss = run
    assert expected_loss(parameters, tokens, tokens, 8192) == pytest.approx(loss, abs=0.125)


def test_the_published_law_takes_over_where_it_was_fitted() -> None:
    assert law_for(7e9) is BESIROGLU
    assert law_for(1e6) is SMALL_PYTHON
    assert "web text" in trust_in_loss(7e9)
    assert "eight short runs" in trust_in_loss(1e6)
