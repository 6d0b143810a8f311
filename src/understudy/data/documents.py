"""The rows that steps work on: a file with its content, where it came from, and why it was dropped, if it was."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from understudy.data.listing import LANGUAGE_REASONS, Entry, Kind

# What readers of a corpus see; The Stack's names where it has them.
CORPUS_FIELDS = (
    pa.field("content", pa.string()),
    pa.field("path", pa.string()),
    pa.field("repo", pa.string()),
    pa.field("revision", pa.string()),
    pa.field("lang", pa.string()),
    pa.field("licenses", pa.list_(pa.string())),
    pa.field("size_bytes", pa.int64()),
    pa.field("id", pa.string()),
    pa.field("redactions", pa.int32()),
    pa.field("source", pa.string()),
    pa.field("commit_time", pa.int64()),
    pa.field("weight", pa.float32()),
    pa.field("cluster", pa.int64()),
)
REJECTED_FIELDS = (
    *CORPUS_FIELDS,
    pa.field("drop_reason", pa.string()),
    pa.field("dropped_by", pa.string()),
    pa.field("evidence", pa.string()),
)
# What a step sees and fills. Nothing here depends on what else is in the listing, so a batch's result can be kept for
# as long as its files stay the same. What the listing alone knows of a row joins it afterwards, in the catalog.
WORKING_FIELDS = (
    pa.field("content", pa.string()),
    pa.field("path", pa.string()),
    pa.field("repo", pa.string()),
    pa.field("lang", pa.string()),
    pa.field("size_bytes", pa.int64()),
    pa.field("id", pa.string()),
    pa.field("redactions", pa.int32()),
    pa.field("drop_reason", pa.string()),
    pa.field("dropped_by", pa.string()),
    pa.field("evidence", pa.string()),
    pa.field("location", pa.binary()),  # for a file in a folder: where it lies
    pa.field("raw", pa.binary()),
    pa.field("raw_id", pa.string()),
    pa.field("longest_line", pa.int32()),
    pa.field("n_lines", pa.int32()),
    pa.field("spdx", pa.list_(pa.string())),  # licences that the file itself names
    pa.field("redacted", pa.list_(pa.string())),  # the kind of each redaction
    pa.field("redacted_lines", pa.list_(pa.int32())),  # and its line, in the same order
    pa.field("lines_lost", pa.list_(pa.int32())),  # and how many line breaks went with it
    pa.field("contaminated", pa.list_(pa.string())),  # `suite/task` of each exam task found in it
    pa.field("split_point", pa.float64()),
    pa.field("n_shingles", pa.int32()),
    pa.field("shingles_id", pa.int64()),  # hash of the whole set of shingles
    pa.field("bands", pa.list_(pa.int64())),  # hashes of the signature's bands
)
CORPUS_SCHEMA = pa.schema(CORPUS_FIELDS)
REJECTED_SCHEMA = pa.schema(REJECTED_FIELDS)
WORKING_SCHEMA = pa.schema(WORKING_FIELDS)
CONTENT_COLUMNS = frozenset(("content", "raw", "location"))
FACTS = [field.name for field in WORKING_FIELDS if field.name not in CONTENT_COLUMNS]
LISTING_FIELDS = (
    pa.field("place", pa.int64()),  # in the listing: the last word where names are equal
    pa.field("source", pa.string()),
    pa.field("revision", pa.string()),
    pa.field("licenses", pa.list_(pa.string())),
    pa.field("license_from", pa.string()),  # which file says so
    pa.field("commit_time", pa.int64()),
    pa.field("weight", pa.float32()),
)


class Verdict(NamedTuple):
    """Why a document is dropped, and what shows it."""

    reason: str
    evidence: str


class Placed(NamedTuple):
    """A listed file, and its bytes where they had to be read from a stream."""

    entry: Entry
    raw: bytes | None = None


def working_batch(kind: Kind, rows: Sequence[Placed]) -> pa.RecordBatch:
    """Listed files as a batch for the steps. Files that the listing already put aside keep its reason."""
    entries = [row.entry for row in rows]
    columns: dict[str, list[Any]] = {
        "path": [entry.path for entry in entries],
        "repo": [entry.repo for entry in entries],
        "lang": [entry.lang for entry in entries],
        "size_bytes": [entry.size_bytes for entry in entries],
        "id": [entry.raw_id or None for entry in entries],
        "redactions": [0] * len(rows),
        "drop_reason": [entry.reason or None for entry in entries],
        "dropped_by": [dropped_by(entry.reason) if entry.reason else None for entry in entries],
        "evidence": [entry.evidence if entry.reason else None for entry in entries],
        "location": [os.fsencode(entry.location) if kind == "folder" else None for entry in entries],
        "raw": [row.raw for row in rows],
        "raw_id": [entry.raw_id for entry in entries],
    }
    return completed(columns, len(rows))


def completed(columns: Mapping[str, Sequence[Any] | pa.Array], n_rows: int) -> pa.RecordBatch:
    """A batch for the steps with these columns; of the others, lists are empty and values null."""
    arrays = []
    for field in WORKING_FIELDS:
        nothing: Any = [] if pa.types.is_list(field.type) else None
        values = columns.get(field.name, [nothing] * n_rows)
        arrays.append(values if isinstance(values, pa.Array) else pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=WORKING_SCHEMA)


def dropped_by(reason: str) -> str:
    """The name of the listing's own check that gives this reason."""
    return "language" if reason in LANGUAGE_REASONS else "read"


def with_columns(batch: pa.RecordBatch, columns: Mapping[str, Sequence[Any] | pa.Array]) -> pa.RecordBatch:
    """The batch with these columns replaced."""
    arrays = []
    for field in batch.schema:
        values = columns.get(field.name)
        if values is None:
            arrays.append(batch.column(field.name))
        else:
            arrays.append(values if isinstance(values, pa.Array) else pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def dropped(batch: pa.RecordBatch, step: str, verdicts: Mapping[int, Verdict]) -> pa.RecordBatch:
    """The batch with these rows marked as dropped by `step`; a row that was dropped before keeps its first reason."""
    if not verdicts:
        return batch
    columns = {name: batch.column(name).to_pylist() for name in ("drop_reason", "dropped_by", "evidence")}
    for row, verdict in verdicts.items():
        if columns["drop_reason"][row] is None:
            columns["drop_reason"][row] = verdict.reason
            columns["dropped_by"][row] = step
            columns["evidence"][row] = verdict.evidence
    return with_columns(batch, columns)


def open_rows(batch: pa.RecordBatch) -> list[int]:
    """Positions of the rows that have content and no reason against them yet."""
    reasons = batch.column("drop_reason").to_pylist()
    return [row for row, text in enumerate(texts(batch)) if text is not None and reasons[row] is None]


def texts(batch: pa.RecordBatch) -> list[str | None]:
    """The contents as Python text. Kept for the last batch: one step after the other asks for the same."""
    return _as_python(batch.column("content"), "text")


def text_bytes(batch: pa.RecordBatch) -> list[bytes | None]:
    """The contents as UTF-8."""
    return _as_python(batch.column("content"), "bytes")


_kept: dict[str, tuple[pa.Array, list[Any]]] = {}


def _as_python(column: pa.Array, kind: str) -> list[Any]:
    """`column.to_pylist()`, remembered while the same buffers are asked for; holding the array keeps them in place."""
    known = _kept.get(kind)
    if known is not None and _is_same(known[0], column):
        return known[1]
    values: list[Any] = (column if kind == "text" else column.view(pa.binary())).to_pylist()
    _kept[kind] = (column, values)
    return values


def _is_same(one: pa.Array, other: pa.Array) -> bool:
    return (
        one.offset == other.offset
        and len(one) == len(other)
        and [_address(buffer) for buffer in one.buffers()] == [_address(buffer) for buffer in other.buffers()]
    )


def _address(buffer: pa.Buffer | None) -> int | None:
    return None if buffer is None else buffer.address
