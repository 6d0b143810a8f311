from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.formats.fim import FimSplit, draw_mode, fim_prompt, fim_tokens, middle_span, split
from understudy.formats.special_tokens import FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX, SPECIAL_IDS
from understudy.formats.tokenizer import Tokenizer

PRE, SUF, MID = SPECIAL_IDS[FIM_PREFIX], SPECIAL_IDS[FIM_SUFFIX], SPECIAL_IDS[FIM_MIDDLE]
CODE = "def f(x):\n    if x:\n        return 1\n\n    return 2\n\n\nclass A:\n    name = 'b'\n"
texts = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), st.text("a \n\t", max_size=80))


def transform(rng: np.random.Generator, text: str, rate: float, spm: float) -> FimSplit | None:
    """As the packer does it: draw whether and how, then cut."""
    mode = draw_mode(rng, rate, spm)
    return None if mode is None else split(rng, text, mode)


@given(text=texts, seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_the_three_parts_joined_are_the_text(text: str, seed: int) -> None:
    parts = split(np.random.default_rng(seed), text, "psm")
    assert parts.prefix + parts.middle + parts.suffix == text


@given(text=texts, seed=st.integers(0, 2**32), mode=st.sampled_from(["psm", "spm"]))
@settings(max_examples=150, deadline=None)
def test_the_text_can_be_read_back_from_the_tokens(library_tokenizer: Path, text: str, seed: int, mode: str) -> None:
    tokenizer = Tokenizer.load(library_tokenizer)
    parts = split(np.random.default_rng(seed), text, "psm" if mode == "psm" else "spm")
    ids = fim_tokens(tokenizer, parts)
    suffix_at, middle_at = ids.index(SUF), ids.index(MID)
    prefix, suffix, middle = ids[1:suffix_at], ids[suffix_at + 1 : middle_at], ids[middle_at + 1 :]
    assert ids[0] == PRE
    assert tokenizer.decode_bytes(prefix + middle + suffix).decode() == text


def test_no_text_is_split_at_rate_zero_and_every_text_at_rate_one() -> None:
    rng = np.random.default_rng(1)
    assert [transform(rng, CODE, 0.0, 0.5) for _ in range(50)] == [None] * 50
    assert all(transform(rng, CODE, 1.0, 0.5) for _ in range(50))


def test_rates_are_those_asked_for() -> None:
    rng = np.random.default_rng(2)
    modes = [draw_mode(rng, 0.6, 0.25) for _ in range(20_000)]
    assert modes.count(None) / len(modes) == pytest.approx(0.4, abs=0.02)
    assert modes.count("spm") / len(modes) == pytest.approx(0.15, abs=0.02)


def test_equal_seeds_cut_alike() -> None:
    assert transform(np.random.default_rng(3), CODE, 1.0, 0.5) == transform(np.random.default_rng(3), CODE, 1.0, 0.5)


def test_many_middles_end_where_a_line_does_and_some_cuts_fall_inside_words() -> None:
    rng = np.random.default_rng(4)
    middles = [middle_span(rng, CODE) for _ in range(4000)]
    at_line_end = sum(middle.end == len(CODE) or CODE[middle.end] == "\n" for middle in middles) / len(middles)
    inside_words = sum(m.start > 0 and CODE[m.start - 1 : m.start + 1].isalnum() for m in middles) / len(middles)
    assert 0.55 < at_line_end < 0.85
    assert inside_words > 0.2


def test_an_editor_like_middle_spans_up_to_eight_lines() -> None:
    rng = np.random.default_rng(5)
    text = "line\n" * 400
    n_lines = [text.count("\n", *middle_span(rng, text)) + 1 for _ in range(4000)]
    few = [n for n in n_lines if n <= 8]
    assert len(few) / len(n_lines) > 0.55
    assert {1, 2, 3, 4} < set(few)


def test_the_layouts_are_the_published_ones() -> None:
    assert fim_prompt("psm", [10, 11], [20]) == [PRE, 10, 11, SUF, 20, MID]
    assert fim_prompt("spm", [10, 11], [20]) == [PRE, SUF, 20, MID, 10, 11]


def test_each_part_is_encoded_by_itself(library_tokenizer: Path) -> None:
    tokenizer = Tokenizer.load(library_tokenizer)
    ids = fim_tokens(tokenizer, FimSplit("retu", "rn 1", "\n", "psm"))
    assert ids == [PRE, *tokenizer.encode("retu"), SUF, *tokenizer.encode("\n"), MID, *tokenizer.encode("rn 1")]
