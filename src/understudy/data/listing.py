"""What the sources hold, file by file, before any content is kept: what a survey sees, and the order of the work.

sources ─▶ Found (a file) ─▶ Entry (with language and verdict) ─▶ Collection (a folder, repository, archive) ─▶ Listing
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple, overload

import xxhash

from understudy.core.paths import read_json, write_atomically
from understudy.data.licenses.repository import License

LANGUAGE_REASONS = ("unknown-language", "language-not-wanted")
CHUNK = 1024  # entries that are packed together
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


class Entries(Sequence[Entry]):
    """Entries packed in memory: 50 bytes each instead of 700, at a microsecond or two for each that is looked at."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        stream = iter(entries)
        self._packed = [_pack(chunk) for chunk in iter(lambda: list(islice(stream, CHUNK)), [])]
        self._n = 0 if not self._packed else (len(self._packed) - 1) * CHUNK + len(_unpack(self._packed[-1]))
        self._last: tuple[int, list[Entry]] = (-1, [])

    def __len__(self) -> int:
        return self._n

    def __iter__(self) -> Iterator[Entry]:
        for packed in self._packed:
            yield from _unpack(packed)

    @overload
    def __getitem__(self, at: int) -> Entry: ...

    @overload
    def __getitem__(self, at: slice) -> list[Entry]: ...

    def __getitem__(self, at: int | slice) -> Entry | list[Entry]:
        """One entry, or several; looking at neighbours one after the other is cheap."""
        if isinstance(at, slice):
            return [self[number] for number in range(*at.indices(self._n))]
        number, place = divmod(at if at >= 0 else at + self._n, CHUNK)
        if number != self._last[0]:
            self._last = (number, _unpack(self._packed[number]))
        return self._last[1][place]

    def dump(self) -> list[str]:
        """The packed entries as text, for `load`."""
        return list(map(_as_text, self._packed))

    @classmethod
    def load(cls, dumped: Iterable[str]) -> Entries:
        """The entries that `dump` wrote. Raises ValueError for anything else."""
        entries = cls(())
        entries._packed = list(map(base64.b85decode, dumped))
        if entries._packed:
            entries._n = (len(entries._packed) - 1) * CHUNK + len(_unpack(entries._packed[-1]))
        return entries


def pack_found(files: Sequence[Found]) -> str:
    """Some files as short text: a million of them can be remembered and take 60 MB."""
    return _as_text(zlib.compress(json.dumps(files).encode(), 1))


def unpack_found(text: str) -> Iterator[Found]:
    """The files that `pack_found` wrote. Raises ValueError for anything else."""
    try:
        for *plain, licenses, lang in json.loads(zlib.decompress(base64.b85decode(text))):
            yield Found._make([*plain, tuple(licenses), lang])
    except (zlib.error, TypeError) as error:
        raise ValueError(f"not files: {error}") from error


def _as_text(packed: bytes) -> str:
    return base64.b85encode(packed).decode()


def _pack(entries: list[Entry]) -> bytes:
    return zlib.compress(json.dumps(entries).encode(), 1)


def _unpack(packed: bytes) -> list[Entry]:
    try:
        return [Entry._make([*plain, tuple(licenses)]) for *plain, licenses in json.loads(zlib.decompress(packed))]
    except (zlib.error, TypeError) as error:
        raise ValueError(f"not entries: {error}") from error


@dataclass(frozen=True, slots=True)
class Collection:
    """Files that are read together: those of one folder, one git commit, or one archive."""

    source: str
    kind: Kind
    root: str
    entries: Sequence[Entry]
    revision: str | None = None
    licenses: tuple[str, ...] = ()
    weight: float = 1.0  # how often its documents are trained on
    found_licenses: Mapping[str, Mapping[str, License]] = field(default_factory=dict)  # by repository and folder

    def usable(self) -> Iterator[Entry]:
        """The files that go on to the steps."""
        return (entry for entry in self.entries if not entry.reason)


@dataclass(frozen=True, slots=True)
class Listing:
    """All collections in the recipe's order, and counts of what was passed over by rule (`.git`, `node_modules`)."""

    collections: tuple[Collection, ...]
    passed_over: Counter[str] = field(default_factory=Counter)
    rules: str = ""  # a hash of the files with rules that the recipe names: with others the corpus is another

    def entries(self) -> Iterator[Entry]:
        """All files, collection by collection."""
        return (entry for collection in self.collections for entry in collection.entries)

    def fingerprint(self) -> str:
        """A hash of names, languages and contents of every file of a wanted language.

        Files of other languages are left out: a new image or log beside the code must not retrain a model.
        """
        digest = xxhash.xxh3_128(self.rules.encode())
        for entry in self.entries():
            if entry.reason not in LANGUAGE_REASONS:
                digest.update(json.dumps([entry.repo, entry.path, entry.lang, entry.raw_id, entry.reason]).encode())
                if entry.licenses:
                    digest.update(json.dumps(entry.licenses).encode())
        for collection in self.collections:
            if collection.found_licenses:  # a project that changes its licence makes another corpus
                digest.update(json.dumps(collection.found_licenses, sort_keys=True).encode())
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
            "found_licenses": item.found_licenses,
            "entries": (item.entries if isinstance(item.entries, Entries) else Entries(item.entries)).dump(),
        }
        for item in listing.collections
    ]
    values = {"collections": collections, "passed_over": dict(listing.passed_over), "rules": listing.rules}
    write_atomically(path, json.dumps(values))


def load_listing(path: Path) -> Listing | None:
    """The listing in a file, or None where there is none that can be read."""
    try:
        values = read_json(path)
        return Listing(tuple(map(_collection, values["collections"])), Counter(values["passed_over"]), values["rules"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _collection(values: dict[str, object]) -> Collection:
    return Collection(
        source=str(values["source"]),
        kind=str(values["kind"]),
        root=str(values["root"]),
        entries=Entries.load(values["entries"]),  # type: ignore[arg-type]
        revision=None if values["revision"] is None else str(values["revision"]),
        licenses=tuple(values["licenses"]),  # type: ignore[arg-type]
        weight=float(values["weight"]),  # type: ignore[arg-type]
        found_licenses={
            repo: {folder: License.load(item) for folder, item in folders.items()}
            for repo, folders in values["found_licenses"].items()  # type: ignore[attr-defined]
        },
    )
