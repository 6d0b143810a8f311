"""Cuts a listing into batches, always at the same places, and reads what is in them.

Where one batch ends and the next begins depends on the files around the border alone, and a batch is named after what
it holds and what the steps will do with it. When one file changes, one batch has a new name; all others
are still there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from understudy.core.recipe import Recipe
from understudy.data.compute import Checkpoints, Portion
from understudy.data.compute.checkpoints import read_content
from understudy.data.documents import Placed, working_batch
from understudy.data.listing import Collection, Entries, Entry, Kind, Listing
from understudy.data.sources.archive import Limits, read_located
from understudy.data.sources.git import read_blobs

# Small enough that two workers end together and a killed one loses little; large enough that a batch is not a handful
# of files. Beyond the least size a border follows after about as much again.
LEAST_BYTES = 750_000
FURTHER_BYTES = 750_000
LARGEST_BYTES = 8_000_000
MOST_ROWS = 2_000
CUTS_AT_ONCE = 16  # of one folder, for an engine that reads on other machines
MANY_ENTRIES = 20_000  # of one load, as Python objects: 15 MB

RawReader = Callable[[Path, Sequence[str], Limits], Iterator[bytes | None]]
"""Yields the bytes at each location, in that order; None for what is no longer there."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One batch that is not read yet. Its key names what it holds and what will be done with it."""

    key: str
    size_bytes: int
    places: npt.NDArray[np.int32]  # of its entries in their collection


class Filled(NamedTuple):
    """A batch with its entries."""

    key: str
    size_bytes: int
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Load:
    """Batches that are read in one go, from the beginning of their source to its end. Plain values: it can travel."""

    kind: Kind
    root: str
    limits: Limits
    cuts: tuple[Filled, ...]


def cuts_of(collection: Collection, settings: str) -> list[Cut]:
    """The batches of a collection's usable files. `settings` stands for the steps that will be run."""
    cuts = []
    for run in _runs(collection):
        size = sum(entry.size_bytes for _, entry in run)
        places = np.array([place for place, _ in run], np.int32)
        cuts.append(Cut(_key([entry for _, entry in run], settings), size, places))
    return cuts


def loads(collection: Collection, cuts: Sequence[Cut], recipe: Recipe, done: Container[str]) -> Iterator[Load]:
    """What has to be read for the cuts that are not done."""
    limits = Limits(recipe.data.filters.max_file_bytes, recipe.data.filters.max_archive_bytes)
    waiting = [cut for cut in cuts if cut.key not in done]
    at_once = len(waiting) if collection.kind in STREAMS else CUTS_AT_ONCE
    for start in range(0, len(waiting), max(1, at_once)):
        filled = (_filled(collection, cut) for cut in waiting[start : start + at_once])
        yield Load(collection.kind, collection.root, limits, tuple(filled))


def _filled(collection: Collection, cut: Cut) -> Filled:
    entries = (collection.entries[place] for place in cut.places.tolist())
    is_large = collection.kind in STREAMS and len(collection.entries) > MANY_ENTRIES  # all its cuts are one load
    return Filled(cut.key, cut.size_bytes, Entries(entries) if is_large else tuple(entries))


def read(load: Load) -> Iterator[Portion]:
    """The batches of a load, in order, each made when it is asked for."""
    reader = READERS[load.kind]
    if reader is None:
        yield from (_portion(load, cut, [Placed(entry) for entry in cut.entries]) for cut in load.cuts)
        return
    raws = reader(Path(load.root), [entry.location for cut in load.cuts for entry in cut.entries], load.limits)
    for cut in load.cuts:
        yield _portion(load, cut, [Placed(entry, next(raws, None)) for entry in cut.entries])


def without(load: Load, done: Container[str]) -> Load:
    """The load less the cuts that are done."""
    return replace(load, cuts=tuple(cut for cut in load.cuts if cut.key not in done))


def usable_bytes(listing: Listing) -> int:
    """Bytes of all files that go to the steps."""
    return sum(entry.size_bytes for entry in listing.entries() if not entry.reason)


def _runs(collection: Collection) -> Iterator[list[tuple[int, Entry]]]:
    """Neighbouring usable entries with their places."""
    entries: list[tuple[int, Entry]] = []
    size = 0
    for place, entry in enumerate(collection.entries):
        if entry.reason:
            continue
        if entries and size + entry.size_bytes > LARGEST_BYTES:
            yield entries
            entries, size = [], 0
        entries.append((place, entry))
        size += entry.size_bytes
        if len(entries) >= MOST_ROWS or (size >= LEAST_BYTES and _is_border(entry)):
            yield entries
            entries, size = [], 0
    if entries:
        yield entries


def _is_border(entry: Entry) -> bool:
    """True with a chance that grows with the file's size, and always or never for the same content."""
    return int(entry.raw_id[:12] or "0", 16) % FURTHER_BYTES < entry.size_bytes


def _key(entries: Sequence[Entry], settings: str) -> str:
    digest = xxhash.xxh3_128(settings.encode())
    for entry in entries:
        digest.update(json.dumps([entry.repo, entry.path, entry.lang, entry.size_bytes, entry.raw_id]).encode())
    return digest.hexdigest()


def _portion(load: Load, cut: Filled, rows: Sequence[Placed]) -> Portion:
    return Portion(cut.key, cut.size_bytes, working_batch(load.kind, rows))


def _from_git(root: Path, locations: Sequence[str], _limits: Limits) -> Iterator[bytes | None]:
    for _commit, raw in read_blobs(root, list(locations)):
        yield raw


def _from_checkpoints(root: Path, locations: Sequence[str], _limits: Limits) -> Iterator[bytes | None]:
    """Contents that steps have left in a folder of checkpoints; a location is the batch's key and the row in it."""
    checkpoints, last, column = Checkpoints(root), "", pa.array([], pa.string())
    for location in locations:
        key, _, row = location.partition(":")
        if key != last:
            last, column = key, read_content(checkpoints.content(key))
        yield column[int(row)].as_buffer().to_pybytes() if column[int(row)].is_valid else None


def _from_parquet(root: Path, locations: Sequence[str], limits: Limits) -> Iterator[bytes | None]:
    from understudy.data.sources.parquet import read_rows  # workers that read folders need not load it

    return read_rows(root, locations, limits)


def _from_jsonl(root: Path, locations: Sequence[str], limits: Limits) -> Iterator[bytes | None]:
    from understudy.data.sources.jsonl import read_rows

    return read_rows(root, locations, limits)


# None: the worker reads the file itself, in the step `read`.
READERS: dict[Kind, RawReader | None] = {
    "folder": None,
    "git": _from_git,
    "archive": read_located,
    "parquet": _from_parquet,
    "jsonl": _from_jsonl,
    "kept": _from_checkpoints,
}
STREAMS = frozenset(("git", "archive", "parquet", "jsonl"))  # read from their beginning, whatever is wanted of them
