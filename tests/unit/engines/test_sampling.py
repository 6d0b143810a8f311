from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.engine import Sampling
from understudy.engines.sampling import Chooser, candidates

SCORES = np.log(np.array([0.1, 0.5, 0.15, 0.25], dtype=np.float32))


def test_temperature_zero_takes_the_best() -> None:
    assert Chooser(Sampling(temperature=0.0)).choose(SCORES) == 1


def test_top_k_keeps_the_k_best() -> None:
    ids, _ = candidates(SCORES, Sampling(temperature=1.0, top_k=2))
    assert ids.tolist() == [1, 3]


def test_top_p_keeps_the_fewest_that_reach_p() -> None:
    assert candidates(SCORES, Sampling(temperature=1.0, top_p=0.5))[0].tolist() == [1]
    assert candidates(SCORES, Sampling(temperature=1.0, top_p=0.51))[0].tolist() == [1, 3]
    assert candidates(SCORES, Sampling(temperature=1.0, top_p=1e-9))[0].tolist() == [1]


def test_the_same_seed_draws_the_same_tokens() -> None:
    sampling = Sampling(temperature=1.0, seed=5)
    first, second = Chooser(sampling), Chooser(sampling)
    assert [first.choose(SCORES) for _ in range(50)] == [second.choose(SCORES) for _ in range(50)]


def test_draws_follow_the_probabilities() -> None:
    chooser = Chooser(Sampling(temperature=1.0, seed=17))
    drawn = np.bincount([chooser.choose(SCORES) for _ in range(4000)], minlength=4) / 4000
    np.testing.assert_allclose(drawn, np.exp(SCORES), atol=0.03)


@given(
    st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=1, max_size=20),
    st.floats(1e-300, 2.0),
    st.floats(1e-300, 1.0),
    st.one_of(st.none(), st.integers(1, 30)),
)
def test_any_scores_and_settings_give_a_token_of_the_vocabulary(
    scores: list[float], temperature: float, top_p: float, top_k: int | None
) -> None:
    sampling = Sampling(temperature=temperature, top_p=top_p, top_k=top_k, seed=1)
    assert 0 <= Chooser(sampling).choose(np.array(scores, dtype=np.float32)) < len(scores)
