"""Source text as hashed words, cut by array operations: so the nearest line of a whole training set takes seconds.

A word is a run of letters, digits, _ and non-ASCII bytes; any other visible character is a word by itself; line breaks
with nothing but blank lines between them are one word. Spaces are no words, so indentation does not matter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Hashes = NDArray[np.uint64]
Offsets = NDArray[np.int64]

SPACE, WORD, SIGN, BREAK = 0, 1, 2, 3
LONGEST_WORD = 64  # positions further inside a word share the last multiplier; such words are data, not names
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: odd, so that multiplying loses nothing
SHIFT = np.uint64(29)


def _character_classes() -> NDArray[np.uint8]:
    classes = np.full(256, SIGN, np.uint8)
    classes[[9, 11, 12, 13, 32, 0]] = SPACE
    classes[10] = BREAK
    letters = [*range(48, 58), *range(65, 91), 95, *range(97, 123), *range(128, 256)]
    classes[letters] = WORD
    return classes


CLASSES = _character_classes()
BYTE_CODES: Hashes = np.random.default_rng(0x5EED).integers(1, 2**63, 256, dtype=np.uint64) | np.uint64(1)
POSITION_CODES: Hashes = np.random.default_rng(0x5EEE).integers(1, 2**63, LONGEST_WORD, dtype=np.uint64) | np.uint64(1)


class Words(NamedTuple):
    """A text's words in order: their hashes, and the byte offsets where each starts and ends."""

    hashes: Hashes
    starts: Offsets
    ends: Offsets


def words_of(text: bytes) -> Words:
    """The words of a UTF-8 text. About 40 MB a second; needs about 40 bytes of memory per byte of text."""
    raw: Bytes = np.frombuffer(text, np.uint8)
    classes = CLASSES[raw]
    is_start = (classes == SIGN) | (classes == BREAK)
    inside = classes == WORD
    is_start[0:1] |= inside[0:1]
    is_start[1:] |= inside[1:] & ~inside[:-1]
    starts = np.flatnonzero(is_start)
    kinds = classes[starts]
    again = np.zeros(len(starts), bool)
    again[1:] = (kinds[1:] == BREAK) & (kinds[:-1] == BREAK)
    hashes, ends = _hash(raw, classes, starts)
    return Words(hashes[~again], starts[~again], ends[~again])


def _hash(raw: Bytes, classes: NDArray[np.uint8], starts: Offsets) -> tuple[Hashes, Offsets]:
    if not len(starts):
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    lengths = np.diff(starts, append=len(raw))
    within = np.arange(starts[0], len(raw)) - np.repeat(starts, lengths)
    visible = classes[starts[0] :] != SPACE
    codes = BYTE_CODES[raw[starts[0] :]] * POSITION_CODES[np.minimum(within, LONGEST_WORD - 1)] * visible
    first = starts - starts[0]
    hashes = mix(np.add.reduceat(codes, first))
    n_visible = np.add.reduceat(visible, first, dtype=np.int64)
    return hashes, starts + n_visible


def mix(values: Hashes) -> Hashes:
    """Spread the entropy over all bits."""
    return (values ^ (values >> SHIFT)) * MULTIPLIER


def runs(hashes: Hashes, length: int) -> Hashes:
    """For each word the hash of the run of `length` words that ends with it; the first ones, too short, are 0."""
    total = np.zeros(len(hashes), np.uint64)
    if len(hashes) < length:
        return total
    for back in range(length):
        total[length - 1 :] += hashes[length - 1 - back : len(hashes) - back] * POSITION_CODES[back]
    return mix(total)


LINE_BREAK = int(words_of(b"\n").hashes[0])
