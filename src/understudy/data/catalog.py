"""All rows of a corpus without their contents, small enough for memory, and the way back to each content on disk."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from understudy.data.compute import Compute
from understudy.data.documents import CONTENT_COLUMNS, WORKING_SCHEMA

FACTS = [field.name for field in WORKING_SCHEMA if field.name not in CONTENT_COLUMNS]
NO_BATCH = -1
OPEN_FILES = 64


def read_catalog(compute: Compute, put_aside: pa.Table) -> pa.Table:
    """The facts of every row: those that the steps worked on, and those that the listing put aside.

    `batch` and `row` say where a row's content lies; `batch` is NO_BATCH where there is none.
    """
    tables = [_with_place(_facts(compute.checkpoint(number)), number) for number in sorted(compute.done())]
    return pa.concat_tables([*tables, _with_place(put_aside.select(FACTS), NO_BATCH)]).combine_chunks()


def _facts(path: Path) -> pa.Table:
    wanted = [index for index, field in enumerate(WORKING_SCHEMA) if field.name in FACTS]
    options = pa.ipc.IpcReadOptions(included_fields=wanted, use_threads=False)
    with pa.OSFile(str(path), "rb") as file, pa.ipc.open_file(file, options=options) as reader:
        return reader.read_all()


def _with_place(facts: pa.Table, number: int) -> pa.Table:
    n = len(facts)
    return facts.append_column("batch", pa.array(np.full(n, number, np.int32))).append_column(
        "row", pa.array(np.arange(n, dtype=np.int32))
    )


def contents(compute: Compute, rows: pa.Table) -> pa.Array:
    """The content of each row of a part of the catalog, in its order; null where a row has none."""
    batches, positions = rows["batch"].to_numpy(), rows["row"].to_numpy()
    found: list[pa.Array] = []
    where: list[np.ndarray] = []
    for number in np.unique(batches):
        here = np.flatnonzero(batches == number)
        where.append(here)
        if number == NO_BATCH:
            found.append(pa.nulls(len(here), pa.string()))
        else:
            found.append(_content(compute.checkpoint(int(number))).take(pa.array(positions[here])))
    order = np.argsort(np.concatenate(where), kind="stable") if where else np.array([], np.int64)
    return _joined(found).take(pa.array(order))


@lru_cache(maxsize=OPEN_FILES)
def _content(path: Path) -> pa.Array:
    """The content column of a checkpoint, mapped into memory and not copied."""
    with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
        return reader.get_batch(0).column("content")


def forget_contents() -> None:
    """Let go of the mapped files."""
    _content.cache_clear()


def _joined(arrays: Iterable[pa.Array]) -> pa.Array:
    listed = list(arrays)
    return pa.concat_arrays(listed) if listed else pa.array([], pa.string())
