"""Looks documents up in an index of exam texts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from understudy.data.contamination import kernel
from understudy.data.contamination.index import LEAST_SHARE_OF_A_RUN, LEAST_WORDS, Index
from understudy.formats.exams import ROLES

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


class Match(NamedTuple):
    """A text of an exam's task that a document holds, all of it or a part."""

    label: str  # `suite/task`
    role: str  # statement, solution or test
    share: float  # of the text's runs of words that stand in the document
    n_words: int  # the longest piece of it, in words


class Finder:
    """One worker's way to look documents up. Keeps room for the largest document met so far."""

    def __init__(self, index: Index) -> None:
        self._index = index
        tables = (index.bits, index.keys, index.values)
        self._arrays = (*tables, index.first_slot, index.slots, index.piece_of_slot, index.least_of_piece)
        n_slots, n_pieces = len(index.piece_of_slot), len(index.least_of_piece)
        self._seen, self._run = np.zeros(n_slots, np.int64), np.zeros(n_slots, np.int64)
        self._n_found, self._longest = np.zeros(n_pieces, np.int64), np.zeros(n_pieces, np.int64)
        self._touched = np.zeros(n_pieces, np.int64)
        self._clock, self._shift = 1, np.uint64(index.shift)
        self._scratch = _scratch(1 << 20)

    def find(self, data: Bytes, start: int, end: int, style: int) -> list[Match]:
        """The matches of the document `data[start:end]`, one for each task: its best. `style`: see kernel.py."""
        if end - start > 2 * len(self._scratch[0]) - 4:
            self._scratch = _scratch(2 * (end - start))
        room = (self._seen, self._run, self._n_found, self._longest, self._touched)
        least_run = LEAST_WORDS - kernel.SHINGLE + 1
        n_pieces, self._clock = kernel.find(
            data, start, end, style, self._arrays, room, self._scratch, self._shift, least_run, self._clock
        )
        return self._matches(self._touched[:n_pieces]) if n_pieces else []

    def _matches(self, pieces: np.ndarray[Any, np.dtype[np.int64]]) -> list[Match]:
        index = self._index
        best: dict[str, Match] = {}
        for piece in np.sort(pieces).tolist():
            match = Match(
                label=index.labels[index.task_of_piece[piece]],
                role=ROLES[index.role_of_piece[piece]],
                share=float(self._n_found[piece] / index.slots_of_piece[piece]),
                n_words=int(self._longest[piece]) + kernel.SHINGLE - 1,
            )
            known = best.get(match.label)
            if match.share >= LEAST_SHARE_OF_A_RUN and (known is None or match[2:] > known[2:]):
                best[match.label] = match
        self._n_found[pieces] = 0
        return list(best.values())


def _scratch(n_bytes: int) -> kernel.Scratch:
    room = n_bytes // 2 + 2
    return np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty(room, np.uint8)
