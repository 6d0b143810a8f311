"""Fills rows with pieces: best fit, so that little of a row is padding.

Pieces come in windows. The longest of a window goes first, each into the open row it fills best; when too many rows are
open, the fullest is closed. Everything is decided by lengths and arrival, so the same pieces in the same order give the
same rows.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from itertools import islice

from understudy.formats.shard_writer import Piece

WINDOW_PIECES = 1024
OPEN_ROWS = 1024  # a whole window may wait: with 256, evenly mixed lengths left 5 % padding instead of 2 %


class RowFiller:
    """Rows under way, ordered by the room they have left."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._rows: dict[int, list[Piece]] = {}  # by number, in the order they were opened
        self._by_room: list[tuple[int, int]] = []  # (tokens left, number), sorted
        self._n_opened = 0

    def add(self, piece: Piece) -> Iterator[list[Piece]]:
        """Put a piece into the row it fills best; yields the rows that this closes."""
        length = len(piece.tokens)
        place = bisect_left(self._by_room, (length, -1))
        if place == len(self._by_room):
            room, number = self._capacity, self._n_opened
            self._rows[number] = []
            self._n_opened += 1
        else:
            room, number = self._by_room.pop(place)
        self._rows[number].append(piece)
        if room == length:
            yield self._rows.pop(number)
        else:
            insort(self._by_room, (room - length, number))
        if len(self._rows) > OPEN_ROWS:
            _, fullest = self._by_room.pop(0)
            yield self._rows.pop(fullest)

    def close(self) -> Iterator[list[Piece]]:
        """The rows that are left, in the order they were opened."""
        yield from self._rows.values()


def fill_rows(pieces: Iterable[Piece], capacity: int) -> Iterator[list[Piece]]:
    """Rows of pieces, each of at most `capacity` tokens; every piece is in exactly one row."""
    filler = RowFiller(capacity)
    stream = iter(pieces)
    while window := list(islice(stream, WINDOW_PIECES)):
        for piece in sorted(window, key=lambda piece: -len(piece.tokens)):
            yield from filler.add(piece)
    yield from filler.close()
