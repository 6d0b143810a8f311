"""The true Jaccard similarity of proposed pairs, in blocks that fit into memory.

pairs ─▶ sorted so that what belongs together is together ─▶ blocks of a few million shingles ─▶ contents ─▶ similarity
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numba.core import types
from numpy.typing import NDArray

from understudy.data.compiling import compiled
from understudy.data.near_duplicates.clusters import joined
from understudy.data.near_duplicates.columns import text_column
from understudy.data.near_duplicates.kernels import shingle_column, table_bits
from understudy.data.near_duplicates.pairs import ROUNDING, Pairs, unpack

BLOCK_SHINGLES = 2_000_000  # 16 MB, and about as much text

Contents = Callable[[NDArray[np.int64]], pa.Array]
"""The texts of files, given their numbers."""

_U64, _I64, _F64 = types.uint64[::1], types.int64[::1], types.float64[::1]


def similarities(
    pairs: Pairs, sizes: NDArray[np.int64], contents: Contents, ngram: int, threshold: float
) -> NDArray[np.float64]:
    """The similarity of each pair; 0 where it is below the threshold. A text is read once for most of its pairs."""
    found = np.zeros(len(pairs), np.float64)
    earlier, later = unpack(pairs)
    order = np.argsort(joined(len(sizes), earlier, later)[earlier], kind="stable")  # they are sorted as pairs
    earlier, later = earlier[order], later[order]
    borders = np.zeros(len(pairs) + 1, np.int64)
    n_blocks = cut_blocks(earlier, later, sizes, BLOCK_SHINGLES, borders)
    for start, end in pairwise(borders[: n_blocks + 1].tolist()):
        files, numbers = np.unique(np.concatenate([earlier[start:end], later[start:end]]), return_inverse=True)
        a, b = np.split(numbers.astype(np.int64), 2)
        found[order[start:end]] = block_similarities(contents(files), a, b, ngram, threshold)
    return found


def block_similarities(
    texts: pa.Array, one: NDArray[np.int64], other: NDArray[np.int64], ngram: int, threshold: float
) -> NDArray[np.float64]:
    """The similarity of texts[one[i]] and texts[other[i]]; 0 where below the threshold. Pure: any engine can map it.

    Quickest where equal numbers of `one` stand side by side.
    """
    data, offsets = text_column(texts)
    shingles = np.empty(int(offsets[-1] - offsets[0]) // 2 + len(texts) + 1, np.uint64)
    borders = np.zeros(len(texts) + 1, np.int64)
    shingle_column(data, offsets, ngram, shingles, borders)
    found = np.zeros(len(one), np.float64)
    compare(shingles, borders, one, other, threshold, found)
    return found


@compiled(types.int64(_I64, _I64, _I64, types.int64, _I64))
def cut_blocks(
    earlier: NDArray[np.int64],
    later: NDArray[np.int64],
    sizes: NDArray[np.int64],
    most: int,
    borders: NDArray[np.int64],
) -> int:
    """How many blocks of pairs there are, whose files have at most so many shingles, or that are a single pair."""
    seen_in = np.full(len(sizes), -1, np.int64)
    block, held = 0, 0
    for i in range(len(earlier)):
        new = 0
        for file in (earlier[i], later[i]):
            if seen_in[file] != block:
                new += sizes[file]
        if held > 0 and held + new > most:
            block += 1
            borders[block] = i
            held, new = 0, sizes[earlier[i]] + sizes[later[i]]
        seen_in[earlier[i]] = block
        seen_in[later[i]] = block
        held += new
    borders[block + 1 if len(earlier) > 0 else 0] = len(earlier)
    return block + 1 if len(earlier) > 0 else 0


@compiled(types.void(_U64, types.int64, _U64))
def fill(table: NDArray[np.uint64], bits: int, shingles: NDArray[np.uint64]) -> None:
    """Put these shingles, and nothing else, into the first 2^bits slots."""
    table[: 1 << bits] = np.uint64(0)
    shift, last = np.uint64(64 - bits), (1 << bits) - 1
    for value in shingles:
        slot = np.int64(value >> shift)
        while table[slot] != np.uint64(0):
            slot = (slot + 1) & last
        table[slot] = value


@compiled(types.int64(_U64, types.int64, _U64, types.int64))
def n_missing(table: NDArray[np.uint64], bits: int, shingles: NDArray[np.uint64], most: int) -> int:
    """How many of these are not in the table; it stops counting once there are more than `most`, and answers all."""
    shift, last, n = np.uint64(64 - bits), (1 << bits) - 1, 0
    for value in shingles:
        slot = np.int64(value >> shift)
        while table[slot] != np.uint64(0) and table[slot] != value:
            slot = (slot + 1) & last
        if table[slot] == np.uint64(0):
            n += 1
            if n > most:
                return len(shingles)
    return n


@compiled(types.void(_U64, _I64, _I64, _I64, types.float64, _F64))
def compare(
    shingles: NDArray[np.uint64],
    borders: NDArray[np.int64],
    one: NDArray[np.int64],
    other: NDArray[np.int64],
    threshold: float,
    found: NDArray[np.float64],
) -> None:
    """Set found[i] to the similarity of the sets one[i] and other[i]; leave it where that is below the threshold."""
    table = np.zeros(16, np.uint64)
    bits, loaded = 4, -1
    for i in range(len(one)):
        a, b = one[i], other[i]
        n_a, n_b = borders[a + 1] - borders[a], borders[b + 1] - borders[b]
        if a != loaded:
            bits = table_bits(n_a)
            if len(table) < 1 << bits:
                table = np.zeros(1 << bits, np.uint64)
            fill(table, bits, shingles[borders[a] : borders[a + 1]])
            loaded = a
        # |A∩B| ≥ t |A∪B| and |A∪B| = |A| + |B| − |A∩B|
        most_missing = n_b - np.int64(np.floor(threshold / (1 + threshold) * (n_a + n_b) - ROUNDING))
        n_shared = n_b - n_missing(table, bits, shingles[borders[b] : borders[b + 1]], most_missing)
        similarity = n_shared / (n_a + n_b - n_shared)
        if similarity >= threshold:
            found[i] = similarity
