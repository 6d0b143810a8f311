"""Commit message → diff, from the history of the recipe's git repositories.

    fetch (bounded) ─▶ log with counts ─▶ rules ─▶ diffs of those that are left ─▶ redaction ─▶ pairs

Only commits all of whose files are in the train split count: a change to a held-out file would tell what it says.
"""

from __future__ import annotations

import re
import secrets
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

import xxhash

from understudy.core.errors import InputDataError
from understudy.core.paths import Project
from understudy.core.recipe import Recipe, Source
from understudy.core.tracking import Events
from understudy.data.pairs.asking import Origin, commit_conversation
from understudy.data.pairs.cleaning import Cleaner
from understudy.data.pairs.quality import LIMITS, diff_objection, is_test_file, message_objection, message_text
from understudy.data.sources.git import address_of, name_of
from understudy.data.sources.git_command import BareRepository
from understudy.formats.chat import Conversation

MOST_COMMITS = 5_000  # of one repository, the newest
DIFFS_AT_ONCE = 100
TIP = "refs/understudy/commits"
PLAIN = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--no-notes", "--no-show-signature")
INDEX_LINE = re.compile(rb"^index [0-9a-f]+\.\.[0-9a-f]+.*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, and how many lines it adds and removes in which files; None for a file that is not text."""

    id: str
    has_parent: bool
    author: str
    message: str
    changes: tuple[tuple[str, int | None], ...]


def commit_pairs(
    recipe: Recipe,
    project: Project,
    repositories: Mapping[str, Sequence[Origin]],
    left_out: Counter[str],
    events: Events,
) -> Iterator[Conversation]:
    """The pairs of all git sources; `repositories` are the training documents' origins by repository."""
    cleaner = Cleaner(recipe)
    for source in recipe.data.sources:
        if source.git is None:
            continue
        url = address_of(recipe, source)
        origins = repositories.get(source.name or name_of(url), ())
        if origins and origins[0].revision:
            try:
                yield from _of_repository(_history(project, url, source, events), origins, cleaner, left_out)
            except InputDataError as error:
                events.warning(f"{error.message}; no commits are read from it", error.hint)
                left_out["history-not-readable"] += 1


def _history(project: Project, url: str, source: Source, events: Events) -> BareRepository:
    name = xxhash.xxh3_64_hexdigest(url.encode("utf-8", "surrogateescape"))
    return BareRepository(project.cache / "git" / f"{name}-commits", url, str(source), events)


def _of_repository(
    history: BareRepository, origins: Sequence[Origin], cleaner: Cleaner, left_out: Counter[str]
) -> Iterator[Conversation]:
    by_path = {origin.path: origin for origin in origins}
    revision = str(origins[0].revision)
    _bring(history, revision)
    good: list[Commit] = []
    for commit in _log(history, revision):
        reason = _objection(commit, by_path)
        if reason:
            left_out[reason] += 1
        else:
            good.append(commit)
    for start in range(0, len(good), DIFFS_AT_ONCE):
        batch = good[start : start + DIFFS_AT_ONCE]
        diffs = _diffs(history, [commit.id for commit in batch])
        for commit in batch:
            made = _conversation(commit, diffs.get(commit.id, b""), by_path, cleaner)
            if isinstance(made, str):
                left_out[made] += 1
            else:
                yield made


def _bring(history: BareRepository, revision: str) -> None:
    if history.has(revision):
        return
    history.prepare()
    try:
        history.fetch("--no-tags", f"--depth={MOST_COMMITS}", "--update-shallow", refs=(f"+{revision}:{TIP}",))
    except InputDataError:  # some servers hand out tips only
        history.fetch("--no-tags", "--update-shallow", refs=("+refs/heads/*:refs/heads/*",))
        if not history.has(revision):
            raise


def _log(history: BareRepository, revision: str) -> Iterator[Commit]:
    mark = secrets.token_hex(8)  # no message can be made to look like the start of a commit
    form = f"--format={mark}%H%x00%P%x00%an <%ae>%x00%B"
    limit = ("--no-merges", f"--max-count={MOST_COMMITS}")
    with tempfile.TemporaryFile() as output:
        history.run_into(output, "log", "-z", "--numstat", form, *limit, *PLAIN, "--end-of-options", revision)
        output.seek(0)
        yield from _commits(output, mark.encode())


def _commits(output: IO[bytes], mark: bytes) -> Iterator[Commit]:
    """The commits in what `git log -z --numstat` prints, one in memory at a time."""
    rest, is_last = b"", False
    while not is_last:
        chunk = output.read(1 << 20)
        is_last = not chunk
        *texts, rest = (rest + chunk).split(mark)
        yield from (_commit(text) for text in texts if text)
    if rest:
        yield _commit(rest)


def _commit(text: bytes) -> Commit:
    identifier, parents, author, message, *counts = text.split(b"\0")
    changes = []
    for row in counts:
        added, _, more = row.lstrip(b"\n").partition(b"\t")
        removed, _, path = more.partition(b"\t")
        if path:
            n_lines = int(added) + int(removed) if added.isdigit() and removed.isdigit() else None
            changes.append((path.decode("utf-8", "surrogateescape"), n_lines))
    return Commit(
        id=identifier.decode("ascii"),
        has_parent=bool(parents),  # none for the first, and for the oldest of a history that was cut off
        author=author.decode("utf-8", "replace"),
        message=message_text(message.decode("utf-8", "replace")),
        changes=tuple(changes),
    )


def _objection(commit: Commit, training: dict[str, Origin]) -> str | None:
    """Why a commit makes no pair, as far as can be told without its diff."""
    if not commit.has_parent:
        return "first-commit"
    if not commit.changes:
        return "diff-trivial"
    if len(commit.changes) > LIMITS.most_files:
        return "too-many-files"
    if any(n_lines is None for _, n_lines in commit.changes):
        return "binary"
    if sum(n_lines or 0 for _, n_lines in commit.changes) > LIMITS.most_changed_lines:
        return "diff-too-large"
    if any(path not in training for path, _ in commit.changes):
        return "touches-files-outside-the-train-split"
    if all(is_test_file(path) for path, _ in commit.changes):
        return "only-tests"
    return message_objection(commit.message, commit.author)


def _diffs(history: BareRepository, commits: Sequence[str]) -> dict[str, bytes]:
    """Each commit's diff."""
    mark = secrets.token_hex(8)
    arguments = ("--no-walk=unsorted", "-p", f"--format={mark}%H", *PLAIN, "--end-of-options", *commits)
    output = history.run("log", *arguments)
    parts = (part.partition(b"\n") for part in output.split(mark.encode()) if part)
    return {head.decode("ascii"): INDEX_LINE.sub(b"", diff).strip(b"\n") for head, _, diff in parts}


def _conversation(commit: Commit, raw: bytes, training: dict[str, Origin], cleaner: Cleaner) -> Conversation | str:
    """The pair, or why there is none."""
    try:
        diff = raw.decode()
    except UnicodeDecodeError:
        return "not-utf-8"
    if "\0" in diff:
        return "binary"
    objection = diff_objection(diff)
    if objection:
        return objection
    cleaned = cleaner.clean([commit.message, diff])
    if cleaned is None:
        return "secret"
    paths = [path for path, _ in commit.changes]
    first = training[next(path for path in paths if not is_test_file(path))]
    origin = first._replace(revision=commit.id)
    return commit_conversation(cleaned[0], cleaned[1], paths, origin)
