"""How each kind of source becomes collections of files: one function and one row of the table for each.

        dir ──▶ FolderWalk ─────────┐
        git ──▶ Repository ─────────┤
    archive ──▶ archive.found_in ───┤
    parquet ──▶ parquet.found_in ───┼──▶ Found ──▶ Look.collection ──▶ Collection
      jsonl ──▶ jsonl.found_in ─────┤
huggingface ──▶ Parquet in the cache┘
URLs of files are brought into the cache first (sources/remote.py) and read from there.
"""

from __future__ import annotations

import glob
import json
import platform
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from understudy.core.errors import InputDataError
from understudy.core.recipe import SourceKind
from understudy.data.listing import CHUNK, Collection, Found, pack_found, unpack_found
from understudy.data.sources import archive
from understudy.data.sources.folder import FolderWalk
from understudy.data.sources.git import Repository
from understudy.data.sources.hash_cache import HashCache
from understudy.data.sources.looking import Look

PYTHON_LICENSE = "PSF-2.0"
FORMAT = 4  # of what is remembered of packed files; a new number forgets it all


class Packed(NamedTuple):
    """One file with many files in it: where it lies, and the name it was given by."""

    path: Path
    name: str


def _folder(look: Look) -> Iterator[Collection]:
    from understudy.data.sources.remote import is_url, mirrored

    if is_url(look.source.dir or ""):
        yield look.collection("folder", str(look.source), look.not_excluded(mirrored(look)))
        return
    root = look.recipe.resolve(look.source.dir or "")
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise InputDataError(f"the source `{look.source}` {what} ({root})", "correct data.sources in the recipe")
    yield _walked(look, root.resolve(), look.source.name)


def _stdlib(look: Look) -> Iterator[Collection]:
    root = Path(sysconfig.get_paths()["stdlib"]).resolve()
    if not root.is_dir():
        raise InputDataError(f"this Python has no library folder ({root})", "use another source in data.sources")
    yield _walked(look, root, look.source.name or "cpython", platform.python_version(), (PYTHON_LICENSE,))


def _walked(
    look: Look, root: Path, name: str | None, revision: str | None = None, licenses: tuple[str, ...] = ()
) -> Collection:
    cache = HashCache(look.project, str(root))
    walk = FolderWalk(
        root,
        name,
        exclude=look.source.exclude,
        limit=look.limits.member_bytes,
        wants=look.wants.path,
        cache=cache,
        finds_repositories=look.source.kind == "dir",
    )
    collection = look.collection("folder", str(root), walk.files(), revision, licenses)
    cache.save()
    look.passed_over.update(walk.passed_over)
    return collection


def _git(look: Look) -> Iterator[Collection]:
    repository = Repository(look.recipe, look.source, look.project, look.events)
    files = repository.files(look.source.exclude, look.limits.member_bytes, look.wants.path)
    yield look.collection("git", str(repository.folder), files, repository.commit)


def _archive(look: Look) -> Iterator[Collection]:
    for packed in _files_of(look, look.source.archive or ""):
        repo = look.source.name or archive.archive_name(Path(packed.name))
        texts: dict[str, bytes] = {}
        find = partial(archive.found_in, packed.path, repo, look.limits, look.wants.path, texts)
        found = _remembered(look, packed, find)
        yield look.collection("archive", str(packed.path), look.not_excluded(found), texts=texts)


def _parquet(look: Look) -> Iterator[Collection]:
    for packed in _files_of(look, look.source.parquet or ""):
        yield _table(look, packed)


def _table(look: Look, packed: Packed, repo: str = "") -> Collection:
    from understudy.data.sources import parquet  # Arrow takes a quarter of a second
    from understudy.data.sources.columns import default_repo

    name = look.source.name or repo or default_repo(packed.name)
    found = _remembered(look, packed, partial(parquet.found_in, packed.path, name, look.limits, look.wants))
    return look.collection("parquet", str(packed.path), look.not_excluded(found))


def _jsonl(look: Look) -> Iterator[Collection]:
    from understudy.data.sources import jsonl
    from understudy.data.sources.columns import default_repo

    for packed in _files_of(look, look.source.jsonl or ""):
        name = look.source.name or default_repo(packed.name)
        found = _remembered(look, packed, partial(jsonl.found_in, packed.path, name, look.limits, look.wants))
        yield look.collection("jsonl", str(packed.path), look.not_excluded(found))


def _huggingface(look: Look) -> Iterator[Collection]:
    from understudy.data.sources.huggingface import brought

    dataset = brought(look)
    for path in dataset.parts:
        table = _table(look, Packed(path, path.name), dataset.name)
        yield replace(table, revision=dataset.revision)


def _files_of(look: Look, written: str) -> list[Packed]:
    """The files that a path, a URL or a pattern names, sorted by name."""
    from understudy.data.sources.remote import downloaded, is_url

    if is_url(written):
        return [Packed(item.path, item.name) for item in downloaded(look, written)]
    pattern = str(look.recipe.resolve(written.removeprefix("file://")))
    literal = Path(pattern)
    paths = [literal] if literal.is_file() else sorted(map(Path, glob.glob(pattern, recursive=True)))  # noqa: PTH207
    files = [Packed(path.resolve(), path.name) for path in paths if path.is_file()]
    if not files:
        raise InputDataError(f"no file matches the source `{look.source}`", "correct data.sources in the recipe")
    return files


def _remembered(look: Look, packed: Packed, find: Callable[[], Iterable[Found]]) -> Iterator[Found]:
    """What is in a packed file: remembered where it has not changed, else found and remembered, file by file."""
    settings = [FORMAT, str(packed.path), packed.name, look.source.name, look.limits, sorted(look.languages)]
    settings.append(look.recipe.data.detect)
    cache = HashCache(look.project, json.dumps(settings))
    facts = packed.path.stat()
    known = cache.get(str(packed.path), facts)
    if known is not None:
        return (item for text in known for item in unpack_found(text))
    return _noted(find(), lambda texts: cache.put(str(packed.path), facts, texts), cache)


def _noted(files: Iterable[Found], put: Callable[[list[str]], None], cache: HashCache) -> Iterator[Found]:
    """The same files; what they were is kept when the last has passed."""
    texts: list[str] = []
    stream = iter(files)
    while some := list(islice(stream, CHUNK)):
        texts.append(pack_found(some))
        yield from some
    put(texts)
    cache.save()


COLLECTORS: dict[SourceKind, Callable[[Look], Iterator[Collection]]] = {
    "dir": _folder,
    "git": _git,
    "archive": _archive,
    "parquet": _parquet,
    "jsonl": _jsonl,
    "huggingface": _huggingface,
    "stdlib": _stdlib,
}
