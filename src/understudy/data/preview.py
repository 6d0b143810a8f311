"""What each rule would remove, before any of them does: every rule alone, on a sample of the files.

sources ─▶ listing ─▶ files chosen by hash ─▶ read, decode ─▶ each rule by itself, those that are off too ─▶ Preview

A file that two rules would remove counts for both, so the rules' numbers do not add up; `n_removed` counts it once.
Rules that need all files at once (duplicates, near-duplicates, exam tasks, opt-outs) are beyond a sample.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from understudy.core.errors import Interrupted
from understudy.core.paths import Project
from understudy.core.recipe import Drop, Recipe
from understudy.core.tracking import Events
from understudy.data.compute import Checkpoints, Orders, open_compute
from understudy.data.inventory import list_sources
from understudy.data.listing import Entry, Listing
from understudy.data.portions import cuts_of, loads, read, usable_bytes
from understudy.data.steps import LATE, STEPS, Settings, Step, StepSetting, make_step, settings_key, steps_of

N_FILES = 2_000
N_EXAMPLES = 3
REMOVES, REDACTS = "removes", "redacts"
FIRST_RULE = "vendored"  # the steps before it make the text that the rules judge
NOT_ALONE = ("contaminated", "identify", "sketch", "opted-out")
REDACTIONS = {"secrets": "secrets", "emails": "emails", "ip-addresses": "ip_addresses"}
# What a limit that is off by default would be, by those who use it.
USUAL_LIMITS = {
    "max_characters": 100_000, "alphabetic_fraction": 0.5, "min_comment_fraction": 0.01, "visible_text_fraction": 0.2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """A file that a rule would remove, and what shows it."""

    repo: str
    path: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True)
class RuleFound:
    """What one rule would do by itself. `share` is that of the sample's files."""

    step: str
    key: str  # of the recipe
    is_on: bool
    action: str  # removes, or redacts
    n_files: int
    size_bytes: int
    share: float
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """The sample, and each rule on it. `n_removed` are the files that some rule of the recipe removes."""

    n_listed: int
    listed_bytes: int
    n_files: int
    size_bytes: int
    n_removed: int
    removed_bytes: int
    rules: tuple[RuleFound, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class _Place(NamedTuple):
    """A file of the sample; its hash orders examples by chance, the same each time."""

    chance: int
    repo: str
    path: str
    size_bytes: int


@dataclass(slots=True)
class _Rule:
    """A rule and the files that it hit, each with reason and evidence."""

    name: str
    key: str
    is_on: bool
    step: Step | None = None  # for what was found before the rules: what cannot be read
    action: str = REMOVES
    hits: dict[_Place, tuple[str, str]] = field(default_factory=dict)


def preview(recipe: Recipe, project: Project, events: Events, n_files: int = N_FILES) -> Preview:
    """Each rule on at most `n_files` files, chosen by a hash of their names. Writes nothing but what listing remembers.

    Takes about a second for every 10 MB of the sample, and the time to list the sources.
    """
    listing = list_sources(recipe, project, events)
    usable = [entry.size_bytes for entry in listing.entries() if not entry.reason]
    sample = _sample(listing, recipe.seed, n_files)
    chosen = [entry.size_bytes for entry in sample.entries()]
    rules = [_Rule("decode", "has to be text", True), *_rules(recipe)]
    for batch in _prepared(sample, recipe, events, sum(chosen)):
        _apply(rules, batch)
    parsing = _Rule("unparsable", "data.drop: unparsable", "unparsable" in recipe.data.drop)
    _parse(parsing, sample, recipe, events)
    rules.append(parsing)
    removed = {place for rule in rules if rule.is_on and rule.action == REMOVES for place in rule.hits}
    return Preview(
        n_listed=len(usable),
        listed_bytes=sum(usable),
        n_files=len(chosen),
        size_bytes=sum(chosen),
        n_removed=len(removed),
        removed_bytes=sum(place.size_bytes for place in removed),
        rules=tuple(_found(rule, len(chosen)) for rule in rules),
    )


def _sample(listing: Listing, seed: int, n_files: int) -> Listing:
    """The listing with the files whose hashes are lowest, in their old order."""
    numbered = (
        (_chance(seed, entry.repo, entry.path), at, place)
        for at, collection in enumerate(listing.collections)
        for place, entry in enumerate(collection.entries)
        if not entry.reason
    )
    chosen = {(at, place) for _, at, place in heapq.nsmallest(n_files, numbered)}
    collections = []
    for at, collection in enumerate(listing.collections):
        entries: list[Entry] = [entry for place, entry in enumerate(collection.entries) if (at, place) in chosen]
        collections.append(replace(collection, entries=tuple(entries)))
    return replace(listing, collections=tuple(collections))


def _places(batch: pa.RecordBatch) -> list[_Place]:
    columns = (batch.column(name).to_pylist() for name in ("repo", "path", "size_bytes"))
    return [_Place(_chance(0, repo, path), repo, path, size) for repo, path, size in zip(*columns, strict=True)]


def _chance(seed: int, repo: str, path: str) -> int:
    return xxhash.xxh3_64_intdigest(f"preview\0{seed}\0{repo}\0{path}".encode())


def _prepared(sample: Listing, recipe: Recipe, events: Events, n_bytes: int) -> Iterator[pa.RecordBatch]:
    """The sample's batches, read and decoded."""
    first = list(STEPS).index(FIRST_RULE)
    names = set(list(STEPS)[:first]) - set(NOT_ALONE)
    steps = [make_step(setting) for setting in steps_of(recipe) if setting.name in names]
    done = 0
    for collection in sample.collections:
        for load in loads(collection, cuts_of(collection, "preview"), recipe, ()):
            for portion in read(load):
                if events.should_stop:
                    raise Interrupted("stopped; nothing was changed")
                batch = portion.batch
                for step in steps:
                    batch = step(batch)
                yield batch
                done += portion.size_bytes
                events.progress("looking at a sample", done, n_bytes, "B")


def _rules(recipe: Recipe) -> Iterator[_Rule]:
    """Every rule by itself: those of the recipe, and the others as they would be if they were on."""
    mine = {setting.name for setting in steps_of(recipe)}
    for setting in steps_of(_with_everything(recipe)):
        name, settings = setting.name, setting.settings
        if name in NOT_ALONE or name in LATE or list(STEPS).index(name) < list(STEPS).index(FIRST_RULE):
            continue
        if "limits" in settings:
            yield from _one_limit_each(recipe, setting, name in mine)
        elif "handling" in settings:
            key = REDACTIONS.get(name, name)
            handling = getattr(recipe.data.redact, key)
            step = make_step(StepSetting(name, {**settings, "handling": "drop"}))
            yield _Rule(name, f"data.redact.{key}", name in mine, step, REMOVES if handling == "drop" else REDACTS)
        else:
            yield _Rule(name, f"data.drop: {name}", name in mine, make_step(setting))


def _one_limit_each(recipe: Recipe, setting: StepSetting, is_on: bool) -> Iterator[_Rule]:
    for name in setting.settings["limits"]:
        yield _Rule(
            setting.name,
            f"data.filters.{name}: {_told(recipe, name)}",
            is_on and _is_limited(recipe, name),
            make_step(StepSetting(setting.name, _only(setting.settings, name))),
        )


def _only(settings: Settings, name: str) -> Settings:
    """The settings with one limit, and the others off."""
    others = {language: {name: limits[name]} for language, limits in settings["by_language"].items() if name in limits}
    return {"limits": {name: settings["limits"][name]}, "by_language": others}


def _is_limited(recipe: Recipe, name: str) -> bool:
    filters = recipe.data.filters
    return getattr(filters, name) is not None or any(
        limits.get(name) is not None for limits in filters.by_language.values()
    )


def _told(recipe: Recipe, name: str) -> str:
    limit = getattr(recipe.data.filters, name)
    if limit is not None:
        return f"{limit:g}"
    return "by language" if _is_limited(recipe, name) else f"{USUAL_LIMITS.get(name, 0):g}"


def _with_everything(recipe: Recipe) -> Recipe:
    """The recipe with every rule on; limits that it gives stay."""
    data, filters = recipe.data, recipe.data.filters
    off = {name: limit for name, limit in USUAL_LIMITS.items() if not _is_limited(recipe, name)}
    kept = {name: "redact" for name in REDACTIONS.values() if getattr(data.redact, name) == "keep"}
    update = {
        "drop": get_args(Drop),
        "filters": filters.model_copy(update=off),
        "redact": data.redact.model_copy(update=kept),
    }
    return recipe.model_copy(update={"data": data.model_copy(update=update)})


def _apply(rules: list[_Rule], batch: pa.RecordBatch) -> None:
    """Note what each rule hits in a prepared batch; what could not be read is hit by none but that."""
    places = _places(batch)
    before = batch.column("drop_reason").to_pylist()
    for rule in rules:
        judged = rule.step(batch) if rule.step else batch
        reasons, evidence = judged.column("drop_reason").to_pylist(), judged.column("evidence").to_pylist()
        for row, reason in enumerate(reasons):
            if reason is not None and (before[row] is None or rule.step is None):
                rule.hits[places[row]] = (reason, evidence[row] or "")


def _parse(rule: _Rule, sample: Listing, recipe: Recipe, events: Events) -> None:
    """The same for parsing, in processes that may die of it."""
    steps = [setting for setting in steps_of(recipe) if setting.name in ("read", "decode")]
    steps += [StepSetting(name, STEPS[name].settings(_with_everything(recipe)) or {}) for name in LATE]
    with tempfile.TemporaryDirectory() as folder:
        compute = open_compute("local", Checkpoints(Path(folder)), usable_bytes(sample), events, {})
        try:
            cuts = [(collection, cuts_of(collection, settings_key(steps))) for collection in sample.collections]
            work = (load for collection, mine in cuts for load in loads(collection, mine, recipe, ()))
            compute.map(work, Orders(tuple(steps), "parsing", keeps_contents=False), usable_bytes(sample))
            for cut in (cut for _, mine in cuts for cut in mine):
                _note(rule, pq.read_table(compute.checkpoints.facts(cut.key)))
        finally:
            compute.close()


def _note(rule: _Rule, facts: pa.Table) -> None:
    for row in facts.select(["repo", "path", "size_bytes", "dropped_by", "drop_reason", "evidence"]).to_pylist():
        if row["dropped_by"] in LATE:
            chance = _chance(0, row["repo"], row["path"])
            place = _Place(chance, row["repo"], row["path"], row["size_bytes"])
            rule.hits[place] = (row["drop_reason"], row["evidence"] or "")


def _found(rule: _Rule, n_files: int) -> RuleFound:
    examples = [Example(place.repo, place.path, *rule.hits[place]) for place in heapq.nsmallest(N_EXAMPLES, rule.hits)]
    n_hits, n_bytes = len(rule.hits), sum(place.size_bytes for place in rule.hits)
    share = n_hits / max(1, n_files)
    return RuleFound(rule.name, rule.key, rule.is_on, rule.action, n_hits, n_bytes, share, tuple(examples))
