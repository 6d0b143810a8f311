"""The compiled inner loops: bytes to shingles, shingles to a signature, and how many shingles two files share.

    UTF-8 bytes ─▶ words ─▶ hash of every `ngram` words in a row ─▶ distinct ones ─▶ signature ─▶ hashes of its bands

They run over a whole Arrow column at once, on its data and offsets buffers, and hold no lock. Importing this module
imports numba and compiles, or takes the compiled code from the user's cache: do it in `setup`, never at the top.
"""

from __future__ import annotations

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from understudy.data.compiling import compiled

Bytes = NDArray[np.uint8]
Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

_U64, _I64, _I64_2D = types.uint64[::1], types.int64[::1], types.int64[:, ::1]
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_u64, _i64 = types.uint64, types.int64

WORD = np.uint64(0x9E3779B97F4A7C15)  # odd: multiplying by it loses nothing
ROLL = np.uint64(0xD6E8FEB86659FD93)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)  # splitmix64 (Steele, Lea, Flood 2014)
MIX_2 = np.uint64(0x94D049BB133111EB)
VALUE = np.uint64((1 << 48) - 1)  # a signature's value: the round above, 48 bits of hash below
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
MOST_PERMUTATIONS = 1 << 14  # twice as many rounds must fit above the 48 bits

# Letters, digits, underscore, and every byte of a character outside ASCII.
IS_WORD: Bytes = np.array([c >= 128 or chr(c).isalnum() or c == ord("_") for c in range(256)], np.uint8)


@compiled(_u64(_u64))
def mix(x: np.uint64) -> np.uint64:
    """A hash in which every bit of `x` counts."""
    x = (x ^ (x >> np.uint64(30))) * MIX_1
    x = (x ^ (x >> np.uint64(27))) * MIX_2
    return x ^ (x >> np.uint64(31))


@compiled(_i64(_BYTES, _i64, _i64, _i64, _U64, _U64))
def shingle(data: Bytes, start: int, end: int, ngram: int, ring: Hashes, out: Hashes) -> int:
    """How many shingles the text in data[start:end] has; they are put into `out`, repeated ones too, and none is 0.

    A text of fewer than `ngram` words is one shingle of the words that it has.
    """
    leaving = np.uint64(1)
    for _ in range(ngram):
        leaving *= ROLL
    n, rolled, slot, at = 0, np.uint64(0), 0, start
    ring[:ngram] = np.uint64(0)
    while at < end:
        byte = data[at]
        at += 1
        if IS_WORD[byte] == 0:
            continue
        word = (ROLL ^ np.uint64(byte)) * WORD
        word ^= word >> np.uint64(32)
        while at < end:
            byte = data[at]
            at += 1
            if IS_WORD[byte] == 0:
                break
            word = (word ^ np.uint64(byte)) * WORD
            word ^= word >> np.uint64(32)
        word = mix(word)
        rolled = rolled * ROLL + word - ring[slot] * leaving
        ring[slot] = word
        slot += 1
        if slot == ngram:
            slot = 0
        n += 1
        if n >= ngram:
            out[n - ngram] = max(mix(rolled), np.uint64(1))
    if n == 0 or n >= ngram:
        return max(0, n - ngram + 1)
    out[0] = max(mix(rolled + np.uint64(n)), np.uint64(1))
    return 1


@compiled(_i64(_i64))
def table_bits(n: int) -> int:
    """A table of 2^bits slots holds n hashes and is at most half full."""
    bits = 4
    while (1 << bits) < 2 * n:
        bits += 1
    return bits


@compiled(_i64(_U64, _i64, _U64))
def distinct(shingles: Hashes, n: int, table: Hashes) -> int:
    """How many different ones the first n are; those are moved to the front, in the order of their first appearance."""
    bits = table_bits(n)
    table[: 1 << bits] = np.uint64(0)
    shift, last, n_distinct = np.uint64(64 - bits), (1 << bits) - 1, 0
    for i in range(n):
        value = shingles[i]
        slot = np.int64(value >> shift)
        while table[slot] != 0 and table[slot] != value:
            slot = (slot + 1) & last
        if table[slot] == 0:
            table[slot] = value
            shingles[n_distinct] = value
            n_distinct += 1
    return n_distinct


@compiled(types.void(_U64, _i64, _U64))
def sketch(shingles: Hashes, n: int, signature: Hashes) -> None:
    """Fill `signature`: at any position, two of them agree with the probability of their sets' Jaccard similarity.

    Fast similarity sketching (Dahlgaard, Knudsen, Thorup 2017, algorithm 1): in every round each shingle goes to one
    bin by a new hash, and a bin keeps its smallest value; it ends with the round in which the last bin is filled. Time
    is n + k log k for k bins, where MinHash takes n·k.
    """
    k = len(signature)
    signature[:] = EMPTY
    n_filled, turn = 0, 0
    while n_filled < k and n > 0:
        above, salt = np.uint64(turn) << np.uint64(48), np.uint64(turn) * WORD
        for i in range(n):
            x = shingles[i] if turn == 0 else mix(shingles[i] + salt)
            # after k rounds each further round fills the bin of its number, so that it ends
            position = np.int64(((x >> np.uint64(32)) * np.uint64(k)) >> np.uint64(32)) if turn < k else turn - k
            value = above | (x & VALUE)
            if value < signature[position]:
                if signature[position] == EMPTY:
                    n_filled += 1
                signature[position] = value
        turn += 1


@compiled(types.void(_U64, _i64, _I64_2D, _i64))
def write_bands(signature: Hashes, rows: int, bands: Places, at: int) -> None:
    """Put into bands[at] the hash of each band: of `rows` positions in a row, and of the band's number."""
    for band in range(bands.shape[1]):
        hashed = np.uint64(band) * WORD
        for position in range(band * rows, band * rows + rows):
            hashed = mix(hashed ^ signature[position]) + ROLL
        bands[at, band] = np.int64(hashed)


@compiled(_i64(_U64, _i64))
def set_hash(shingles: Hashes, n: int) -> int:
    """A hash of n different shingles as a set: their order does not matter."""
    total = np.uint64(n)
    for i in range(n):
        total += mix(shingles[i] ^ ROLL)
    return int(np.int64(mix(total)))


@compiled(types.void(_BYTES, _I64, _I64, _i64, _i64, _i64, _I64, _I64, _I64_2D))
def sketch_column(
    data: Bytes,
    offsets: Places,
    texts: Places,
    ngram: int,
    n_positions: int,
    rows: int,
    counts: Places,
    ids: Places,
    bands: Places,
) -> None:
    """Of these texts of a column: the number of different shingles, the hash of their set, and the bands."""
    longest = 0
    for text in texts:
        longest = max(longest, offsets[text + 1] - offsets[text])
    most = longest // 2 + 2  # a word and what parts it from the next take two bytes or more
    shingles, table = np.empty(most, np.uint64), np.empty(1 << table_bits(most), np.uint64)
    ring, signature = np.zeros(ngram, np.uint64), np.empty(n_positions, np.uint64)
    for i in range(len(texts)):
        start, end = offsets[texts[i]], offsets[texts[i] + 1]
        n = distinct(shingles, shingle(data, start, end, ngram, ring, shingles), table)
        counts[i] = n
        if n > 0:
            ids[i] = set_hash(shingles, n)
            sketch(shingles, n, signature)
            write_bands(signature, rows, bands, i)


@compiled(_i64(_BYTES, _I64, _i64, _U64, _I64))
def shingle_column(data: Bytes, offsets: Places, ngram: int, out: Hashes, borders: Places) -> int:
    """Put the different shingles of every text into `out`, one text after the other; borders[i] is where text i starts.

    `out` needs room for half as many as there are bytes, and one more for each text.
    """
    longest, at = 0, 0
    for row in range(len(borders) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    table = np.empty(1 << table_bits(longest // 2 + 2), np.uint64)
    ring = np.zeros(ngram, np.uint64)
    for row in range(len(borders) - 1):
        borders[row] = at
        here = out[at:]
        at += distinct(here, shingle(data, offsets[row], offsets[row + 1], ngram, ring, here), table)
    borders[len(borders) - 1] = at
    return at
