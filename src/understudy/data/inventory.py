"""Looks at every source of the recipe: which files there are, what they hold, and one fingerprint for all of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import xxhash

from understudy.core.errors import InputDataError
from understudy.core.paths import Project, hash_file
from understudy.core.recipe import Recipe, Source
from understudy.core.stage import SourceSurvey, Survey
from understudy.core.tracking import Events
from understudy.data.contamination.wanted import exams_digest
from understudy.data.known_names import check_names
from understudy.data.listing import Collection, Listing, load_listing, save_listing
from understudy.data.opt_out import read_opt_outs
from understudy.data.sources.collecting import COLLECTORS
from understudy.data.sources.looking import Look

PARSERS = (
    "tree-sitter", "tree-sitter-bash", "tree-sitter-c", "tree-sitter-c-sharp", "tree-sitter-cpp", "tree-sitter-go",
    "tree-sitter-java", "tree-sitter-javascript", "tree-sitter-php", "tree-sitter-ruby", "tree-sitter-rust",
    "tree-sitter-typescript",
)  # fmt: skip
MAGIKA = ("magika", "onnxruntime")
KEPT_LISTINGS = 8  # listings below the cache; each belongs to one state of the sources


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
    rules = check_recipe(recipe, project)
    collections: list[Collection] = []
    passed_over: Counter[str] = Counter()
    for source in recipe.data.sources:
        made = list(COLLECTORS[source.kind](Look(recipe, source, project, events, passed_over)))
        _check_usable(source, made)
        collections.extend(made)
    _note_colliding(collections, events)
    return Listing(tuple(collections), passed_over, rules)


def check_recipe(recipe: Recipe, project: Project) -> str:
    """A hash of what stands in the files that the recipe names besides its sources.

    Raises RecipeError or InputDataError, before any source is read, for a name that does not exist or a wrong file.
    """
    check_names(recipe)
    rules = exams_digest(recipe, project)
    if recipe.data.opt_out is not None:
        read_opt_outs(path := recipe.resolve(recipe.data.opt_out))
        rules += hash_file(path)
    redact = recipe.data.redact
    if redact.rules is not None:
        from understudy.data.steps.secret_rules import rules_in  # brings Arrow: a quarter of a second

        rules_in(path := recipe.resolve(redact.rules))
        rules += hash_file(path)
    if redact.model is not None and redact.names != "keep":
        from understudy.data.steps.name_model import model_id

        model_id(recipe.resolve(redact.model))
        rules += "".join(hash_file(path) for path in sorted(recipe.resolve(redact.model).glob("*.*")))
    return rules + json.dumps(tool_versions(recipe))


def tool_versions(recipe: Recipe) -> dict[str, str | None]:
    """Versions of the optional tools that decide what is found in files; None for one that is not installed."""
    parsers = PARSERS if "unparsable" in recipe.data.drop else ()
    detectors = MAGIKA if recipe.data.detect == "content" else ()
    return {name: _version(name) for name in (*parsers, *detectors)}


def _version(name: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


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


def _note_colliding(collections: list[Collection], events: Events) -> None:
    """Names that are one on a disk that does not tell case apart stay two here: nothing is unpacked by name."""
    n, example = 0, ""
    for collection in collections:
        seen: dict[int, int] = {}  # hashes, for names of a million files are too much to hold
        for entry in collection.usable():
            name = hash(entry.path)
            if seen.setdefault(hash((entry.repo, entry.path.casefold())), name) != name:
                n, example = n + 1, entry.path
    if n:
        events.note(f"{n:,} names differ from another by case alone, {example!r} for one; all are kept")


def _forget_old(folder: Path) -> None:
    """Keep the newest listings only; each can be made again."""
    by_age = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    for path in by_age[:-KEPT_LISTINGS]:
        path.unlink(missing_ok=True)
