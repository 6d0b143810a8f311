from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from understudy.formats.shard_writer import Piece
from understudy.tokenizer.rows import OPEN_ROWS, RowFiller, fill_rows

CAPACITY = 65


def pieces_of_lengths(lengths: list[int]) -> list[Piece]:
    return [
        Piece(np.full(length, number, dtype=np.uint32), number, 0, length, length)
        for number, length in enumerate(lengths)
    ]


@given(lengths=st.lists(st.integers(1, CAPACITY), max_size=400))
def test_every_piece_is_in_exactly_one_row_and_whole(lengths: list[int]) -> None:
    rows = list(fill_rows(pieces_of_lengths(lengths), CAPACITY))
    packed = Counter({piece.document: len(piece.tokens) for row in rows for piece in row})
    assert packed == Counter(dict(enumerate(lengths)))
    assert sum(len(row) for row in rows) == len(lengths)


@given(lengths=st.lists(st.integers(1, CAPACITY), max_size=400))
def test_no_row_is_empty_or_overfull(lengths: list[int]) -> None:
    for row in fill_rows(pieces_of_lengths(lengths), CAPACITY):
        assert 0 < sum(len(piece.tokens) for piece in row) <= CAPACITY


@given(lengths=st.lists(st.integers(1, CAPACITY), max_size=200))
def test_equal_pieces_give_equal_rows(lengths: list[int]) -> None:
    first, second = (
        [[piece.document for piece in row] for row in fill_rows(pieces_of_lengths(lengths), CAPACITY)] for _ in range(2)
    )
    assert first == second


def test_pieces_of_mixed_lengths_leave_little_padding() -> None:
    lengths = np.random.default_rng(1).integers(1, CAPACITY + 1, size=4000).tolist()
    rows = list(fill_rows(pieces_of_lengths(lengths), CAPACITY))
    assert 1 - sum(lengths) / (len(rows) * CAPACITY) < 0.03


def test_the_number_of_open_rows_is_bounded() -> None:
    filler = RowFiller(CAPACITY)
    closed = [row for piece in pieces_of_lengths([CAPACITY - 1] * 3000) for row in filler.add(piece)]
    assert len(closed) == 3000 - OPEN_ROWS
    assert len(list(filler.close())) == OPEN_ROWS
