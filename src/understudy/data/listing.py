"""What the sources hold, file by file, before any content is kept: what a survey sees, and the order of the work.

sources ─▶ Found (a file) ─▶ Entry (with language and verdict) ─▶ Collection (a folder, repository, archive) ─▶ Listing
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import xxhash

from understudy.core.paths import read_json, write_atomically

LANGUAGE_REASONS = ("unknown-language", "language-not-wanted")
Kind = str  # "folder", "git" or "archive": how the contents of a collection are read again


class Found(NamedTuple):
    """One file as a source met it. `location` says how to read it again; `reason` is set where it cannot be used."""

    repo: str
    path: str
    size_bytes: int
    location: str
    raw_id: str = ""  # xxh3-128 of the bytes; empty where they were not read
    reason: str = ""
    evidence: str = ""
    commit_time: int | None = None  # seconds since 1970, where the source knows when the file last changed
    revision: str | None = None  # where it is not the collection's
    licenses: tuple[str, ...] = ()  # where the source says so of each file
    lang: str = ""  # as the source calls it, where it does: for names that our table does not know


class Entry(NamedTuple):
    """One file with its language. `reason` is empty for a file that goes on to the steps."""

    repo: str
    path: str
    lang: str | None
    size_bytes: int
    location: str
    raw_id: str
    reason: str
    evidence: str
    commit_time: int | None = None
    revision: str | None = None
    licenses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Collection:
    """Files that are read together: those of one folder, one git commit, or one archive."""

    source: str
    kind: Kind
    root: str
    entries: tuple[Entry, ...]
    revision: str | None = None
    licenses: tuple[str, ...] = ()
    weight: float = 1.0  # how often its documents are trained on

    def usable(self) -> Iterator[Entry]:
        """The files that go on to the steps."""
        return (entry for entry in self.entries if not entry.reason)


@dataclass(frozen=True, slots=True)
class Listing:
    """All collections in the recipe's order, and counts of what was passed over by rule (`.git`, `node_modules`)."""

    collections: tuple[Collection, ...]
    passed_over: Counter[str] = field(default_factory=Counter)

    def entries(self) -> Iterator[Entry]:
        """All files, collection by collection."""
        return (entry for collection in self.collections for entry in collection.entries)

    def fingerprint(self) -> str:
        """A hash of names, languages and contents of every file of a wanted language.

        Files of other languages are left out: a new image or log beside the code must not retrain a model.
        """
        digest = xxhash.xxh3_128()
        for entry in self.entries():
            if entry.reason not in LANGUAGE_REASONS:
                digest.update(json.dumps([entry.repo, entry.path, entry.lang, entry.raw_id, entry.reason]).encode())
        return digest.hexdigest()


def save_listing(listing: Listing, path: Path) -> None:
    """Write a listing; names that are not valid UTF-8 survive as escapes."""
    collections = [
        {
            "source": item.source,
            "kind": item.kind,
            "root": item.root,
            "revision": item.revision,
            "licenses": item.licenses,
            "weight": item.weight,
            "entries": item.entries,
        }
        for item in listing.collections
    ]
    write_atomically(path, json.dumps({"collections": collections, "passed_over": dict(listing.passed_over)}))


def load_listing(path: Path) -> Listing | None:
    """The listing in a file, or None where there is none that can be read."""
    try:
        values = read_json(path)
        return Listing(tuple(map(_collection, values["collections"])), Counter(values["passed_over"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _collection(values: dict[str, object]) -> Collection:
    entries: Sequence[Sequence[object]] = values["entries"]  # type: ignore[assignment]
    return Collection(
        source=str(values["source"]),
        kind=str(values["kind"]),
        root=str(values["root"]),
        entries=tuple(_entry_of(item) for item in entries),
        revision=None if values["revision"] is None else str(values["revision"]),
        licenses=tuple(values["licenses"]),  # type: ignore[arg-type]
        weight=float(values["weight"]),  # type: ignore[arg-type]
    )


def _entry_of(item: Sequence[object]) -> Entry:
    entry = Entry(*item)  # type: ignore[arg-type]
    return entry._replace(licenses=tuple(entry.licenses)) if entry.licenses else entry
