from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.plan.scaling import BESIROGLU, HOFFMANN, effective_tokens, expected_loss, trust_in_loss

sizes = st.floats(1e5, 1e12)


@given(parameters=sizes, tokens=sizes)
def test_more_parameters_and_more_tokens_lower_the_loss_of_both_laws(parameters: float, tokens: float) -> None:
    for law in (HOFFMANN, BESIROGLU):
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
    assert BESIROGLU.irreducible < loss < math.log(vocabulary)


def test_the_saturation_changes_little_where_the_law_was_fitted() -> None:
    plain = BESIROGLU.loss(7e9, 1.4e11)
    assert expected_loss(7e9, 1.4e11, 1.4e11, 32_000) == pytest.approx(plain, rel=0.1)


def test_the_trust_sentence_says_how_far_below_the_fit_a_model_is() -> None:
    assert "44 times smaller" in trust_in_loss(1_000_000)
    assert "times smaller" not in trust_in_loss(1e9)
