"""Which documents are held out, so that no cluster of near-duplicates and no content is on both sides.

A unit is a cluster, or the copies of one content. It is held out as a whole or not at all:

    file         one hash of a name decides, that of the unit's first document
    repository   all of the unit's repositories are held out; where only some are, it is trained on
    commit-time  all of the unit's documents are newer than the cut; one without a time is trained on
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from understudy.core.errors import InputDataError
from understudy.core.tracking import Events
from understudy.core.units import percent_text
from understudy.data.catalog import kept, with_column
from understudy.data.decisions.making import Making
from understudy.data.held_out import write_held_out

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Points = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

CHOSEN_BY = ("id", "cluster", "split_point", "commit_time", "size_bytes", "repo", "path")
ALONE = {
    "repository": "all documents belong to one repository, or to repositories that share code",
    "file": "all documents are copies of each other, or nearly",
}
SURPRISE = 2.0  # a share so many times what was asked for is worth a warning


class Choice(NamedTuple):
    """Which of the kept documents are held out, and what the person should know of it."""

    is_valid: Flags
    warning: str | None = None
    hint: str | None = None


def decide(making: Making) -> pa.Table:
    """The catalog with its column `side`: train, valid or rejected. Raises InputDataError where no document is left."""
    catalog = making.catalog
    rows = kept(catalog, [name for name in CHOSEN_BY if name in catalog.column_names])
    if len(rows) == 0:
        raise InputDataError(
            "no document is left to train on: every file was dropped",
            "see why in the funnel with `understudy show`, or loosen data.filters and data.drop",
        )
    split = making.recipe.data.split
    choice = choose(rows, split.by, split.valid)
    _tell(choice, making.events)
    side = np.full(len(catalog), "rejected", object)
    side[catalog["drop_reason"].combine_chunks().is_null().to_numpy(False)] = np.where(
        choice.is_valid, "valid", "train"
    )
    catalog = with_column(catalog, "side", pa.array(side, pa.string()))
    write_held_out(making.with_catalog(catalog))
    return catalog


def _tell(choice: Choice, events: Events) -> None:
    if choice.warning is not None:
        events.warning(choice.warning, choice.hint)


def choose(rows: pa.Table, by: str, share: float) -> Choice:
    """Which of these documents are held out; neither side is empty unless nothing tells the documents apart."""
    unit = units(rows)
    if by == "commit-time":
        return _newest(rows, unit, share)
    points = rows["split_point"].to_numpy()
    point = _highest(points, unit) if by == "repository" else _first(rows, points, unit)
    return _below(point, share, by)


def units(rows: pa.Table) -> Numbers:
    """For each document the number of its unit: its cluster, or its content where it is in none."""
    name = rows["id"].combine_chunks()
    if "cluster" in rows.column_names:
        cluster = pc.cast(rows["cluster"].combine_chunks(), pa.string())
        name = pc.coalesce(pc.binary_join_element_wise("cluster", cluster, " "), name)
    numbers: Numbers = pc.dictionary_encode(name).indices.to_numpy(False).astype(np.int64)
    return numbers


def _highest(points: Points, unit: Numbers) -> Points:
    highest = np.full(unit.max() + 1, -np.inf)
    np.maximum.at(highest, unit, points)
    return highest[unit]


def _first(rows: pa.Table, points: Points, unit: Numbers) -> Points:
    """The point of each unit's first document by content; the least of its points would hold out too much."""
    numbered = pa.table({"id": rows["id"], "repo": rows["repo"], "path": rows["path"]})
    order = pc.sort_indices(numbered, [(name, "ascending") for name in numbered.column_names]).to_numpy()
    point_of_unit = np.empty(unit.max() + 1)
    point_of_unit[unit[order[::-1]]] = points[order[::-1]]  # the first is written last
    return point_of_unit[unit]


def _below(points: Points, share: float, by: str) -> Choice:
    """Documents with a point below the share, which is moved only so far that neither side is empty."""
    lowest, highest = float(points.min()), float(points.max())
    if lowest == highest:
        what = ALONE[by] if len(points) > 1 else "there is only one document"
        hint = "data.split.by: file" if len(points) > 1 and by == "repository" else "add more code"
        return Choice(np.zeros(len(points), bool), f"nothing is held out: {what}", hint)
    cut = math.nextafter(lowest, 1.0) if lowest >= share else min(share, highest)
    return Choice(points < cut)


def _newest(rows: pa.Table, unit: Numbers, share: float) -> Choice:
    """The newest documents, to about the share of all bytes. What has one time stays together."""
    times, sizes = _times(rows["commit_time"], unit), rows["size_bytes"].to_numpy()
    known = np.unique(times[times > -np.inf])
    if len(known) == 0:
        raise InputDataError(
            "data.split.by is commit-time, but no document has a time",
            "take the code from git sources, or: --set data.split.by=file",
        )
    if len(known) == 1 and times.min() == known[0]:
        return Choice(np.zeros(len(times), bool), "nothing is held out: all documents are of one time", _BY_FILE)
    is_valid = times >= _cut(times, sizes, known, share)
    found = float(sizes[is_valid].sum() / max(1, sizes.sum()))
    if found > SURPRISE * share:
        told = f"{percent_text(found)} of the bytes are held out, not {percent_text(share)}: they have one commit time"
        return Choice(is_valid, told, _BY_FILE)
    return Choice(is_valid)


_BY_FILE = "for another share: --set data.split.by=file"


def _times(column: pa.ChunkedArray, unit: Numbers) -> Points:
    """For each document the oldest time of its unit; minus infinity where one of the unit has none."""
    times = pc.fill_null(pc.cast(column, pa.float64()), -np.inf).to_numpy()
    oldest = np.full(unit.max() + 1, np.inf)
    np.minimum.at(oldest, unit, times)
    return oldest[unit]


def _cut(times: Points, sizes: Numbers, known: Points, share: float) -> float:
    """The time from which on documents are held out: the one whose share is nearest, and neither side empty."""
    wanted = share * float(sizes.sum())
    held = _held(times, sizes)
    totals = np.cumsum(held)
    may_take_all = bool(times.min() == -np.inf)  # what has no time is left to train on
    candidates = totals if may_take_all else totals[:-1]
    return float(known[::-1][int(np.argmin(np.abs(candidates - wanted)))])


def _held(times: Points, sizes: Numbers) -> Numbers:
    """The bytes of each known time, newest first."""
    is_known = times > -np.inf
    _, place = np.unique(times[is_known], return_inverse=True)
    return np.bincount(place, weights=sizes[is_known])[::-1].astype(np.int64)
