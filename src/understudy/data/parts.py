"""Writes rows as Parquet parts: the same rows give the same bytes, whoever computed them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from understudy.data.catalog import NO_BATCH, Heavy

Numbers = NDArray[np.int64]

PART_BYTES = 256_000_000  # of content; a part is what one reader or worker takes at once
GROUP_BYTES = 16_000_000  # of content; what has to be in memory at once
GROUP_ROWS = 20_000
# Columns with few different values; the others only pay for a dictionary.
REPETITIVE = ["repo", "revision", "lang", "licenses.list.element", "drop_reason", "dropped_by"]


def write_parts(contents: Heavy, catalog: pa.Table, numbers: Numbers, schema: pa.Schema, folder: Path) -> int:
    """Write these rows of the catalog with their contents to `folder`; returns how many parts there are.

    Memory: one group of rows.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    writer: pq.ParquetWriter | None = None
    n_parts, part_bytes = 0, 0
    try:
        columns = [name for name in catalog.column_names if name in (*schema.names, "batch", "row")]
        for group in _groups(catalog.select(columns), numbers):
            if writer is None or part_bytes + group.size > PART_BYTES:
                if writer is not None:
                    writer.close()
                writer = _writer(folder / f"part-{n_parts:05d}.parquet", schema)
                n_parts, part_bytes = n_parts + 1, 0
            part_bytes += group.size
            writer.write_table(_with_contents(contents, group.rows, schema), row_group_size=GROUP_ROWS)
        if writer is None:
            _writer(folder / "part-00000.parquet", schema).close()
    finally:
        if writer is not None:
            writer.close()
    return max(1, n_parts)


class _Group(NamedTuple):
    """Consecutive rows, and the bytes of their contents."""

    rows: pa.Table
    size: int


def _groups(catalog: pa.Table, numbers: Numbers) -> Iterator[_Group]:
    """Rows one after the other, of about GROUP_BYTES."""
    sizes = np.where(catalog["batch"].to_numpy() == NO_BATCH, 0, catalog["size_bytes"].to_numpy())[numbers]
    start, size = 0, 0
    for row, row_bytes in enumerate(sizes.tolist()):
        if row > start and (size + row_bytes > GROUP_BYTES or row - start >= GROUP_ROWS):
            yield _Group(catalog.take(pa.array(numbers[start:row])), size)
            start, size = row, 0
        size += row_bytes
    if start < len(numbers):
        yield _Group(catalog.take(pa.array(numbers[start:])), size)


def _with_contents(contents: Heavy, rows: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = {name: rows[name] for name in schema.names if name in rows.schema.names}
    columns["content"] = contents.of(rows)
    missing = {name: pa.nulls(len(rows), schema.field(name).type) for name in schema.names if name not in columns}
    columns |= missing
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    dictionary = [name for name in REPETITIVE if name.split(".")[0] in schema.names]
    return pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, use_dictionary=dictionary)
