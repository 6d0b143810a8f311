"""Reads Parquet files of code, one row a file, a piece of a row group at a time.

A Parquet file is untrusted: its footer may lie about lengths, a page may be damaged, a few bytes may stand for
gigabytes. Damage costs the row group it is in; the others are read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from understudy.data.listing import Found
from understudy.data.sources.archive import Limits
from understudy.data.sources.columns import Columns, RowFile, Wants, found_of, recognised
from understudy.data.sources.reading import NO_FOLLOW, printable

DAMAGED = "damaged-parquet"
DAMAGE = (pa.ArrowException, OSError, ValueError, LookupError, OverflowError, MemoryError)  # ValueError: ArrowInvalid
PIECE_BYTES = 8_000_000  # of contents decoded at once
MOST_ROWS = 1024
FOOTER_LIMIT = 50_000_000  # bytes of one text, and items of one list, in the footer; real ones have some thousands
BUFFER_BYTES = 1 << 20


def found_in(path: Path, repo: str, limits: Limits, wants: Wants) -> Iterator[Found]:
    """Every row of a Parquet file, hashed where it is wanted. Damage is a row of its own, named after the file."""
    name = printable(path.name)
    try:
        with _opened(path) as file:
            columns = recognised(file.schema_arrow.names)
            problem = _unusable(file, columns)
            if columns is None or problem:
                yield Found(repo, name, _size(path), "", reason=DAMAGED, evidence=problem)
                return
            yield from _found(file, columns, repo, name, limits, wants)
    except DAMAGE as error:
        yield Found(repo, name, _size(path), "", reason=DAMAGED, evidence=_told(error))


def read_rows(path: Path, locations: Sequence[str], limits: Limits) -> Iterator[bytes | None]:
    """The content of each row, by its number, which must rise; None for what the file no longer has."""
    wanted = list(map(int, locations))
    n_answered = 0
    try:
        with _opened(path) as file:
            columns = recognised(file.schema_arrow.names)
            if columns is None or _unusable(file, columns):
                raise ValueError("no column of contents")
            for row, content in _contents(file, columns, wanted, limits):
                while n_answered < len(wanted) and wanted[n_answered] < row:
                    n_answered += 1
                    yield None
                n_answered += 1
                yield content
    except DAMAGE:
        pass  # the rows that are left are answered below: they are gone
    yield from (None for _ in wanted[n_answered:])


def _found(
    file: pq.ParquetFile, columns: Columns, repo: str, name: str, limits: Limits, wants: Wants
) -> Iterator[Found]:
    first = 0
    for group in range(file.num_row_groups):
        n_rows = file.metadata.row_group(group).num_rows
        try:
            for row in _rows(file, group, first, columns, limits):
                yield found_of(row, columns, repo, limits.member_bytes, wants)
        except DAMAGE as error:
            text = f"row group {group} (rows {first:,} to {first + n_rows - 1:,}): {_told(error)}"
            yield Found(repo, name, 0, "", reason=DAMAGED, evidence=text)
        first += max(0, n_rows)


def _rows(file: pq.ParquetFile, group: int, first: int, columns: Columns, limits: Limits) -> Iterator[RowFile]:
    names = columns.names()
    for batch in _batches(file, group, names, columns.content, limits):
        contents = batch.column(names.index(columns.content))
        values = {name: _values(batch.column(names.index(name))) for name in names if name != columns.content}
        for row in range(len(batch)):
            content = _bytes(contents, row)
            told = {name: column[row] for name, column in values.items()}
            reason = ("", "") if content is not None else ("no-content", f"{columns.content} is null")
            yield RowFile(str(first + row), told, content, *reason)
        first += len(batch)


def _contents(
    file: pq.ParquetFile, columns: Columns, wanted: Sequence[int], limits: Limits
) -> Iterator[tuple[int, bytes | None]]:
    """(row, content) of the wanted rows that are there; row groups without one are skipped."""
    waiting, first, at = set(wanted), 0, 0
    for group in range(file.num_row_groups):
        after = first + file.metadata.row_group(group).num_rows
        has_one = False
        while at < len(wanted) and wanted[at] < after:
            has_one, at = True, at + 1
        if has_one:
            yield from _wanted_rows(file, group, first, columns, waiting, limits)
        first = after


def _wanted_rows(
    file: pq.ParquetFile, group: int, first: int, columns: Columns, waiting: set[int], limits: Limits
) -> Iterator[tuple[int, bytes | None]]:
    try:
        for batch in _batches(file, group, [columns.content], columns.content, limits):
            column = batch.column(0)
            yield from ((first + row, _bytes(column, row)) for row in range(len(batch)) if first + row in waiting)
            first += len(batch)
    except DAMAGE:
        return  # what was readable before the damage was listed, and is answered


def _batches(
    file: pq.ParquetFile, group: int, names: Sequence[str], content: str, limits: Limits
) -> Iterator[pa.RecordBatch]:
    """The rows of a group in pieces of bounded size, columns in the order of `names`."""
    facts = file.metadata.row_group(group)
    sizes = {facts.column(i).path_in_schema: facts.column(i).total_uncompressed_size for i in range(facts.num_columns)}
    size = sizes.get(content, 0)
    if size < 0 or facts.num_rows < 0 or size > limits.archive_bytes:
        raise ValueError(f"it says {size:,} bytes in {facts.num_rows:,} rows (data.filters.max_archive_bytes)")
    n_rows = max(1, min(MOST_ROWS, PIECE_BYTES * facts.num_rows // max(1, size)))
    n_seen = 0
    for batch in file.iter_batches(n_rows, row_groups=[group], columns=list(names), use_threads=False):
        n_seen += len(batch)
        yield batch.select(list(names))
    if n_seen != facts.num_rows:
        raise ValueError(f"it says {facts.num_rows:,} rows and has {n_seen:,}")


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    """The file with the contents' dictionary kept: a value that stands in a million rows is held once.

    Columns are read through a small buffer, for without one Arrow loads the column of a whole row group.
    """
    descriptor = os.open(path, os.O_RDONLY | NO_FOLLOW)
    limits = {"thrift_string_size_limit": FOOTER_LIMIT, "thrift_container_size_limit": FOOTER_LIMIT}
    with pa.PythonFile(os.fdopen(descriptor, "rb"), "r") as source:
        first = pq.ParquetFile(source, **limits)
        columns = recognised(first.schema_arrow.names)
        kept = [columns.content] if columns and not _unusable(first, columns) else []
        yield pq.ParquetFile(source, read_dictionary=kept, buffer_size=BUFFER_BYTES, pre_buffer=False, **limits)


def _unusable(file: pq.ParquetFile, columns: Columns | None) -> str:
    """Why the file holds no code; empty where it does."""
    names = file.schema_arrow.names
    if columns is None:
        return f"no column of contents (content, code, text) among {', '.join(map(printable, names))[:200] or 'none'}"
    if names.count(columns.content) > 1:
        return f"two columns named {columns.content}"
    kind = file.schema_arrow.field(columns.content).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (_is_text(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        return f"the column {columns.content} is {kind}, and should be text"
    return ""


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _bytes(column: pa.Array, row: int) -> bytes | None:
    """One content's bytes, not decoded: Parquet promises UTF-8, and nobody keeps it."""
    scalar = column[row]
    if isinstance(scalar, pa.DictionaryScalar):
        if not scalar.is_valid:
            return None
        scalar = scalar.value
    buffer = scalar.as_buffer() if scalar.is_valid else None
    return None if buffer is None else buffer.to_pybytes()


def _values(column: pa.Array) -> list[Any]:
    """A column as Python values; texts stay bytes, because they may be none."""
    try:
        return _raw(column).to_pylist()  # type: ignore[no-any-return]
    except (*DAMAGE, AttributeError):
        return [None] * len(column)  # a date in the year 99,999, say: no value then


def _raw(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _raw(column.dictionary_decode())
    if _is_text(kind):
        return column.view(pa.binary() if pa.types.is_string(kind) else pa.large_binary())
    if pa.types.is_list(kind) and _is_text(kind.value_type):
        return column.cast(pa.list_(pa.binary()))
    return column


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _told(error: BaseException) -> str:
    return printable(str(error).split("\n")[0][:200]) or type(error).__name__
