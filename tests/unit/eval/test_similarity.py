from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.eval.similarity import cut_to_lines, edit_similarity, exact_match, same_text

texts = st.text(alphabet="ab \n\té", max_size=12)


def levenshtein(left: str, right: str) -> int:
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        row, before = [i], row
        for j, b in enumerate(right, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
    return row[-1]


@given(texts, texts)
def test_edit_similarity_is_one_minus_levenshtein_over_the_longer_length(left: str, right: str) -> None:
    a, b = same_text(left), same_text(right)
    expected = 1 - levenshtein(a, b) / max(len(a), len(b)) if a or b else 1.0
    assert edit_similarity(left, right) == pytest.approx(expected)


@given(texts, texts)
def test_only_an_exact_match_has_similarity_one(left: str, right: str) -> None:
    assert exact_match(left, right) == (edit_similarity(left, right) == 1.0)
    assert edit_similarity(left, right) == edit_similarity(right, left)


def test_whitespace_at_line_ends_does_not_count_and_indentation_does() -> None:
    assert exact_match("    x = 1  \r\n  y\t\n\n", "    x = 1\n  y")
    assert not exact_match("x = 1", "    x = 1")


def test_a_completion_is_cut_to_the_lines_asked_for() -> None:
    assert cut_to_lines("a\nb\nc", 1) == "a"
    assert cut_to_lines("a\nb\nc", 2) == "a\nb"
    assert cut_to_lines("", 3) == ""
