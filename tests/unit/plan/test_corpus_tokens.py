from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from understudy.formats.languages import BY_NAME
from understudy.plan.corpus_tokens import AGAINST_PYTHON, bytes_per_token, estimate_tokens


@given(vocabulary=st.integers(264, 1_000_000), more=st.integers(1, 100_000))
def test_a_larger_vocabulary_never_makes_shorter_tokens(vocabulary: int, more: int) -> None:
    assert bytes_per_token("python", vocabulary) <= bytes_per_token("python", vocabulary + more)


def test_python_at_8192_gives_what_was_measured_less_what_rearranging_costs() -> None:
    assert bytes_per_token("python", 8192) == 3.75 * 0.96


def test_the_standard_library_gives_about_eight_million_tokens() -> None:
    estimate = estimate_tokens({"python": 31_525_224}, 8192, 0.02)
    assert 7.5e6 < estimate.unique_tokens < 9e6
    assert estimate.training_bytes < estimate.size_bytes


def test_several_languages_add_up() -> None:
    both = estimate_tokens({"python": 10**6, "json": 10**6}, 8192, 0.02)
    apart = [estimate_tokens({language: 10**6}, 8192, 0.02).unique_tokens for language in ("python", "json")]
    assert abs(both.unique_tokens - sum(apart)) <= 2


def test_every_language_with_a_ratio_is_one_that_files_are_recognised_as() -> None:
    assert AGAINST_PYTHON.keys() <= BY_NAME.keys()


def test_no_files_give_no_tokens() -> None:
    assert estimate_tokens({}, 8192, 0.02).unique_tokens == 0
