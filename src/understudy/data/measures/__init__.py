"""What files measure: one pass over a batch's content, shared by all the filters that ask for it.

A character is a Unicode code point, a letter or digit one by `str.isalpha`, `str.isdecimal`, `str.isalnum`: text in
any alphabet counts as Python counts it. Lines end with "\\n". Comments, data and repetitions are measured in the bytes
of lines without the blanks around them. A word is a run of letters, digits, underscores and anything beyond ASCII.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from understudy.formats.languages import BY_NAME

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Shares = NDArray[np.float64]

DOCSTRINGS = frozenset(("python", "cython", "starlark"))
# Characters that steer or hide: bidirectional formatting, zero width, tags (`hidden.py` says when they are a trick).
HIDING = (
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
    *range(0x200B, 0x200E),
    0x2060,
    0xFEFF,
    *range(0xE0000, 0xE0080),
)


class Measures(NamedTuple):
    """One number for each row; rows without content have zeros."""

    characters: Counts
    lines: Counts
    longest_line: Counts  # characters
    letters: Counts
    digits: Counts
    alphanumeric: Counts
    text_bytes: Counts  # of lines, without the blanks around them
    comment_bytes: (
        Counts  # of those in lines that are comments from their start; -1 where the language has none we know
    )
    data_bytes: Counts  # of those in lines that start and end as literals do
    repeated_bytes: Counts  # of those in lines that stood before
    phrases: Counts  # of ten words
    repeated_phrases: Counts
    encoded_bytes: Counts  # in runs of base64, hex or escapes
    longest_blob: Counts  # bytes, over line breaks and quotes
    hiding: Counts  # characters that can hide or reorder others
    line_characters: Counts  # without line breaks
    bytes: Counts

    def mean_line(self) -> Shares:
        """Characters a line, without the line breaks."""
        return self.line_characters / np.maximum(1, self.lines)


def share(count: Counts, of: Counts) -> Shares:
    """`count` in each of `of`; 0 where there is nothing."""
    return count / np.maximum(1, of)


def prepare_measuring() -> None:
    """Load the compiled pass and its tables, once for each process: half a second that no other step pays."""
    if _prepared is None:
        _prepare()


def measured(batch: pa.RecordBatch) -> Measures:
    """The measures of every row of a batch. Kept for the last one: one filter after the other asks for the same."""
    global _kept
    content, languages = batch.column("content"), batch.column("lang")
    if _kept is None or not (_is_same(_kept[0], content) and _is_same(_kept[1], languages)):
        _kept = (content, languages, _measure(content, languages))
    return _kept[2]


class _Prepared(NamedTuple):
    """The compiled function and the tables that it reads."""

    scan: Callable[..., None]
    language_numbers: dict[str, int]
    markers: NDArray[np.uint8]
    sizes: Counts
    has_docstrings: NDArray[np.bool_]
    classes: NDArray[np.int32]
    adds: Counts
    characters: NDArray[np.uint8]
    scratch: tuple[NDArray[Any], ...]


_prepared: _Prepared | None = None
_kept: tuple[pa.Array, pa.Array, Measures] | None = None  # holding the arrays keeps their buffers in place


def _prepare() -> None:
    global _prepared
    from understudy.data.measures import scanning

    names = ["", *BY_NAME]
    markers = np.zeros((len(names), scanning.MARKERS, scanning.MARKER_BYTES), np.uint8)
    sizes = np.zeros((len(names), scanning.MARKERS), np.int64)
    for number, name in enumerate(names):
        for slot, marker in enumerate(_markers(name)):
            written = marker.lower().encode()
            markers[number, slot, : len(written)] = list(written)
            sizes[number, slot] = len(written)
    numbers = {name: number for number, name in enumerate(names)}
    has_docstrings = np.array([name in DOCSTRINGS for name in names])
    _prepared = _Prepared(
        scanning.scan,
        numbers,
        markers,
        sizes,
        has_docstrings,
        *scanning.byte_tables(),
        _characters(),
        scanning.scratch(),
    )


def _markers(language: str) -> tuple[str, str, str, str]:
    """Two markers of a comment to the end of the line, and a pair around a block; empty where there is none."""
    known = BY_NAME.get(language)
    if known is None:
        return "", "", "", ""
    first, second = (*known.line_comments, "", "")[:2]
    return first, second, *(known.block_comment or ("", ""))


def _characters() -> NDArray[np.uint8]:
    """For every code point, whether it is a letter, a decimal digit, any of these or a numeral, whether it hides."""
    from understudy.data.measures import scanning

    points = np.arange(0x110000, dtype=np.uint32).view("U1")
    kinds = (
        np.strings.isalnum(points) * scanning.ALNUM
        | np.strings.isalpha(points) * scanning.ALPHA
        | np.strings.isdecimal(points) * scanning.DECIMAL
    ).astype(np.uint8)
    kinds[list(HIDING)] |= scanning.HIDES
    return kinds


def _measure(content: pa.Array, languages: pa.Array) -> Measures:
    from understudy.data.measures import scanning

    prepare_measuring()
    assert _prepared is not None
    numbers = [_prepared.language_numbers.get(name or "", 0) for name in languages.to_pylist()]
    counts = np.zeros((len(content), scanning.N_MEASURES), np.int64)
    _prepared.scan(
        _data(content),
        _offsets(content),
        np.array(numbers, np.int32),
        _prepared.markers,
        _prepared.sizes,
        _prepared.has_docstrings,
        _prepared.classes,
        _prepared.adds,
        _prepared.characters,
        *_prepared.scratch,
        counts,
    )
    return Measures(*np.ascontiguousarray(counts.T))


def _data(content: pa.Array) -> NDArray[np.uint8]:
    data = content.buffers()[2]
    return np.frombuffer(data if data is not None and data.size else bytes(1), np.uint8)


def _offsets(content: pa.Array) -> NDArray[np.int32]:
    """Where each row's bytes start, and where the last one's end. A row without content has none."""
    offsets = content.buffers()[1]
    if offsets is None or not len(content):
        return np.frombuffer(bytes(4 * (len(content) + 1)), np.int32)
    return np.frombuffer(offsets, np.int32, len(content) + 1, 4 * content.offset)


def _is_same(one: pa.Array, other: pa.Array) -> bool:
    return one.offset == other.offset and len(one) == len(other) and _addresses(one) == _addresses(other)


def _addresses(column: pa.Array) -> list[int | None]:
    return [None if buffer is None else buffer.address for buffer in column.buffers()]
