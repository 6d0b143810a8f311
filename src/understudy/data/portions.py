"""Cuts a listing into batches of bounded size, always at the same places, and fills in what comes from streams."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from understudy.core.recipe import Recipe
from understudy.data.compute import Portion
from understudy.data.documents import Placed, working_batch
from understudy.data.listing import Collection, Listing
from understudy.data.sources.archive import Limits, read_members
from understudy.data.sources.git import read_blobs

# Small enough that two workers end together and a killed one loses little; large enough that a checkpoint is not a
# handful of files. 64 batches for each input in between.
SMALLEST_BYTES = 500_000
LARGEST_BYTES = 8_000_000
BATCHES = 64
MOST_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Cut:
    """One batch that is not read yet."""

    number: int
    size_bytes: int
    rows: tuple[Placed, ...]


def portions(listing: Listing, recipe: Recipe, done: Container[int]) -> Iterator[Portion]:
    """Every batch that is not done, in order. Its borders depend on the listing alone."""
    batch_bytes = min(LARGEST_BYTES, max(SMALLEST_BYTES, usable_bytes(listing) // BATCHES))
    number, place = 0, 0
    for collection in listing.collections:
        cuts = _cuts(collection, number, place, batch_bytes)
        number += len(cuts)
        place += len(collection.entries)
        waiting = [cut for cut in cuts if cut.number not in done]
        if waiting:
            yield from _read(collection, waiting, recipe)


def usable_bytes(listing: Listing) -> int:
    """Bytes of all files that go to the steps."""
    return sum(entry.size_bytes for entry in listing.entries() if not entry.reason)


def put_aside(listing: Listing) -> pa.Table:
    """The files that the listing itself rejects, as rows without content."""
    place, batches = 0, []
    for collection in listing.collections:
        rows = [Placed(place + offset, entry) for offset, entry in enumerate(collection.entries) if entry.reason]
        place += len(collection.entries)
        batches.append(working_batch(collection, rows))
    return pa.Table.from_batches(batches)


def _cuts(collection: Collection, number: int, place: int, batch_bytes: int) -> list[Cut]:
    cuts: list[Cut] = []
    rows: list[Placed] = []
    size = 0
    for offset, entry in enumerate(collection.entries):
        if entry.reason:
            continue
        if rows and (size + entry.size_bytes > batch_bytes or len(rows) >= MOST_ROWS):
            cuts.append(Cut(number + len(cuts), size, tuple(rows)))
            rows, size = [], 0
        rows.append(Placed(place + offset, entry))
        size += entry.size_bytes
    if rows:
        cuts.append(Cut(number + len(cuts), size, tuple(rows)))
    return cuts


def _read(collection: Collection, cuts: Sequence[Cut], recipe: Recipe) -> Iterator[Portion]:
    if collection.kind == "folder":
        yield from (_portion(collection, cut, cut.rows) for cut in cuts)
    elif collection.kind == "git":
        yield from _from_git(collection, cuts)
    else:
        yield from _from_archive(collection, cuts, recipe)


def _from_git(collection: Collection, cuts: Sequence[Cut]) -> Iterator[Portion]:
    blobs = read_blobs(Path(collection.root), [row.entry.location for cut in cuts for row in cut.rows])
    for cut in cuts:
        yield _portion(collection, cut, [row._replace(raw=next(blobs)[1]) for row in cut.rows])


def _from_archive(collection: Collection, cuts: Sequence[Cut], recipe: Recipe) -> Iterator[Portion]:
    """Members come in the archive's order, which is that of the rows; what the archive lost since stays empty."""
    wanted = {int(row.entry.location) for cut in cuts for row in cut.rows}
    limits = Limits(recipe.data.filters.max_file_bytes, recipe.data.filters.max_archive_bytes)
    members = enumerate(read_members(Path(collection.root), limits, lambda position, _: position in wanted))
    for cut in cuts:
        raws: dict[int, bytes | None] = {int(row.entry.location): None for row in cut.rows}
        last = max(raws)
        for position, member in members:
            if position in raws:
                raws[position] = member.data
            if position >= last:
                break
        yield _portion(collection, cut, [row._replace(raw=raws[int(row.entry.location)]) for row in cut.rows])


def _portion(collection: Collection, cut: Cut, rows: Sequence[Placed]) -> Portion:
    return Portion(cut.number, cut.size_bytes, working_batch(collection, rows))
