"""The compiled passes: bytes to hashes of runs of words, and those hashes looked up in an index of exam texts.

A word is a run of letters, digits, `_` and bytes above ASCII, in lower case; what stands between words does not count,
nor do the escapes \\n, \\r, \\t of a text inside a string. So a copy is found however it was laid out, quoted or
punctuated. Imported only by whoever needs it: numba takes a second to load.

    bytes ─▶ words ─▶ hash of every SHINGLE words in a row ─▶ filter of bits (most end here) ─▶ table ─▶ slots
                └─ the same again with comments left out, where the language's comments are known
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from understudy.data.compiling import compiled

Bytes = NDArray[np.uint8]
Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]
Index = tuple[Hashes, Hashes, Numbers, Numbers, Numbers, Numbers, Numbers]
"""bits, keys, values · first_slot, slots, piece_of_slot · least_of_piece: see index.py"""
Room = tuple[Numbers, Numbers, Numbers, Numbers, Numbers]
"""seen, run: for each slot, when it was met last and the run that ended there · n_found, longest: for each piece, the
slots met and the longest run of them · touched: the pieces met"""
Scratch = tuple[Hashes, Hashes, Bytes]
"""Room for one document: the hashes of its words, those of its runs, and whether each word is in a comment."""

# Words in the runs that are looked up. Longer agreement is a chain of such runs, so one index serves every rule.
SHINGLE = 6
HASH_COMMENTS, SLASH_COMMENTS = 1, 2  # styles: `#`; `//` and `/* */`
HASH, SLASH, STAR, NEW_LINE, BACKSLASH = (np.uint8(ord(sign)) for sign in "#/*\n\\")
_SHIFT = np.uint64(31)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_WORD_MULTIPLIER = np.uint64(0x100000001B3)  # FNV-1a
_WORD_START = np.uint64(0xCBF29CE484222325)
_OLDEST = np.uint64(pow(int(_MULTIPLIER), SHINGLE, 1 << 64))  # what a word weighs when it leaves the run

_i64, _u64 = types.int64, types.uint64
_FLAGS, _HASHES, _NUMBERS = types.uint8[::1], types.uint64[::1], types.int64[::1]
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)  # as Arrow gives them
_INDEX = types.Tuple((_HASHES, _HASHES, *[_NUMBERS] * 5))  # type: ignore[no-untyped-call]
_ROOM = types.UniTuple(_NUMBERS, 5)  # type: ignore[no-untyped-call]
_SCRATCH = types.Tuple((_HASHES, _HASHES, _FLAGS))  # type: ignore[no-untyped-call]
_READING = types.UniTuple(_i64, 2)  # type: ignore[no-untyped-call]


def _word_bytes() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """For each byte: itself in lower case where it is part of a word, else 0. The second half: after a backslash."""
    table = np.zeros((2, 256), np.uint8)
    for byte in range(256):
        if byte >= 128 or chr(byte).isalnum() or byte == ord("_"):
            table[:, byte] = ord(chr(byte).lower()) if byte < 128 else byte
    for letter in "nrt":
        table[1, ord(letter)] = 0
    return table.ravel()


WORD_BYTES = _word_bytes()


@compiled(_i64(_BYTES, _i64, _i64, _i64, _HASHES, _FLAGS))
def words(data: Bytes, start: int, end: int, style: int, out: Hashes, is_comment: Bytes) -> int:
    """Fill `out` with the hash of each word of `data[start:end]`, in order; returns how many there are.

    `is_comment` is 1 for a word in a comment of this style. Both need `(end - start) // 2 + 2` places. There is no
    branch in the loop: where words end cannot be predicted, and each wrong guess would cost more than four bytes do.
    """
    hash_on, slash_on = (style & HASH_COMMENTS) != 0, (style & SLASH_COMMENTS) != 0
    n_words = np.int64(0)
    word, was_word = _WORD_START, np.int64(0)
    in_line = in_block = np.int64(0)
    before = np.uint8(0)
    for at in range(start, end):
        byte = data[at]
        folded = WORD_BYTES[np.int64(byte) + (np.int64(before == BACKSLASH) << 8)]
        is_word = np.int64(folded != 0)
        out[n_words] = word
        is_comment[n_words] = np.uint8(in_line | in_block)
        n_words += was_word & (1 - is_word)
        word = (word ^ np.uint64(folded)) * _WORD_MULTIPLIER if is_word else _WORD_START
        was_word = is_word
        after_slash = slash_on & (before == SLASH)
        starts = (hash_on & (byte == HASH)) | (after_slash & (byte == SLASH))
        in_line = (in_line | np.int64(starts)) & np.int64(byte != NEW_LINE)
        in_block = (in_block | np.int64(after_slash & (byte == STAR))) & np.int64((before != STAR) | (byte != SLASH))
        before = byte
    out[n_words] = word
    is_comment[n_words] = np.uint8(in_line | in_block)
    return int(n_words + was_word)


@compiled(_i64(_HASHES, _i64, _HASHES))
def shingles(word_hashes: Hashes, n_words: int, out: Hashes) -> int:
    """Fill `out` with the hash of every run of SHINGLE words, run `i` from word `i` on; returns how many there are."""
    rolling = np.uint64(0)
    for number in range(n_words):
        rolling = rolling * _MULTIPLIER + word_hashes[number]
        if number >= SHINGLE:
            rolling -= word_hashes[number - SHINGLE] * _OLDEST
        if number >= SHINGLE - 1:
            out[number - SHINGLE + 1] = (rolling ^ (rolling >> _SHIFT)) * _MULTIPLIER
    return max(0, n_words - SHINGLE + 1)


@compiled(types.void(_HASHES, _HASHES, _NUMBERS))
def fill_table(grams: Hashes, keys: Hashes, values: Numbers) -> None:
    """Seat each hash, with its number, in a table of zeros that is at most half full; hashes differ and none is 0."""
    last = np.uint64(len(keys) - 1)
    for number in range(len(grams)):
        seat = grams[number] & last
        while keys[seat] != 0:
            seat = (seat + np.uint64(1)) & last
        keys[seat] = grams[number]
        values[seat] = number


@compiled(_i64(_u64, _INDEX, _u64))
def _gram_of(key: np.uint64, index: Index, shift: np.uint64) -> int:
    """The number of the indexed run with this hash; -1 where there is none, which nearly always the bits tell."""
    bits, keys = index[0], index[1]
    place = key >> shift
    if not (bits[place >> np.uint64(6)] >> (place & np.uint64(63))) & np.uint64(1):
        return -1
    last = np.uint64(len(keys) - 1)
    seat = key & last
    while keys[seat] != key:
        if keys[seat] == 0:
            return -1
        seat = (seat + np.uint64(1)) & last
    return int(index[2][seat])


@compiled(_i64(_i64, _INDEX, _ROOM, _i64, _i64, _i64))
def _meet(gram: int, index: Index, room: Room, clock: int, before: int, n_touched: int) -> int:
    """Note that a run of words was met: in every slot, place of a piece, that it stands for."""
    first_slot, slots, piece_of_slot = index[3], index[4], index[5]
    seen, run, n_found, longest, touched = room
    for place in range(first_slot[gram], first_slot[gram + 1]):
        slot = slots[place]  # in descending order, so that `a a a a` does not chain onto itself
        piece = piece_of_slot[slot]
        if n_found[piece] == 0:
            longest[piece] = 0
            touched[n_touched] = piece
            n_touched += 1
        n_found[piece] += seen[slot] <= before
        is_chained = slot > 0 and seen[slot - 1] == clock - 1 and piece_of_slot[slot - 1] == piece
        run[slot] = run[slot - 1] + 1 if is_chained else 1
        seen[slot] = clock
        longest[piece] = max(longest[piece], run[slot])
    return n_touched


@compiled(_i64(_INDEX, _ROOM, _i64, _i64))
def _enough(index: Index, room: Room, n_touched: int, least_run: int) -> int:
    """Keep the touched pieces of which enough was met; forget the others."""
    least, n_found, longest, touched = index[6], room[2], room[3], room[4]
    n_enough = 0
    for place in range(n_touched):
        piece = touched[place]
        if n_found[piece] >= least[piece] or longest[piece] >= least_run:
            touched[n_enough] = piece
            n_enough += 1
        else:
            n_found[piece] = 0
    return n_enough


@compiled(_i64(_HASHES, _FLAGS, _i64))
def _without_comments(word_hashes: Hashes, is_comment: Bytes, n_words: int) -> int:
    """Move the words that are in no comment to the front; returns how many there are."""
    n = np.int64(0)
    for number in range(n_words):
        word_hashes[n] = word_hashes[number]
        n += 1 - np.int64(is_comment[number])
    return int(n)


@compiled(_READING(_BYTES, _i64, _i64, _i64, _INDEX, _ROOM, _SCRATCH, _u64, _i64, _i64))
def find(
    data: Bytes,
    start: int,
    end: int,
    style: int,
    index: Index,
    room: Room,
    scratch: Scratch,
    shift: np.uint64,
    least_run: int,
    clock: int,
) -> tuple[int, int]:
    """Look a document, `data[start:end]`, up in the index; `(number of pieces found, clock)`.

    Pieces with at least their least number of slots met, or `least_run` slots in a row, stand in `touched`, with
    `n_found` and `longest` beside; the caller sets their `n_found` to 0 again. `clock` comes from the last call.
    """
    word_hashes, hashes, is_comment = scratch
    n_words = words(data, start, end, style, word_hashes, is_comment)
    before, n_touched = clock, 0
    for reading in range(2 if style else 1):
        if reading == 1:
            n_code = _without_comments(word_hashes, is_comment, n_words)
            if n_code == n_words:
                break
            n_words = n_code
        n_runs = shingles(word_hashes, n_words, hashes)
        for number in range(n_runs):
            clock += 1
            gram = _gram_of(hashes[number], index, shift)
            if gram >= 0:
                n_touched = _meet(gram, index, room, clock, before, n_touched)
        clock += 1  # no run goes from one reading into the other
    return _enough(index, room, n_touched, least_run), clock
