"""Remembers the keys and values of recent sequences, so that the next keystroke's prompt is not read from its start.

An editor sends nearly the same prompt again and again: all but the last few tokens are already known.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from understudy.model.cache import Cache

MIN_TOKENS = 16  # below this, reading the prompt again costs about as much as the copy
MAX_BYTES = 256_000_000
MAX_SEQUENCES = 16  # files that one person edits at a time, with room


@dataclass(frozen=True, slots=True)
class _Sequence:
    tokens: npt.NDArray[np.int64]
    keys: list[Tensor]  # per layer, (key-value heads, tokens, head width)
    values: list[Tensor]

    @property
    def size_bytes(self) -> int:
        return sum(tensor.nbytes for tensor in (*self.keys, *self.values))


class PrefixMemory:
    """Copies of cache rows, the longest unused dropped first. Used by the engine's worker only."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[int, _Sequence] = OrderedDict()
        self._next_key = 0
        self.size_bytes = 0

    def remember(self, tokens: Sequence[int], cache: Cache, row: int) -> None:
        """Keep what `row` of the cache holds for `tokens`; what it makes superfluous is dropped."""
        n = len(tokens)
        if n < MIN_TOKENS:
            return
        copy = _Sequence(
            np.asarray(tokens, dtype=np.int64),
            [keys[row, :, :n].clone() for keys in cache.keys],
            [values[row, :, :n].clone() for values in cache.values],
        )
        for key, kept in list(self._kept.items()):
            if _common(kept.tokens, copy.tokens) == len(kept.tokens):
                self._drop(key)
        self._kept[self._next_key] = copy
        self._next_key += 1
        self.size_bytes += copy.size_bytes
        while self._kept and (self.size_bytes > self._max_bytes or len(self._kept) > MAX_SEQUENCES):
            self._drop(next(iter(self._kept)))

    def restore(self, tokens: Sequence[int], cache: Cache, row: int) -> int:
        """Fill `row` with the longest remembered beginning of `tokens`, never all of them; how many tokens that is."""
        wanted = np.asarray(tokens[:-1], dtype=np.int64)  # the last one must be read: its scores choose the next token
        key, n = self._longest(wanted)
        if n < MIN_TOKENS:
            return 0
        self._kept.move_to_end(key)
        kept = self._kept[key]
        for layer in range(len(kept.keys)):
            cache.keys[layer][row, :, :n] = kept.keys[layer][:, :n]
            cache.values[layer][row, :, :n] = kept.values[layer][:, :n]
        return n

    def _longest(self, wanted: npt.NDArray[np.int64]) -> tuple[int, int]:
        best_key, best = -1, 0
        for key, kept in self._kept.items():
            n = _common(kept.tokens, wanted)
            if n > best:
                best_key, best = key, n
        return best_key, best

    def _drop(self, key: int) -> None:
        self.size_bytes -= self._kept.pop(key).size_bytes


def _common(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> int:
    n = min(len(a), len(b))
    different = np.flatnonzero(a[:n] != b[:n])
    return int(different[0]) if len(different) else n
