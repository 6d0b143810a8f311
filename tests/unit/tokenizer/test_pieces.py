from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.formats.corpus import Document
from understudy.formats.shard_writer import Piece
from understudy.formats.shards import LAYOUTS
from understudy.formats.special_tokens import END, FILE_SEP, FIM_MIDDLE, FIM_SUFFIX, SPECIAL_IDS
from understudy.formats.tokenizer import Tokenizer
from understudy.tokenizer.pieces import PieceSettings, pieces_of

SETTINGS = PieceSettings(context=64, seed=17, fim_rate=0.5, spm_share=0.5)
PLAIN = PieceSettings(context=64, seed=17, fim_rate=0.0, spm_share=0.0, header_rate=0.0)
SUF, MID, SEP, STOP = (SPECIAL_IDS[text] for text in (FIM_SUFFIX, FIM_MIDDLE, FILE_SEP, END))


@pytest.fixture(scope="module")
def tokenizer(library_tokenizer: Path) -> Tokenizer:
    return Tokenizer.load(library_tokenizer)


def document(text: str, path: str = "a/b.py", identifier: str = "0123abcd" * 4) -> Document:
    return Document(identifier, "repo", path, "python", text)


def text_of(tokenizer: Tokenizer, piece: Piece, path: str = "a/b.py") -> bytes:
    """The text of a piece, put back together from its tokens alone."""
    ids = piece.tokens.tolist()
    if ids[-1] == STOP:
        ids.pop()
    if ids and ids[0] == SEP:
        header = [SEP, *tokenizer.encode(f"{path}\n")]
        assert ids[: len(header)] == header
        ids = ids[len(header) :]
    if LAYOUTS[piece.layout] == "left-to-right":
        return tokenizer.decode_bytes(ids)
    suffix_at, middle_at = ids.index(SUF), ids.index(MID)
    return tokenizer.decode_bytes(ids[1:suffix_at] + ids[middle_at + 1 :] + ids[suffix_at + 1 : middle_at])


text = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=400),
    st.lists(st.sampled_from(["def f(x):\n", "    return x\n", "\n", "é😀" * 30, "x" * 200, "<|fim_middle|>"])).map(
        "".join
    ),
)


@given(text=text, context=st.integers(32, 80), rate=st.sampled_from([0.0, 0.5, 1.0]), seed=st.integers(0, 99))
@settings(max_examples=300, deadline=None)
def test_the_pieces_joined_are_the_document_and_each_fits_a_row(
    tokenizer: Tokenizer, text: str, context: int, rate: float, seed: int
) -> None:
    settings_ = PieceSettings(context, seed, rate, 0.5)
    pieces = list(pieces_of(tokenizer, 3, document(text), settings_))
    assert b"".join(text_of(tokenizer, piece) for piece in pieces) == text.encode()
    assert all(1 <= len(piece.tokens) <= context + 1 for piece in pieces)
    assert sum(piece.n_bytes for piece in pieces) == len(text.encode())


@given(text=text)
@settings(max_examples=100, deadline=None)
def test_scored_bytes_are_all_but_those_of_first_tokens(tokenizer: Tokenizer, text: str) -> None:
    for piece in pieces_of(tokenizer, 3, document(text), PLAIN):
        assert piece.n_scored_bytes == int(tokenizer.token_bytes[piece.tokens[1:]].sum())


def test_only_the_last_piece_left_to_right_has_the_end_token(tokenizer: Tokenizer) -> None:
    pieces = list(pieces_of(tokenizer, 3, document("value = compute(1)\n" * 50), PLAIN))
    assert len(pieces) > 3
    assert [STOP in piece.tokens.tolist() for piece in pieces] == [False] * (len(pieces) - 1) + [True]


def test_every_split_piece_ends_with_the_end_token(tokenizer: Tokenizer) -> None:
    pieces = list(pieces_of(tokenizer, 3, document("value = compute(1)\n" * 50), replace(SETTINGS, fim_rate=1.0)))
    assert all(piece.tokens[-1] == STOP and piece.layout > 0 for piece in pieces)


def test_pieces_end_with_a_line_where_there_is_one(tokenizer: Tokenizer) -> None:
    for piece in pieces_of(tokenizer, 3, document("value = compute(1)\n" * 50), SETTINGS):
        assert text_of(tokenizer, piece).endswith(b"\n")


def test_a_document_that_fits_is_one_piece_with_the_tokens_of_its_text(tokenizer: Tokenizer) -> None:
    (piece,) = pieces_of(tokenizer, 3, document("x = 1\n"), PLAIN)
    assert piece.tokens.tolist() == [*tokenizer.encode("x = 1\n"), STOP]
    assert (piece.document, piece.n_bytes) == (3, 6)


def test_half_of_the_pieces_have_a_header_and_shares_are_the_recipes(tokenizer: Tokenizer) -> None:
    pieces = list(pieces_of(tokenizer, 3, document("value = compute(1)\n" * 12_000), SETTINGS))
    assert np.mean([SEP in piece.tokens for piece in pieces]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([piece.layout == 0 for piece in pieces]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([piece.layout == 2 for piece in pieces]) == pytest.approx(0.25, abs=0.04)


def test_draws_depend_on_seed_and_content_only(tokenizer: Tokenizer) -> None:
    code = "value = compute(1)\n" * 60

    def tokens(doc: Document, seed: int = 17, number: int = 3) -> list[list[int]]:
        return [piece.tokens.tolist() for piece in pieces_of(tokenizer, number, doc, replace(SETTINGS, seed=seed))]

    assert tokens(document(code)) == tokens(document(code), number=9)
    assert tokens(document(code)) != tokens(document(code), seed=18)
    assert tokens(document(code)) != tokens(document(code, identifier="f" * 32))


def test_a_path_longer_than_a_row_is_left_out(tokenizer: Tokenizer) -> None:
    settings_ = replace(SETTINGS, header_rate=1.0, fim_rate=0.0)
    (piece,) = pieces_of(tokenizer, 3, document("x\n", path="directory/" * 500), settings_)
    assert SEP not in piece.tokens


def test_an_empty_document_has_no_pieces(tokenizer: Tokenizer) -> None:
    assert list(pieces_of(tokenizer, 3, document(""), SETTINGS)) == []
