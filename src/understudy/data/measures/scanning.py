"""The compiled pass that measures files: every byte is looked at once, and no Python object is made.

One call takes a whole Arrow column. What each number means stands in `__init__.py`; the tests hold the two against a
plain-Python reference. Importing this module imports numba (0.4 s), so only a step's `setup` does.

bytes ─▶ lines ─▶ line hashes ─▶ repeated lines
      └▶ words ─▶ hashes of ten words ─▶ repeated phrases
      └▶ runs of base64, hex, escapes ─▶ blobs          letters beyond ASCII ─▶ a table of all characters
"""

from __future__ import annotations

import string
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from understudy.data.compiling import compiled

Bytes = NDArray[np.uint8]
Classes = NDArray[np.int32]
Spans = NDArray[np.int32]
Counts = NDArray[np.int64]
Hashes = NDArray[np.uint64]

# Where each measure stands in a row of the result.
(
    CHARACTERS, LINES, LONGEST_LINE, LETTERS, DIGITS, ALPHANUMERIC, TEXT_BYTES, COMMENT_BYTES, DATA_BYTES,
    REPEATED_BYTES, PHRASES, REPEATED_PHRASES, ENCODED_BYTES, LONGEST_BLOB, HIDING, LINE_CHARACTERS, BYTES,
) = range(17)  # fmt: skip
N_MEASURES = 17

# Bits of the table of characters.
ALNUM, ALPHA, DECIMAL, HIDES = 1, 2, 4, 8

# Bits of the table of bytes.
BLANK, WORD, BASE64, HEX, DIGIT, UPPER, LOWER, OPENS_DATA, CLOSES_DATA, PREFIX = (1 << bit for bit in range(10))

PHRASE_WORDS = 10
MOST_HASHED = 1 << 20  # lines, and phrases, that are compared in one file: bounds the memory
LEAST_RUN = 64  # base64 in files stands in lines of 64 (PEM) or 76 (MIME) characters
LEAST_ESCAPES = 8  # `\x12\x34…` and `0x12, 0x34, …` in a row (StarCoder2's count)
GLUE_BYTES = 32  # a line break, indentation, quotes and a plus stand between the lines of one blob
MARKERS, MARKER_BYTES = 4, 8
LINE_MARKERS = 2  # of the four: two for the rest of a line, then one pair that encloses a block

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_SEED = np.uint64(0xD6E8FEB86659FD93)
_LOW = (1 << 32) - 1

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_HASHES = types.Array(types.uint64, 1, "C")
_SPANS = types.Array(types.int32, 2, "C")
_COUNTS = types.Array(types.int64, 1, "C")
_CLASSES = types.Array(types.int32, 1, "C")
_MARKER = types.Array(types.uint8, 1, "C")
_AT = types.int64
_PAIR = types.UniTuple(_AT, 2)  # type: ignore[no-untyped-call]


_ALL = np.arange(256)


def _among(signs: str) -> np.ndarray:
    return np.isin(_ALL, [ord(sign) for sign in signs])


def _lanes(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Two counters in one number: what a byte adds to each."""
    return low.astype(np.int64) | (high.astype(np.int64) << 32)


def byte_tables() -> tuple[np.ndarray, np.ndarray]:
    """What the pass knows of each byte: its classes as bits, and what it adds to the four counters.

    They are arguments of the compiled functions: a constant inside of one is reference-counted at every access.
    """
    digit, upper, lower = (_among(signs) for signs in (string.digits, string.ascii_uppercase, string.ascii_lowercase))
    letter = upper | lower
    classes = (
        _among(" \t\r\f\v") * BLANK
        | (letter | digit | _among("_") | (_ALL >= 128)) * WORD
        | (letter | digit | _among("+/")) * BASE64
        | _among(string.hexdigits) * HEX
        | digit * DIGIT
        | upper * UPPER
        | lower * LOWER
        # A line of data starts with a value or a bracket, and ends with one or with what separates values.
        | (digit | _among("\"'-+[({])}<")) * OPENS_DATA
        | (digit | _among("\"',;[({])}|>")) * CLOSES_DATA
        | _among("bBrRuU") * PREFIX
    )
    adds = np.stack([_lanes(letter, digit), _lanes((_ALL & 0xC0) == 0x80, _ALL >= 128)])
    return classes.astype(np.int32), adds


class Scratch(NamedTuple):
    """Space that every file uses again: made once for each process, touched only as far as the largest file needs."""

    hashes: np.ndarray
    spans: np.ndarray  # start and end of each line without the blanks around it
    table: np.ndarray


def scratch() -> Scratch:
    """Space for the pass; 50 MB of addresses, of memory only what is used."""
    return Scratch(
        np.empty(MOST_HASHED, np.uint64), np.empty((MOST_HASHED, 2), np.int32), np.empty(2 * MOST_HASHED, np.uint64)
    )


@compiled(_AT(_HASHES, _AT, _SPANS, types.boolean, _HASHES))
def _repeated(hashes: Hashes, n: int, spans: Spans, in_bytes: bool, table: Hashes) -> int:
    """How many of the first `n` hashes stood there before, or the bytes of their spans."""
    size = 16
    while size < 2 * n:
        size *= 2
    table[:size] = 0
    mask = np.uint64(size - 1)
    total = 0
    for item in range(n):
        value = hashes[item] | np.uint64(1)
        slot = (value >> np.uint64(20)) & mask
        while table[slot] != 0 and table[slot] != value:
            slot = (slot + np.uint64(1)) & mask
        if table[slot] == value:
            total += int(spans[item, 1] - spans[item, 0]) if in_bytes else 1
        else:
            table[slot] = value
    return total


@compiled(_AT(_BYTES, _AT, _AT, _CLASSES, types.Array(types.int64, 2, "C"), _HASHES, _SPANS, _COUNTS))
def _lines(
    data: Bytes, start: int, end: int, classes: Classes, adds: Counts, hashes: Hashes, spans: Spans, row: Counts
) -> int:
    """Counts characters and lines, and hashes each line; returns how many lines have text, as far as there is space."""
    letters_digits = tails_high = 0
    n_lines = longest = n_spans = 0
    at = start
    while at < end:
        tails_before = tails_high & _LOW
        line_start = at
        while at < end and classes[data[at]] & BLANK:
            at += 1
        text_start, text_end = at, at
        value, kept = _SEED, _SEED
        while at < end and data[at] != 10:
            byte = data[at]
            letters_digits += adds[0, byte]
            tails_high += adds[1, byte]
            value = (value ^ np.uint64(byte)) * _PRIME
            at += 1
            if not classes[byte] & BLANK:
                kept, text_end = value, at
        longest = max(longest, at - line_start - ((tails_high & _LOW) - tails_before))
        n_lines += 1
        at += 1
        if text_end > text_start and n_spans < MOST_HASHED:
            hashes[n_spans], spans[n_spans, 0], spans[n_spans, 1] = kept, text_start, text_end
            n_spans += 1
    n_breaks = n_lines if end > start and data[end - 1] == 10 else max(0, n_lines - 1)
    row[CHARACTERS] = end - start - (tails_high & _LOW)
    row[LINE_CHARACTERS] = row[CHARACTERS] - n_breaks
    row[LINES], row[LONGEST_LINE] = n_lines, longest
    row[LETTERS], row[DIGITS] = letters_digits & _LOW, letters_digits >> 32
    row[ALPHANUMERIC] = row[LETTERS] + row[DIGITS]
    row[HIDING] = tails_high >> 32  # for now: bytes beyond ASCII
    return n_spans


@compiled(_AT(_BYTES, _AT, _AT, _CLASSES, _HASHES))
def _phrases(data: Bytes, start: int, end: int, classes: Classes, hashes: Hashes) -> int:
    """Fills in a hash of every ten words in a row, of a sum that rolls on; returns how many there are."""
    window = np.zeros(PHRASE_WORDS, np.uint64)
    power = np.uint64(1)
    for _ in range(PHRASE_WORDS):
        power *= _PRIME
    phrase = np.uint64(0)
    n_words = n_phrases = slot = 0
    at = start
    while at < end and n_phrases < MOST_HASHED:
        while at < end and not classes[data[at]] & WORD:
            at += 1
        if at == end:
            break
        word = _SEED
        while at < end and classes[data[at]] & WORD:
            word = (word ^ np.uint64(data[at])) * _PRIME
            at += 1
        word ^= word >> np.uint64(31)
        phrase = phrase * _PRIME + word - window[slot] * power
        window[slot] = word
        slot = slot + 1 if slot + 1 < PHRASE_WORDS else 0
        n_words += 1
        if n_words >= PHRASE_WORDS:
            hashes[n_phrases] = phrase ^ (phrase >> np.uint64(29))
            n_phrases += 1
    return n_phrases


@compiled(types.boolean(_BYTES, _AT, _AT, _MARKER, _AT, _CLASSES))
def _starts(data: Bytes, at: int, end: int, marker: Bytes, n: int, classes: Classes) -> bool:
    """True where this marker stands at `at`, in either case; a marker that ends in a letter is a word of its own."""
    if n == 0 or at + n > end:
        return False
    for offset in range(n):
        byte = data[at + offset]
        lower = byte | 32 if classes[byte] & UPPER else byte
        if lower != marker[offset]:
            return False
    return not (classes[marker[n - 1]] & LOWER and at + n < end and classes[data[at + n]] & WORD)


@compiled(types.boolean(types.uint8, _MARKER))
def _is_first(byte: int, marker: Bytes) -> bool:
    """True for the marker's first byte, in either case or, for a sign, with another sign's bit: a cheap first look."""
    return bool(byte | 32 == marker[0] | 32)


@compiled(types.boolean(_BYTES, _AT, _AT, _MARKER, _AT, _CLASSES))
def _holds(data: Bytes, at: int, end: int, marker: Bytes, n: int, classes: Classes) -> bool:
    """True if this marker stands anywhere from `at` on."""
    for start in range(at, end - n + 1):
        if _is_first(data[start], marker) and _starts(data, start, end, marker, n, classes):
            return True
    return False


@compiled(_AT(_BYTES, _AT, _AT, _AT))
def _quote_after(data: Bytes, at: int, end: int, quote: int) -> int:
    """The triple quote that is open at the line's end, 0 for none, given the one that is open at its start."""
    while at + 2 < end:
        byte = int(data[at])
        is_quote = byte == 34 or byte == 39
        if is_quote and data[at + 1] == byte and data[at + 2] == byte and (quote == 0 or quote == byte):
            quote = 0 if quote else byte
            at += 3
        else:
            at += 1
    return quote


@compiled(
    types.void(
        _BYTES, _SPANS, _AT, types.Array(types.uint8, 2, "C"), _COUNTS, types.boolean, _CLASSES, _COUNTS
    )
)  # fmt: skip
def _comments(
    data: Bytes,
    spans: Spans,
    n_spans: int,
    markers: Bytes,
    sizes: Counts,
    has_docstrings: bool,
    classes: Classes,
    row: Counts,
) -> None:
    """Counts the bytes of lines that are comments: what a line starts with decides, and what is open from before."""
    opener, closer = markers[LINE_MARKERS], markers[LINE_MARKERS + 1]
    n_opener, n_closer = sizes[LINE_MARKERS], sizes[LINE_MARKERS + 1]
    in_block, in_docstring, quote, total = False, False, 0, 0
    for item in range(n_spans):
        start, end = int(spans[item, 0]), int(spans[item, 1])
        is_comment = False
        if in_block:
            is_comment = True
            in_block = not _holds(data, start, end, closer, n_closer, classes)
        elif quote:
            is_comment = in_docstring  # a string that was opened inside of a line is none
            quote = _quote_after(data, start, end, quote)
        elif _is_first(data[start], opener) and _starts(
            data, start, end, opener, n_opener, classes
        ):  # first: Lua's `--[[` begins as its `--` does
            is_comment = True
            in_block = not _holds(data, start + n_opener, end, closer, n_closer, classes)
        else:
            for slot in range(LINE_MARKERS):
                if _is_first(data[start], markers[slot]):
                    is_comment |= _starts(data, start, end, markers[slot], sizes[slot], classes)
            if has_docstrings and not is_comment and end - start > 2:
                at = start + (1 if classes[data[start]] & PREFIX else 0)
                is_comment = in_docstring = at + 2 < end and _quote_after(data, at, at + 3, 0) != 0
                quote = _quote_after(data, at, end, 0)
        if is_comment:
            total += end - start
    row[COMMENT_BYTES] = total


@compiled(types.void(_BYTES, _SPANS, _AT, _CLASSES, _COUNTS))
def _data_lines(data: Bytes, spans: Spans, n_spans: int, classes: Classes, row: Counts) -> None:
    """Counts the bytes of all lines, and of those that start and end as literals do."""
    row[TEXT_BYTES] = row[DATA_BYTES] = 0
    for item in range(n_spans):
        start, end = spans[item, 0], spans[item, 1]
        first = data[start]
        if classes[first] & PREFIX and end - start > 1 and (data[start + 1] == 34 or data[start + 1] == 39):
            first = data[start + 1]  # `b"…"`
        if classes[first] & OPENS_DATA and classes[data[end - 1]] & CLOSES_DATA:
            row[DATA_BYTES] += end - start
        row[TEXT_BYTES] += end - start


@compiled(types.boolean(_BYTES, _AT, _AT, _CLASSES))
def _is_encoded(data: Bytes, start: int, end: int, classes: Classes) -> bool:
    """True for a run that people do not write: base64 with capitals, small letters and digits, or hex with letters."""
    any_of, all_of = 0, -1
    for at in range(start, end):
        any_of |= classes[data[at]]
        all_of &= classes[data[at]]
    has_both = any_of & UPPER != 0 and any_of & LOWER != 0
    is_hex = all_of & HEX != 0 and any_of & (UPPER | LOWER) != 0
    return any_of & DIGIT != 0 and (has_both or is_hex)


@compiled(_AT(_BYTES, _AT, _AT, _CLASSES))
def _escape_end(data: Bytes, at: int, end: int, classes: Classes) -> int:
    r"""Where `\x12`, `\u1234` or `0x12` at `at` ends, with the commas and blanks after it; `at` where there is none."""
    if at + 4 > end:
        return at
    first, second = data[at], data[at + 1]
    is_number = first == 48 and second | 32 == 120
    if not (is_number or (first == 92 and (second == 120 or second == 117))):
        return at
    n = 4 if second == 117 else 2
    stop = at + 2
    most = min(end, stop + (16 if is_number else n))
    while stop < most and classes[data[stop]] & HEX:
        stop += 1
    if stop - at - 2 < n:
        return at
    while is_number and stop < end and (classes[data[stop]] & BLANK or data[stop] == 10 or data[stop] == 44):
        stop += 1
    return stop


@compiled(_PAIR(_BYTES, _AT, _AT, _CLASSES))
def _next_run(data: Bytes, at: int, end: int, classes: Classes) -> tuple[int, int]:
    """Start and end of the next encoded run from `at` on, both `end` where there is none.

    Looks at every 64th byte and back from there: the last byte that is none of base64's says where to look next, so
    that of ordinary code hardly a tenth is looked at.
    """
    probe = at + LEAST_RUN - 1
    while probe < end:
        back = probe
        while back >= at and classes[data[back]] & BASE64:
            back -= 1
        if back >= at:
            at, probe = back + 1, back + LEAST_RUN
            continue
        stop = probe + 1
        while stop < end and classes[data[stop]] & BASE64:
            stop += 1
        if _is_encoded(data, at, stop, classes):
            return at, stop
        at, probe = stop, stop + LEAST_RUN - 1
    return end, end


@compiled(_PAIR(_BYTES, _AT, _AT, _AT, _CLASSES))
def _next_escapes(data: Bytes, at: int, before: int, end: int, classes: Classes) -> tuple[int, int]:
    """Start and end of the next run of eight or more escapes that starts before `before`, else `end`."""
    while at < before:
        if data[at] != 92 and data[at] != 48:
            at += 1
            continue
        stop, n = at, 0
        following = _escape_end(data, stop, end, classes)
        while following > stop:
            stop, n = following, n + 1
            following = _escape_end(data, stop, end, classes)
        if n >= LEAST_ESCAPES:
            return at, stop
        at = max(stop, at + 1)
    return end, end


@compiled(types.void(_BYTES, _AT, _AT, _CLASSES, _COUNTS))
def _encoded(data: Bytes, start: int, end: int, classes: Classes, row: Counts) -> None:
    """Fills in the bytes of all encoded runs, and the length of the longest blob: runs that stand close together."""
    total, longest, blob_start, blob_end, at = 0, 0, start, start, start
    run_start, run_end = _next_run(data, at, end, classes)
    while at < end:
        piece_start, piece_end = _next_escapes(data, at, run_start, end, classes)
        if piece_start == end:
            piece_start, piece_end = run_start, run_end
        if piece_start == end:
            break
        if piece_start - blob_end > GLUE_BYTES or total == 0:
            blob_start = piece_start
        blob_end, at = piece_end, piece_end
        total += piece_end - piece_start
        longest = max(longest, blob_end - blob_start)
        if run_start < at:
            run_start, run_end = _next_run(data, at, end, classes)
    row[ENCODED_BYTES], row[LONGEST_BLOB] = total, longest


@compiled(types.void(_BYTES, _AT, _AT, _MARKER, _COUNTS))
def _beyond_ascii(data: Bytes, start: int, end: int, characters: Bytes, row: Counts) -> None:
    """Adds the letters and digits of other alphabets, and counts the characters that can hide something."""
    at = start
    while at < end:
        byte = int(data[at])
        if byte < 0xC0:
            at += 1
            continue
        n = 2 + (byte >= 0xE0) + (byte >= 0xF0)
        code = byte & (0x7F >> n)
        for offset in range(1, n):
            code = (code << 6) | (int(data[at + offset]) & 0x3F)
        kind = characters[code]
        row[ALPHANUMERIC] += (kind & ALNUM) != 0
        row[LETTERS] += (kind & ALPHA) != 0
        row[DIGITS] += (kind & DECIMAL) != 0
        row[HIDING] += (kind & HIDES) != 0
        at += n


@compiled(
    types.void(
        _BYTES, types.Array(types.int32, 1, "C", readonly=True), types.Array(types.int32, 1, "C"),
        types.Array(types.uint8, 3, "C"), types.Array(types.int64, 2, "C"), types.Array(types.boolean, 1, "C"),
        _CLASSES, types.Array(types.int64, 2, "C"), _MARKER, _HASHES, _SPANS, _HASHES, types.Array(types.int64, 2, "C"),
    )
)  # fmt: skip
def scan(
    data: Bytes,
    offsets: Spans,
    languages: Spans,
    markers: Bytes,
    sizes: Counts,
    has_docstrings: NDArray[np.bool_],
    classes: Classes,
    adds: Counts,
    characters: Bytes,
    hashes: Hashes,
    spans: Spans,
    table: Hashes,
    out: Counts,
) -> None:
    """Fills one row of `out` for each file; `markers` are each language's comment markers, lower case, `sizes` theirs.

    The data have to be valid UTF-8, as an Arrow string column is. Numba's functions take arrays and no records, hence
    the long list.
    """
    for item in range(len(offsets) - 1):
        start, end = int(offsets[item]), int(offsets[item + 1])
        row, language = out[item], languages[item]
        row[BYTES] = end - start
        n_spans = _lines(data, start, end, classes, adds, hashes, spans, row)
        row[REPEATED_BYTES] = _repeated(hashes, n_spans, spans, True, table)
        _data_lines(data, spans, n_spans, classes, row)
        row[COMMENT_BYTES] = -1
        if sizes[language].any() or has_docstrings[language]:
            _comments(data, spans, n_spans, markers[language], sizes[language], has_docstrings[language], classes, row)
        row[PHRASES] = _phrases(data, start, end, classes, hashes)
        row[REPEATED_PHRASES] = _repeated(hashes, row[PHRASES], spans, False, table)
        _encoded(data, start, end, classes, row)
        has_others = row[HIDING] > 0
        row[HIDING] = 0
        if has_others:
            _beyond_ascii(data, start, end, characters, row)
