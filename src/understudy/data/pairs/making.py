"""Instruction pairs from a corpus.

    train documents ─▶ functions ─▶ rules ──┐
    git histories ─▶ commits ─▶ rules ──────┼─▶ candidates (a file) ─▶ choice ─▶ pairs.jsonl, pairs.json
    seed functions ─▶ an engine, sandbox ───┘

What is held out is never read. The same corpus, recipe and limit give the same bytes.
"""

from __future__ import annotations

import heapq
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import xxhash

from understudy.core.errors import Interrupted, UsageError
from understudy.core.paths import Project, sync_directory, write_json
from understudy.core.recipe import Recipe
from understudy.core.tracking import Events
from understudy.data.pairs.asking import Origin, function_conversations
from understudy.data.pairs.choosing import Candidate, choose, sketch
from understudy.data.pairs.commits import commit_pairs
from understudy.data.pairs.doc_comments import documented_functions, parser
from understudy.data.pairs.functions import Function, python_functions
from understudy.data.pairs.own_tests import Assertion, assertions_in
from understudy.data.pairs.quality import is_test_file, objection
from understudy.data.pairs.reading import TrainingDocument, training_documents
from understudy.data.pairs.synthetic import Seed, Writer, synthetic_pairs
from understudy.formats.chat import Conversation, write_line

KINDS = ("docstring", "body", "commit", "synthetic")
USUAL_KINDS = ("docstring", "body", "commit")
SEEDS = 200  # functions that an engine is asked about, where no limit says how many
TESTS_KEPT = 10  # assertions kept for one name of one repository


@dataclass(slots=True)
class Found:
    """What the search came by, pair or not."""

    left_out: dict[str, Counter[str]] = field(
        default_factory=lambda: {kind: Counter() for kind in ("file", "function", *KINDS)}
    )
    skipped_languages: Counter[str] = field(default_factory=Counter)
    n_documents: int = 0
    n_functions: int = 0
    candidates: list[Candidate] = field(default_factory=list)
    origins: dict[str, list[Origin]] = field(default_factory=dict)
    seeds: list[tuple[int, int, Seed]] = field(default_factory=list)  # a heap: the largest hash is the first to go
    assertions: dict[tuple[str, str], list[Assertion]] = field(default_factory=dict)


def make_pairs(
    corpus: Path,
    recipe: Recipe,
    project: Project,
    events: Events,
    *,
    output: Path,
    kinds: Sequence[str] = USUAL_KINDS,
    limit: int | None = None,
    writer: Writer | None = None,
) -> dict[str, Any]:
    """Write the pairs of a corpus to `output`, and their counts beside it; returns the counts.

    Raises UsageError for a kind that does not exist, ResourceError where synthetic pairs find no tight sandbox.
    """
    check_kinds(kinds, writer is not None)
    output.parent.mkdir(parents=True, exist_ok=True)
    found = Found()
    n_seeds = (limit or SEEDS) if "synthetic" in kinds else 0
    with tempfile.TemporaryFile("w+", encoding="utf-8", dir=output.parent, newline="\n") as lines:
        _keep(_from_documents(corpus, kinds, n_seeds, found, events), found, lines)
        if "commit" in kinds:
            _keep(commit_pairs(recipe, project, found.origins, found.left_out["commit"], events), found, lines)
        if "synthetic" in kinds:
            assert writer is not None
            _keep(_synthetic(writer, found, events), found, lines)
        choice = choose(found.candidates, limit)
        _write(lines, choice.numbers, output)
    summary = _summary(found, choice.numbers, choice.left_out, recipe, limit)
    write_json(output.with_suffix(".json"), summary)
    return summary


def check_kinds(kinds: Sequence[str], has_writer: bool) -> None:
    """Raise UsageError for a kind that does not exist, or that nobody is there to write."""
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"there is no kind of pairs {kind!r}", f"kinds: {', '.join(KINDS)}")
    if "synthetic" in kinds and not has_writer:
        raise UsageError("synthetic pairs need a model that writes them", "add: --engine latest")


def _from_documents(
    corpus: Path, kinds: Sequence[str], n_seeds: int, found: Found, events: Events
) -> Iterator[Conversation]:
    for document in training_documents(corpus):
        found.n_documents += 1
        if found.n_documents % 64 == 0:
            events.progress("reading documents", found.n_documents, None, "files")
            if events.should_stop:
                raise Interrupted("stopped while making pairs", "run the same command again")
        if document.origin.revision and "commit" in kinds:
            found.origins.setdefault(document.origin.repo, []).append(document.origin)
        for function in _functions(document, n_seeds > 0, found):
            reason = objection(function)
            if reason:
                found.left_out["function"][reason] += 1
                continue
            yield from function_conversations(function, document.origin, kinds)
            if n_seeds and function.is_free and document.origin.lang == "python":
                _offer_seed(Seed(function, document.origin, document.content), n_seeds, found)


def _functions(document: TrainingDocument, wants_tests: bool, found: Found) -> Iterator[Function]:
    """The documented functions of a document that is no test and whose language can be read."""
    lang = document.origin.lang
    if lang != "python" and parser(lang) is None:
        found.skipped_languages[lang] += 1
        return
    if is_test_file(document.origin.path):
        found.left_out["file"]["test"] += 1
        if wants_tests and lang == "python":
            for name, assertion in assertions_in(document.content):
                known = found.assertions.setdefault((document.origin.repo, name), [])
                if len(known) < TESTS_KEPT:
                    known.append(assertion)
        return
    read = python_functions(document.content) if lang == "python" else documented_functions(document.content, lang)
    try:
        for function in read:
            found.n_functions += 1
            yield function
    except SyntaxError:
        found.left_out["file"]["not-parsable"] += 1


def _offer_seed(seed: Seed, n_seeds: int, found: Found) -> None:
    """Keep the seeds with the smallest hashes."""
    name = f"{seed.origin.repo}\0{seed.origin.path}\0{seed.function.lines[0]}"
    entry = (-xxhash.xxh3_64_intdigest(name.encode()), -found.n_functions, seed)
    if len(found.seeds) < n_seeds:
        heapq.heappush(found.seeds, entry)
    elif entry > found.seeds[0]:
        heapq.heapreplace(found.seeds, entry)


def _synthetic(writer: Writer, found: Found, events: Events) -> Iterator[Conversation]:
    from understudy.sandbox import Sandbox

    sandbox = Sandbox.probe()
    seeds = [
        Seed(
            seed.function,
            seed.origin,
            seed.module,
            tuple(found.assertions.get((seed.origin.repo, seed.function.name), ())),
        )
        for _, _, seed in sorted(found.seeds, key=lambda entry: entry[:2], reverse=True)
    ]
    return synthetic_pairs(writer, seeds, sandbox, found.left_out["synthetic"], events)


def _keep(conversations: Iterable[Conversation], found: Found, lines: IO[str]) -> None:
    """Write every pair to the file of candidates, and note what the choice needs."""
    for item in conversations:
        source = item.provenance
        assert source is not None
        answer = item.messages[-1].content
        number = len(found.candidates)
        found.candidates.append(Candidate(number, source.id, source.kind, source.repo, sketch(answer)))
        lines.write(write_line(item))


def _write(lines: IO[str], numbers: set[int], output: Path) -> None:
    """The chosen lines, in their order, put in place at once."""
    lines.seek(0)
    unfinished = output.with_name(f".{output.name}.unfinished")
    with unfinished.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line for number, line in enumerate(lines) if number in numbers)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(output)
    sync_directory(output.parent)


def _summary(
    found: Found, numbers: set[int], at_choice: Counter[str], recipe: Recipe, limit: int | None
) -> dict[str, Any]:
    kept = [candidate for candidate in found.candidates if candidate.number in numbers]
    return {
        "n_pairs": len(kept),
        "n_found": len(found.candidates),
        "limit": limit,
        "by_kind": dict(sorted(Counter(candidate.kind for candidate in kept).items())),
        "by_repository": dict(sorted(Counter(candidate.repo for candidate in kept).items())),
        "n_documents": found.n_documents,
        "n_functions": found.n_functions,
        "left_out": {kind: dict(sorted(counts.items())) for kind, counts in found.left_out.items() if counts},
        "left_out_at_the_choice": dict(sorted(at_choice.items())),
        "files_in_languages_not_read": dict(sorted(found.skipped_languages.items())),
        "seed": recipe.seed,
    }


__all__ = ["KINDS", "USUAL_KINDS", "Writer", "check_kinds", "make_pairs"]
