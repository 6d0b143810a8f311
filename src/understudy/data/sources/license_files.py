"""Reads the licence files of what is being listed, and says which licence rules each of its files.

Look.collection ──licence files met on the way──▶ texts ──▶ repository_licenses ──▶ Collection.found_licenses ──▶ rows
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from understudy.data.licenses import License, is_license_file, license_for, repository_licenses
from understudy.data.licenses.expressions import terms
from understudy.data.licenses.repository import MAX_LICENSE_BYTES
from understudy.data.listing import Entry, Found, Kind
from understudy.data.sources.archive import Limits, read_located
from understudy.data.sources.git import read_blobs
from understudy.data.sources.hash_cache import HashCache
from understudy.data.sources.reading import printable, read_file

FoundLicenses = Mapping[str, Mapping[str, License]]
"""By repository, and in it by folder."""
MOST_FILES = 20_000  # of one collection: a monorepo has thousands of package.json
MOST_BYTES = 200_000_000
VERSION = 1  # of what is remembered; a new number when other licences may be found


class Licensed(NamedTuple):
    """The licences of one file, and what says so; nothing where nobody does."""

    licenses: tuple[str, ...] = ()
    evidence: str | None = None


class LicenseFiles:
    """Gathers the licence files among those that are listed, and reads them when all are known."""

    def __init__(self, kind: Kind, root: str, texts: Mapping[str, bytes] | None = None) -> None:
        """`texts` are contents that are at hand already, by path."""
        self._kind, self._root, self._texts = kind, root, {} if texts is None else texts
        self._met: list[Found] = []
        self._n_bytes = 0

    def watch(self, files: Iterable[Found]) -> Iterator[Found]:
        """The same files; those that can say a licence are remembered."""
        for item in files:
            if not item.reason and 0 < item.size_bytes <= MAX_LICENSE_BYTES and is_license_file(item.path):
                self._n_bytes += item.size_bytes
                if len(self._met) < MOST_FILES and self._n_bytes <= MOST_BYTES:
                    self._met.append(item)
            yield item

    def licenses(self) -> FoundLicenses:
        """The licences found, by repository and folder."""
        by_repo: dict[str, dict[str, bytes]] = {}
        for item, data in zip(self._met, self._read(), strict=True):
            if data is not None:
                by_repo.setdefault(item.repo, {})[item.path] = data
        if self._kind == "folder" and Path(self._root).is_absolute():  # not a URL, whose files only lie in our cache
            for repo, files in _above(Path(self._root)):
                by_repo.setdefault(repo, {}).update(files)
        found = {repo: repository_licenses(files) for repo, files in by_repo.items()}
        return {repo: folders for repo, folders in found.items() if folders}

    def remembered(self, cache: HashCache) -> FoundLicenses:
        """The same, from the cache where the archive is still what it was: it is not unpacked for them again."""
        facts = Path(self._root).stat()
        known = cache.get(self._root, facts)
        if known is not None:
            return {
                repo: {name: License.load(item) for name, item in folders.items()} for repo, folders in known.items()
            }
        found = self.licenses()
        cache.put(self._root, facts, found)
        cache.save()
        return found

    def _read(self) -> Iterator[bytes | None]:
        if self._kind == "folder":
            return (read_file(item.location, MAX_LICENSE_BYTES).data for item in self._met)
        if self._kind == "git":
            return (data for _, data in read_blobs(Path(self._root), [item.location for item in self._met]))
        if self._kind == "archive" and all(item.path in self._texts for item in self._met):
            return (self._texts[item.path] for item in self._met)
        if self._kind == "archive":
            limits = Limits(MAX_LICENSE_BYTES, 1 << 62)  # listing it has kept to the recipe's limit already
            return read_located(Path(self._root), [item.location for item in self._met], limits)
        return (None for _ in self._met)


def licensed(entry: Entry, declared: tuple[str, ...], found: FoundLicenses) -> Licensed:
    """What an entry is under: what its source says of it, the nearest licence file, metadata, the recipe."""
    if entry.licenses:
        return Licensed(entry.licenses, "the source's column")
    license_ = license_for(found.get(entry.repo, {}), entry.path) if found else None
    if license_ is not None:
        return Licensed(terms(license_.expression), license_.evidence)
    return Licensed(declared, "the recipe's source") if declared else Licensed()


def _above(root: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The licence files of the folders between a source and the top of the repository that it lies in."""
    if os.path.lexists(root / ".git"):
        return
    top = next((folder for folder in root.parents if os.path.lexists(folder / ".git")), None)
    if top is None:
        return
    files = {}
    for folder in root.parents:
        for path in sorted(folder.iterdir()):
            if is_license_file(path.name) and (data := read_file(os.fspath(path), MAX_LICENSE_BYTES).data):
                files[printable(path.relative_to(top).as_posix())] = data
        if folder == top:
            break
    yield printable(top.name or "root"), files
