"""All rows of a corpus without their contents, small enough for memory, and the way back to each content on disk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from understudy.data.compute import Checkpoints
from understudy.data.compute.checkpoints import read_content
from understudy.data.documents import FACTS, LISTING_FIELDS, WORKING_SCHEMA, Placed, working_batch
from understudy.data.listing import Collection, Entry, Listing
from understudy.data.portions import Cut
from understudy.data.sources.license_files import licensed

NO_BATCH = -1
OPEN_BATCHES = 8  # unpacked in memory at a time, of 1 to 8 MB each
HEAVY = frozenset(("bands", "lines_lost"))  # read from the files where they are needed, if anywhere
CATALOG_FACTS = [name for name in FACTS if name not in HEAVY]
ROWS_AT_ONCE = 8_192  # of what was put aside, as Python objects of a kilobyte each
TABLES_AT_ONCE = 128
ORDER = [("repo", "ascending"), ("path", "ascending"), ("place", "ascending")]


def read_catalog(checkpoints: Checkpoints, listing: Listing, cuts: Sequence[Sequence[Cut]]) -> pa.Table:
    """The facts of every row, sorted by repository and path: those that the steps worked on, and those put aside.

    `cuts` holds the batches of each collection. `batch` and `row` say where a row's content lies;
    `batch` counts the batches in order, and is NO_BATCH where there is no content.

    Memory: 300 bytes a row, and once more the largest column.
    """
    tables = _Growing()
    first_place = n_batches = 0
    for collection, mine in zip(listing.collections, cuts, strict=True):
        for cut in mine:
            facts = read_facts(checkpoints.facts(cut.key), CATALOG_FACTS)
            tables.add(_placed(facts, collection, cut.places.tolist(), first_place, n_batches))
            n_batches += 1
        aside = [place for place, entry in enumerate(collection.entries) if entry.reason]
        for some in (aside[start : start + ROWS_AT_ONCE] for start in range(0, len(aside), ROWS_AT_ONCE)):
            rows = [Placed(collection.entries[place]) for place in some]
            facts = pa.Table.from_batches([working_batch(collection.kind, rows)]).select(CATALOG_FACTS)
            tables.add(_placed(facts, collection, some, first_place, NO_BATCH))
        first_place += len(collection.entries)
    return _sorted(tables.whole())


class _Growing:
    """Tables that become one. Few large ones: a column of each costs a kilobyte, whatever is in it."""

    def __init__(self) -> None:
        self._large: list[pa.Table] = []
        self._small: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        """One more, after those that are there."""
        self._small.append(table)
        if len(self._small) == TABLES_AT_ONCE:
            self._merge()

    def whole(self) -> pa.Table:
        """All of them; there are none here afterwards."""
        self._merge()
        tables, self._large = self._large, []
        return pa.concat_tables(tables)

    def _merge(self) -> None:
        if self._small:
            self._large.append(pa.concat_tables(self._small).combine_chunks())
            self._small.clear()


def read_facts(path: Path, columns: Sequence[str]) -> pa.Table:
    """Columns of one batch's facts. A third of the time of `pq.read_table`, which can do more than open a file."""
    with pq.ParquetFile(path, memory_map=True) as file:
        return file.read(columns=list(columns), use_threads=False)


def _sorted(together: pa.Table) -> pa.Table:
    """The rows in order. Column by column: the unsorted and the sorted ones are never there both."""
    columns = dict(zip(together.column_names, together.columns, strict=True))
    order = pc.sort_indices(together.select([name for name, _ in ORDER]), ORDER)
    del together
    return pa.table({name: columns.pop(name).combine_chunks().take(order) for name in list(columns)})


def _placed(facts: pa.Table, collection: Collection, at: list[int], first_place: int, batch: int) -> pa.Table:
    """Facts with what the listing knows of the same rows."""
    values = _listed(collection, [collection.entries[number] for number in at])
    values["place"] = pa.array(np.array(at, np.int64) + first_place)
    for field in LISTING_FIELDS:
        facts = facts.append_column(field, values[field.name])
    facts = facts.append_column("batch", pa.array(np.full(len(at), batch, np.int32)))
    return facts.append_column("row", pa.array(np.arange(len(at), dtype=np.int32)))


def _listed(collection: Collection, entries: Sequence[Entry]) -> dict[str, Any]:
    licenses = [licensed(entry, collection.licenses, collection.found_licenses) for entry in entries]
    return {
        "source": pa.array([collection.source] * len(entries), pa.string()),
        "revision": pa.array([entry.revision or collection.revision for entry in entries], pa.string()),
        "licenses": pa.array([item.licenses for item in licenses], pa.list_(pa.string())),
        "license_from": pa.array([item.evidence for item in licenses], pa.string()),
        "commit_time": pa.array([entry.commit_time for entry in entries], pa.int64()),
        "weight": pa.array([collection.weight] * len(entries), pa.float32()),
    }


def rejected(catalog: pa.Table, places: pa.Array, reason: str, by: str, evidence: pa.Array) -> pa.Table:
    """The catalog with the rows at these places marked as dropped; a row that was dropped before keeps its reason."""
    found = pc.index_in(catalog["place"].combine_chunks(), value_set=places)
    hit = pc.and_(found.is_valid(), catalog["drop_reason"].combine_chunks().is_null())
    for name, values in (
        ("drop_reason", pa.scalar(reason)),
        ("dropped_by", pa.scalar(by)),
        ("evidence", evidence.cast(pa.string()).take(found)),
    ):
        column = pc.if_else(hit, values, catalog[name].combine_chunks())
        catalog = with_column(catalog, name, column)
    return catalog


def with_column(catalog: pa.Table, name: str, values: Any) -> pa.Table:
    """The catalog with this column added or replaced."""
    at = catalog.schema.get_field_index(name)
    return catalog.append_column(name, values) if at < 0 else catalog.set_column(at, name, values)


def kept(catalog: pa.Table, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows that nothing was found against so far; only these columns of them, for every one is a copy."""
    is_open = catalog["drop_reason"].combine_chunks().is_null()
    return (catalog if columns is None else catalog.select(list(columns))).filter(is_open)


class Heavy:
    """A column that is too large for the catalog, read batch by batch from the checkpoints where it is asked for."""

    def __init__(self, checkpoints: Checkpoints, keys: Sequence[str], column: str) -> None:
        self._checkpoints, self._keys = checkpoints, keys
        self._column = column
        self._batch = lru_cache(maxsize=OPEN_BATCHES)(self._read)

    def of(self, rows: pa.Table) -> pa.Array:
        """The value of each row of a part of the catalog, in its order; null where a row's batch is NO_BATCH.

        Memory: the result, and a few batches.
        """
        batches, positions = rows["batch"].to_numpy(), rows["row"].to_numpy()
        found: list[pa.Array] = []
        where: list[np.ndarray] = []
        for number in np.unique(batches):
            here = np.flatnonzero(batches == number)
            where.append(here)
            if number == NO_BATCH:
                found.append(pa.nulls(len(here), WORKING_SCHEMA.field(self._column).type))
            else:
                found.append(self._batch(int(number)).take(pa.array(positions[here])))
        order = np.argsort(np.concatenate(where), kind="stable") if where else np.array([], np.int64)
        return self._joined(found).take(pa.array(order))

    def _read(self, number: int) -> pa.Array:
        key = self._keys[number]
        if self._column == "content":
            return read_content(self._checkpoints.content(key))
        return read_facts(self._checkpoints.facts(key), [self._column])[self._column].combine_chunks()

    def _joined(self, arrays: list[pa.Array]) -> pa.Array:
        return pa.concat_arrays(arrays) if arrays else pa.array([], WORKING_SCHEMA.field(self._column).type)
