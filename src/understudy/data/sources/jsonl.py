"""Reads JSONL files of code, one line a file, plain or packed by gzip or zstd.

Lines come through one buffer: a line that is longer than any file could be is passed over byte by byte, never held.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from understudy.data.listing import Found
from understudy.data.sources.archive import Limits
from understudy.data.sources.columns import Columns, RowFile, Wants, found_of, recognised
from understudy.data.sources.reading import NO_FOLLOW, printable, refusal

BAD = "bad-json"
CHUNK_BYTES = 1 << 20
BESIDE_CONTENT_BYTES = 1_000_000  # of a line: all that is not the content
ESCAPED = 6  # bytes that JSON may take for one of the content: \u0000
GIVE_UP_AFTER = 1_000  # bad lines from the start: then it is no JSONL at all
PACKINGS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
WIDE = {b"\xff\xfe": "UTF-16 or UTF-32", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}
UTF8_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line with its number, counted from 1; `data` is None where it is too long to be held."""

    number: int
    data: bytes | None
    size_bytes: int


class _Damaged(Exception):
    """What can be read ended before the file did."""


def found_in(path: Path, repo: str, limits: Limits, wants: Wants) -> Iterator[Found]:
    """Every line of a JSONL file as a file, hashed where it is wanted. What is wrong with the file is a last row."""
    name = printable(path.name)
    n_good = n_bad = 0
    try:
        for line in _lines(path, limits):
            found = _found(line, repo, name, limits, wants)
            n_good, n_bad = n_good + (not found.reason), n_bad + (found.reason == BAD)
            yield found
            if n_bad >= GIVE_UP_AFTER and not n_good:
                raise _Damaged(f"none of the first {n_bad:,} lines is JSON; the rest was not read")
    except _Damaged as error:
        yield Found(repo, name, 0, "", reason="damaged-jsonl", evidence=str(error))
    except OSError as error:
        read = refusal(error)
        yield Found(repo, name, 0, "", reason=read.reason, evidence=read.evidence)


def read_rows(path: Path, locations: Sequence[str], limits: Limits) -> Iterator[bytes | None]:
    """The content of each line, by its number, which must rise; None for what the file no longer has."""
    wanted = list(map(int, locations))
    n_answered = 0
    try:
        for line in _lines(path, limits) if wanted else ():
            if line.number == wanted[n_answered]:
                n_answered += 1
                yield _parsed(line, limits).content
                if n_answered == len(wanted):
                    return
    except (_Damaged, OSError):
        pass  # the lines that are left are answered below: they are gone
    yield from (None for _ in wanted[n_answered:])


class _Parsed(NamedTuple):
    content: bytes | None
    columns: Columns | None
    values: dict[str, Any]
    reason: str = ""
    evidence: str = ""


def _found(line: Line, repo: str, name: str, limits: Limits, wants: Wants) -> Found:
    parsed = _parsed(line, limits)
    if parsed.columns is None:  # nothing is known of the row but its place
        evidence = f"line {line.number:,}: {parsed.evidence}"
        return Found(repo, f"{name}:{line.number}", line.size_bytes, str(line.number), "", parsed.reason, evidence)
    row = RowFile(str(line.number), parsed.values, parsed.content, parsed.reason, parsed.evidence)
    return found_of(row, parsed.columns, repo, limits.member_bytes, wants)


def _parsed(line: Line, limits: Limits) -> _Parsed:
    if line.data is None:
        limit = f"the limit follows from data.filters.max_file_bytes, {limits.member_bytes:,}"
        return _Parsed(None, None, {}, "too-large", f"a line of {line.size_bytes:,} bytes; {limit}")
    try:
        values = json.loads(line.data.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError:
        return _Parsed(None, None, {}, BAD, "nested too deep")
    except ValueError as error:  # JSON, UTF-8 and integers of 5,000 digits
        return _Parsed(None, None, {}, BAD, printable(str(error)[:200]))
    if not isinstance(values, dict):
        return _Parsed(None, None, {}, BAD, f"a {type(values).__name__} where an object should be")
    return _recognised(values, line)


def _recognised(values: dict[str, Any], line: Line) -> _Parsed:
    columns = recognised(values)
    if columns is None:
        keys = ", ".join(map(printable, values))[:200] or "none"
        return _Parsed(None, None, {}, "no-content", f"no content, code or text among {keys}")
    content = values[columns.content]
    if not isinstance(content, str):
        evidence = f"line {line.number:,}: {columns.content} is a {type(content).__name__}"
        return _Parsed(None, columns, values, "no-content", evidence)
    return _Parsed(content.encode("utf-8", "surrogatepass"), columns, values)  # half a pair is for `decode` to see


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:80]!r} stands there twice")
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _lines(path: Path, limits: Limits) -> Iterator[Line]:
    """Every line that is not blank. Raises _Damaged after the last whole line that could be read."""
    longest = limits.member_bytes * ESCAPED + BESIDE_CONTENT_BYTES
    number, held, n_passed = 1, b"", 0  # n_passed: bytes of a line that grew too long to hold
    for chunk in _chunks(path, limits):
        first, *others = chunk.split(b"\n")
        held, n_passed = _grown(held, n_passed, first, longest)
        for piece in others:  # each newline ends the line before it
            if held or n_passed:
                yield from _line(number, held, n_passed)
            number, held, n_passed = number + 1, piece, 0
    yield from _line(number, held, n_passed)


def _grown(held: bytes, n_passed: int, piece: bytes, longest: int) -> tuple[bytes, int]:
    if n_passed or len(held) + len(piece) > longest:
        return b"", n_passed + len(held) + len(piece)
    return held + piece, 0


def _line(number: int, held: bytes, n_passed: int) -> Iterator[Line]:
    if n_passed:
        yield Line(number, None, n_passed)
    elif held.strip():
        yield Line(number, held, len(held))


def _chunks(path: Path, limits: Limits) -> Iterator[bytes]:
    """The bytes of the file, unpacked, without a byte-order mark. What is unpacked has a budget."""
    with os.fdopen(os.open(path, os.O_RDONLY | NO_FOLLOW), "rb") as file:
        head = file.read(4)
        file.seek(0)
        packing = next((name for magic, name in PACKINGS.items() if head.startswith(magic)), None)
        stream = pa.CompressedInputStream(pa.PythonFile(file, "r"), packing) if packing else file
        n_read = 0
        try:
            while chunk := stream.read(CHUNK_BYTES):
                if n_read == 0:
                    chunk = _without_mark(chunk)
                n_read += len(chunk)
                if packing and n_read > limits.archive_bytes:
                    raise _Damaged(
                        f"more than {limits.archive_bytes:,} bytes unpacked (data.filters.max_archive_bytes)"
                    )
                yield chunk
        except (pa.ArrowException, OSError) as error:
            if not packing:
                raise
            raise _Damaged(f"after {n_read:,} bytes: {printable(str(error)[:200])}") from error


def _without_mark(chunk: bytes) -> bytes:
    for mark, encoding in WIDE.items():
        if chunk.startswith(mark):
            raise _Damaged(f"it is {encoding}, and JSONL is UTF-8")
    return chunk.removeprefix(UTF8_MARK)
