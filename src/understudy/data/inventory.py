"""Looks at every source of the recipe: which files there are, what they hold, and one fingerprint for all of it."""

from __future__ import annotations

import difflib
import glob
import json
import platform
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

import xxhash

from understudy.core.errors import InputDataError, Interrupted, RecipeError
from understudy.core.paths import Project
from understudy.core.recipe import Recipe, Source
from understudy.core.stage import SourceSurvey, Survey
from understudy.core.tracking import Events
from understudy.data.listing import Collection, Entry, Found, Listing, load_listing, save_listing
from understudy.data.sources.archive import Limits, archive_name, found_in
from understudy.data.sources.folder import FolderWalk
from understudy.data.sources.git import Repository
from understudy.data.sources.hash_cache import HashCache
from understudy.data.sources.reading import EXCLUDED, is_excluded, printable
from understudy.formats.languages import BY_NAME, language_of

KEPT_LISTINGS = 8  # listings below the cache; each belongs to one state of the sources
PYTHON_LICENSE = "PSF-2.0"


def take_survey(recipe: Recipe, project: Project, events: Events) -> Survey:
    """What the recipe's sources hold now. Unchanged files are not read again.

    Raises InputDataError naming the source that is missing, empty or without a usable file.
    """
    listing = list_sources(recipe, project, events)
    fingerprint = listing.fingerprint()
    path = listing_path(recipe, project, fingerprint)
    if not path.exists():
        save_listing(listing, path)
        _forget_old(path.parent)
    sizes: Counter[str] = Counter()
    sources: dict[str, list[int]] = {str(source): [0, 0] for source in recipe.data.sources}
    for collection in listing.collections:
        for entry in collection.usable():
            sizes[entry.lang or "unknown"] += entry.size_bytes
            sources[collection.source][0] += 1
            sources[collection.source][1] += entry.size_bytes
    return Survey(
        fingerprint=fingerprint,
        n_files=sum(n for n, _ in sources.values()),
        size_bytes=sum(sizes.values()),
        size_bytes_by_language=dict(sizes.most_common()),
        sources=tuple(SourceSurvey(name, n, size) for name, (n, size) in sources.items()),
    )


def surveyed_listing(recipe: Recipe, project: Project, surveyed: Survey | None, events: Events) -> Listing:
    """The listing that a survey was made from, or a new one where that is not kept."""
    kept = load_listing(listing_path(recipe, project, surveyed.fingerprint)) if surveyed else None
    return kept or list_sources(recipe, project, events)


def listing_path(recipe: Recipe, project: Project, fingerprint: str) -> Path:
    """Where the listing of this state of the sources is kept: the same files elsewhere are read from elsewhere."""
    sources = [source.model_dump_json() for source in recipe.data.sources]
    where = xxhash.xxh3_128_hexdigest(json.dumps([fingerprint, str(recipe.resolve(".")), sources]).encode())
    return project.cache / "listings" / f"{where}.json"


def list_sources(recipe: Recipe, project: Project, events: Events) -> Listing:
    """Every file of every source, with its language and content hash."""
    _check_languages(recipe)
    collections: list[Collection] = []
    passed_over: Counter[str] = Counter()
    for source in recipe.data.sources:
        made = list(READERS[source.kind](recipe, source, project, events, passed_over))
        _check_usable(source, made)
        collections.extend(made)
    return Listing(tuple(collections), passed_over)


def _folder(
    recipe: Recipe, source: Source, project: Project, events: Events, passed_over: Counter[str]
) -> Iterator[Collection]:
    root = recipe.resolve(source.dir or "")
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise InputDataError(f"the source `{source}` {what} ({root})", "correct data.sources in the recipe")
    yield _walked(recipe, source, project, events, passed_over, root.resolve(), source.name, ())


def _stdlib(
    recipe: Recipe, source: Source, project: Project, events: Events, passed_over: Counter[str]
) -> Iterator[Collection]:
    root = Path(sysconfig.get_paths()["stdlib"]).resolve()
    if not root.is_dir():
        raise InputDataError(f"this Python has no library folder ({root})", "use another source in data.sources")
    yield _walked(recipe, source, project, events, passed_over, root, source.name or "cpython", (PYTHON_LICENSE,))


def _walked(
    recipe: Recipe,
    source: Source,
    project: Project,
    events: Events,
    passed_over: Counter[str],
    root: Path,
    name: str | None,
    licenses: tuple[str, ...],
) -> Collection:
    cache = HashCache(project, str(root))
    walk = FolderWalk(
        root,
        name,
        exclude=source.exclude,
        limit=recipe.data.filters.max_file_bytes,
        wants=_wants(recipe),
        cache=cache,
        finds_repositories=source.kind == "dir",
    )
    entries = _entries(recipe, walk.files(), events)
    cache.save()
    passed_over.update(walk.passed_over)
    revision = platform.python_version() if source.kind == "stdlib" else None
    return Collection(str(source), "folder", str(root), entries, revision, licenses)


def _git(
    recipe: Recipe, source: Source, project: Project, events: Events, passed_over: Counter[str]
) -> Iterator[Collection]:
    repository = Repository(recipe, source, project, events)
    files = repository.files(source.exclude, recipe.data.filters.max_file_bytes, _wants(recipe))
    entries = _entries(recipe, files, events)
    yield Collection(str(source), "git", str(repository.folder), entries, repository.commit)


def _archive(
    recipe: Recipe, source: Source, project: Project, events: Events, passed_over: Counter[str]
) -> Iterator[Collection]:
    pattern = str(recipe.resolve(source.archive or ""))
    literal = Path(pattern)
    paths = [literal] if literal.is_file() else sorted(map(Path, glob.glob(pattern, recursive=True)))  # noqa: PTH207
    paths = [path for path in paths if path.is_file()]
    if not paths:
        raise InputDataError(f"no file matches the source `{source}`", "correct data.sources in the recipe")
    limits = Limits(recipe.data.filters.max_file_bytes, recipe.data.filters.max_archive_bytes)
    cache = HashCache(project, json.dumps([pattern, limits, recipe.data.languages]))
    for path in paths:
        found = _archive_members(path.resolve(), source.name or archive_name(path), limits, _wants(recipe), cache)
        kept = (item for item in found if not _is_excluded(item.path, source.exclude, passed_over))
        yield Collection(str(source), "archive", str(path.resolve()), _entries(recipe, kept, events))
    cache.save()


def _archive_members(
    path: Path, repo: str, limits: Limits, wants: Callable[[str], bool], cache: HashCache
) -> Iterable[Found]:
    facts = path.stat()
    known = cache.get(str(path), facts)
    if known is None:
        known = list(found_in(path, repo, limits, wants))
        cache.put(str(path), facts, known)
    return (Found(*item) for item in known)


READERS: dict[str, Callable[[Recipe, Source, Project, Events, Counter[str]], Iterator[Collection]]] = {
    "dir": _folder,
    "git": _git,
    "archive": _archive,
    "stdlib": _stdlib,
}


def _wants(recipe: Recipe) -> Callable[[str], bool]:
    """Tells whether a path is of a language that the recipe keeps."""
    languages = recipe.data.languages
    if languages is None:
        return lambda path: language_of(path) is not None
    return lambda path: language_of(path) in languages


def _entries(recipe: Recipe, files: Iterable[Found], events: Events) -> tuple[Entry, ...]:
    entries, n_bytes = [], 0
    for n, item in enumerate(files):
        entries.append(_entry(recipe, item))
        n_bytes += item.size_bytes if item.raw_id else 0
        if n % 256 == 0:
            events.progress("looking at the sources", n, None, "files", read_bytes=n_bytes)
            if events.should_stop:
                raise Interrupted("stopped while looking at the sources", "run the same command to continue")
    return tuple(entries)


def _entry(recipe: Recipe, item: Found) -> Entry:
    lang = language_of(item.path)
    reason, evidence = item.reason, item.evidence
    if not reason and lang is None:
        reason, evidence = "unknown-language", PurePosixPath(item.path).suffix[:80]
    elif not reason and recipe.data.languages is not None and lang not in recipe.data.languages:
        reason, evidence = "language-not-wanted", lang or ""
    told = (reason, printable(evidence), item.commit_time, item.revision, item.licenses)
    return Entry(item.repo, item.path, lang, item.size_bytes, item.location, item.raw_id, *told)


def _is_excluded(path: str, patterns: tuple[str, ...], passed_over: Counter[str]) -> bool:
    if is_excluded(path, patterns):
        passed_over[EXCLUDED] += 1
        return True
    return False


def _check_languages(recipe: Recipe) -> None:
    for language in recipe.data.languages or ():
        if language not in BY_NAME:
            near = difflib.get_close_matches(language, BY_NAME, 1, 0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(BY_NAME)}"
            raise RecipeError(f"data.languages: there is no language {language!r}", hint)


def _check_usable(source: Source, collections: list[Collection]) -> None:
    if any(True for collection in collections for _ in collection.usable()):
        return
    reasons = Counter(entry.reason for collection in collections for entry in collection.entries)
    if not reasons:
        raise InputDataError(f"the source `{source}` holds no files", "point data.sources at a folder of code")
    told = ", ".join(f"{n:,} {reason}" for reason, n in reasons.most_common(4))
    raise InputDataError(
        f"the source `{source}` holds no usable file ({told})", "correct data.sources or data.languages in the recipe"
    )


def _forget_old(folder: Path) -> None:
    """Keep the newest listings only; each can be made again."""
    by_age = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    for path in by_age[:-KEPT_LISTINGS]:
        path.unlink(missing_ok=True)
