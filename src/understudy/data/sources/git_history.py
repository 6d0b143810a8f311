"""When each file of a commit was last changed, by one walk over the history.

The history is fetched without its files (`--filter=blob:none`) into a repository of its own; a server that cannot leave
them out sends them too. What was learned up to one commit is kept, and only newer commits are walked the next time.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from understudy.core.errors import InputDataError
from understudy.core.paths import read_json, write_atomically
from understudy.data.sources.git_command import BareRepository

TIP = "refs/understudy/tip"
KEPT = "understudy-commit-times.json"
LAST_TIME = 1 << 33  # seconds; a commit dated beyond the year 2242 has a broken clock
CHUNK_BYTES = 1 << 20
# Merges show what differs from all of their parents (-c): what was resolved by hand. Renames count as changes.
LOG = (
    "log", "--name-only", "-z", "-c", "--no-renames", "--no-show-signature", "--no-ext-diff",
    "--no-textconv", "--no-notes", "--no-mailmap", "--root",
)  # fmt: skip


def commit_times(history: BareRepository, commit: str, paths: set[str]) -> dict[str, int]:
    """Seconds since 1970 of the newest commit that changed each path, as far as the history goes.

    The newest is by the committer's clock, so the order of the walk does not matter and old results can be continued.
    In a shallow history, what its oldest commits hold has no time: whether they changed it cannot be told.
    """
    if not history.has(commit):
        _bring(history, commit)
    known, times = _known(history.folder / KEPT)
    if known != commit:
        times = _walked(history, commit, known, times)
        write_atomically(history.folder / KEPT, json.dumps({"commit": commit, "times": times}))
    return {path: time for path, time in times.items() if path in paths}


def _bring(history: BareRepository, commit: str) -> None:
    history.prepare()
    options = ("--no-tags", "--filter=blob:none", "--update-shallow")
    try:
        history.fetch(*options, refs=(f"+{commit}:{TIP}",))
    except InputDataError:  # some servers hand out tips only
        history.fetch(*options, refs=("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"))
        if not history.has(commit):
            raise


def _walked(history: BareRepository, commit: str, earlier: str, times: dict[str, int]) -> dict[str, int]:
    """The times up to `commit`; continued from what is known up to an earlier one where that is an ancestor."""
    boundary = _boundary(history.folder)
    since: tuple[str, ...] = (f"^{earlier}",)
    if not earlier or boundary or not _is_ancestor(history, earlier, commit):
        times, since = {}, ()
    mark = secrets.token_hex(8)  # no path can be made to look like a commit
    with tempfile.TemporaryFile() as output:
        history.run_into(output, *LOG, f"--format={mark}%H %ct", "--end-of-options", commit, *since)
        output.seek(0)
        for time, path in _changes(output, mark.encode(), boundary):
            if times.get(path, 0) < time:
                times[path] = time
    return times


def _changes(output: IO[bytes], mark: bytes, boundary: set[str]) -> Iterator[tuple[int, str]]:
    """(time, path) of every change in a log of NUL-ended fields; commits start with the mark, first paths with LF."""
    time, is_first = 0, False
    for field in _fields(output):
        if field.startswith(mark):
            commit, _, seconds = field.removeprefix(mark).decode("ascii", "replace").partition(" ")
            time, is_first = 0 if commit in boundary else _seconds(seconds), True
        elif field:
            path = field[1:] if is_first else field
            is_first = False
            if time:
                yield time, os.fsdecode(path)


def _fields(output: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while chunk := output.read(CHUNK_BYTES):
        *fields, rest = (rest + chunk).split(b"\0")
        yield from fields
    if rest:
        yield rest


def _seconds(text: str) -> int:
    try:
        seconds = int(text)
    except ValueError:
        return 0
    return seconds if 0 < seconds <= LAST_TIME else 0


def _boundary(folder: Path) -> set[str]:
    """The oldest commits of a shallow history: they look as if they had added every file."""
    try:
        return set((folder / "shallow").read_text().split())
    except OSError:
        return set()


def _is_ancestor(history: BareRepository, earlier: str, commit: str) -> bool:
    with contextlib.suppress(InputDataError):
        history.run("merge-base", "--is-ancestor", earlier, commit)
        return True
    return False


def _known(path: Path) -> tuple[str, dict[str, int]]:
    """The commit that was walked to the last time, and its times; empty where nothing is known."""
    try:
        values = read_json(path)
        return str(values["commit"]), {str(name): int(time) for name, time in values["times"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "", {}
