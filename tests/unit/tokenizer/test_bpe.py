from __future__ import annotations

from pathlib import Path

import pytest

from understudy.formats.tokenizer import Tokenizer
from understudy.formats.tokenizer_file import write_tokenizer
from understudy.tokenizer.bpe import learn, merges_of

BYTES = [bytes([value]) for value in range(256)]


def test_the_most_frequent_pair_is_merged_first() -> None:
    learned = learn(iter(["aab " * 20 + "ab"]), 263 + 1)
    assert learned.tokens[256:] == [b"ab"]
    assert learned.merges == [(b"a", b"b")]


def test_text_with_few_pairs_gives_a_smaller_vocabulary() -> None:
    assert len(learn(iter(["ab ab"]), 5000).tokens) < 270
    assert learn(iter([""]), 5000).tokens == BYTES


def test_equal_text_gives_equal_vocabularies(library_texts: dict[str, str]) -> None:
    some = list(library_texts.values())[:30]
    assert learn(iter(some), 600) == learn(iter(some), 600)


def test_every_token_is_made_by_its_merge(library_texts: dict[str, str]) -> None:
    learned = learn(iter(library_texts.values()), 800)
    assert learned.tokens[256:] == [left + right for left, right in learned.merges]
    assert len(learned.tokens) == 800 - 7


def test_a_token_that_no_single_merge_makes_is_left_out() -> None:
    assert merges_of([*BYTES, b"ab", b"abcd", b"ab", b"abc"]).tokens[256:] == [b"ab", b"abc"]


def test_indentation_and_line_ends_become_tokens_and_digits_stay_alone(library_texts: dict[str, str]) -> None:
    tokens = learn(iter(library_texts.values()), 1024).tokens
    assert {b"   ", b"       ", b":\n", b"\n\n"} <= set(tokens)
    assert not [token for token in tokens if len(token) > 1 and any(48 <= byte < 58 for byte in token)]


@pytest.mark.parametrize("size", [264, 300])
def test_small_vocabularies_still_give_every_text_back(tmp_path: Path, size: int) -> None:
    learned = learn(iter(["def f():\n    return 1\n" * 5]), size)
    write_tokenizer(tmp_path, learned.tokens, learned.merges)
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.vocabulary <= size
    assert tokenizer.decode(tokenizer.encode("naïve 😀\x00\r\n")) == "naïve 😀\x00\r\n"
