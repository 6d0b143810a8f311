from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from understudy.eval.words import runs, words_of

WORD = re.compile(rb"[0-9A-Za-z_\x80-\xff]+|\n|[^\s\x00]")


def plain_words(text: bytes) -> list[bytes]:
    found: list[bytes] = []
    for word in WORD.findall(text):
        if word != b"\n" or found[-1:] != [b"\n"]:
            found.append(word)
    return found


@given(st.text(alphabet="ab_1é(=. \t\n", max_size=40))
def test_words_are_those_of_a_regular_expression(text: str) -> None:
    raw = text.encode()
    words = words_of(raw)
    assert [raw[start:end] for start, end in zip(words.starts, words.ends, strict=True)] == plain_words(raw)


@given(st.lists(st.sampled_from(["a", "b", "ab", "ba", "aa", "(", ")", "\n"]), max_size=20))
def test_equal_words_and_only_they_have_equal_hashes(parts: list[str]) -> None:
    raw = " ".join(parts).encode()
    words = words_of(raw)
    spelled = plain_words(raw)
    for i, left in enumerate(spelled):
        for j, right in enumerate(spelled):
            assert (words.hashes[i] == words.hashes[j]) == (left == right)


def test_a_run_depends_on_the_order_of_its_words() -> None:
    ends = runs(words_of(b"a b c a b b a c").hashes, 2)
    assert ends[1] == ends[4]
    assert ends[1] != ends[6]
    assert ends[0] == 0
    assert np.array_equal(runs(words_of(b"a").hashes, 4), np.zeros(1, np.uint64))
