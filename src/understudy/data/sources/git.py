"""Reads a repository's tracked files through the git command, from a bare clone below the project's cache.

Nothing that the repository brings along is ever run: no hooks, filters, pagers, fsmonitor, submodules, `ext::` remotes.
Blobs are read by `ls-tree` and `cat-file --batch`, which need neither index nor work tree.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import xxhash

from understudy.core.errors import InputDataError
from understudy.core.paths import Project, read_json, write_atomically
from understudy.core.recipe import Recipe, Source, without_secrets
from understudy.core.tracking import Events
from understudy.data.listing import Found
from understudy.data.sources.git_command import BareRepository, command, environment
from understudy.data.sources.git_history import commit_times
from understudy.data.sources.reading import is_excluded, printable, raw_id, too_large

FULL_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
TIP = "refs/understudy/tip"  # what was fetched last: the next fetch asks for what is new since
COMMITS = "refs/understudy/commits"  # all that were fetched: each is here as a whole


class Blob(NamedTuple):
    """One row of a commit's tree."""

    mode: str
    sha: str
    size: int
    path: str


class Repository:
    """A bare clone of one source, and the commit that the recipe asks for."""

    def __init__(self, recipe: Recipe, source: Source, project: Project, events: Events) -> None:
        assert source.git is not None
        self._source, self._events = source, events
        self._url = address_of(recipe, source)
        self.name = source.name or name_of(self._url)
        name = xxhash.xxh3_64_hexdigest(self._url.encode("utf-8", "surrogateescape"))
        self._git = BareRepository(project.cache / "git" / name, self._url, str(source), events)
        self.folder = self._git.folder
        self.commit = self._bring()
        self._times = self._commit_times() if source.history else {}

    def files(self, exclude: tuple[str, ...], limit: int, wants: Callable[[str], bool]) -> Iterator[Found]:
        """Every tracked file of the commit, sorted by path."""
        blobs = sorted(self._tree(), key=lambda blob: os.fsencode(blob.path))
        blobs = [blob for blob in blobs if not is_excluded(blob.path, exclude)]
        wanted = [blob for blob in blobs if _is_file(blob) and blob.size <= limit and wants(blob.path)]
        raw_ids = self._raw_ids(wanted)
        for blob in blobs:
            time = self._times.get(blob.path)
            found = Found(self.name, printable(blob.path), blob.size, blob.sha, commit_time=time)
            if not _is_file(blob):
                reason = "link" if blob.mode == "120000" else "submodule"
                yield found._replace(reason=reason, evidence=f"git mode {blob.mode}")
            elif blob.size > limit and wants(blob.path):
                read = too_large(blob.size, limit)
                yield found._replace(reason=read.reason, evidence=read.evidence)
            elif wants(blob.path) and blob.sha not in raw_ids:
                yield found._replace(reason="unreadable", evidence=f"git has no object {blob.sha}")
            else:
                yield found._replace(raw_id=raw_ids.get(blob.sha, ""))

    def _bring(self) -> str:
        """The commit, fetched if it is not here yet; the one fetched last where the remote cannot be reached."""
        wanted = self._source.revision or "HEAD"
        if FULL_HASH.fullmatch(wanted) and self._git.has(wanted):
            return wanted
        noted = self.folder / f"understudy-commit-{xxhash.xxh3_64_hexdigest(wanted.encode())}"
        try:
            commit = self._fetched(wanted)
        except InputDataError as error:
            commit = noted.read_text() if noted.exists() else ""
            if not self._git.has(commit):
                raise
            self._events.warning(f"{error.message}; using commit {commit[:12]}, fetched before", error.hint)
        else:
            write_atomically(noted, commit)
        return commit

    def _fetched(self, wanted: str) -> str:
        commit = self._remote_commit(wanted)
        if commit is not None and self._git.has(commit):
            return commit
        self._events.note(f"fetching {without_secrets(self._url)}")
        self._git.prepare()
        if commit is None and not FULL_HASH.fullmatch(wanted):
            return self._commit_by_prefix(wanted)
        try:
            refs = (f"+{commit or wanted}:{TIP}", f"+{commit or wanted}:{COMMITS}/{commit or wanted}")
            self._git.fetch("--no-tags", "--depth=1", refs=refs)
        except InputDataError:
            return self._commit_by_prefix(commit or wanted)  # some servers hand out tips only
        return commit or wanted

    def _commit_times(self) -> dict[str, int]:
        """When each path was last changed; nothing, and a warning, where the history cannot be had."""
        folder = self.folder.with_name(f"{self.folder.name}-history")
        history = BareRepository(folder, self._url, str(self._source), self._events)
        try:
            return commit_times(history, self.commit, {blob.path for blob in self._tree()})
        except InputDataError as error:
            self._events.warning(f"{error.message}; its files have no commit time", "history: false asks for none")
            return {}

    def _remote_commit(self, wanted: str) -> str | None:
        """What a branch, tag or HEAD points to now; None for a name the remote does not list."""
        output = self._git.run("ls-remote", "--quiet", "--end-of-options", self._url, inside=False)
        lines = output.decode("utf-8", "replace").splitlines()
        rows = {name: commit for commit, tab, name in (line.partition("\t") for line in lines) if tab}
        for name in (wanted, f"refs/heads/{wanted}", f"refs/tags/{wanted}^{{}}", f"refs/tags/{wanted}"):
            if name in rows:
                return rows[name]
        if wanted == "HEAD":
            raise InputDataError(f"the source `{self._source}` has no commit yet", "commit something, or use `dir:`")
        return None

    def _commit_by_prefix(self, wanted: str) -> str:
        """A short hash: only a whole history can tell what it means."""
        self._git.fetch(refs=("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"))
        try:
            name = f"{wanted}^{{commit}}"
            return self._git.run("rev-parse", "--verify", "--quiet", "--end-of-options", name).decode().split()[-1]
        except InputDataError:
            raise InputDataError(
                f"the source `{self._source}` has no revision {wanted!r}", "give a branch, a tag or a commit"
            ) from None

    def _tree(self) -> Iterator[Blob]:
        output = self._git.run("ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", self.commit)
        for row in output.split(b"\0"):
            if row:
                facts, _, path = row.partition(b"\t")
                mode, _, sha, size = facts.decode().split()
                yield Blob(mode, sha, 0 if size == "-" else int(size), os.fsdecode(path))

    def _raw_ids(self, blobs: Sequence[Blob]) -> dict[str, str]:
        """The content hash of each blob; a blob never changes, so what was hashed once is remembered."""
        path = self.folder / "understudy-raw-ids.json"
        try:
            known: dict[str, str] = read_json(path)
        except (OSError, ValueError):
            known = {}
        missing = sorted({blob.sha for blob in blobs} - known.keys())
        if missing:
            known.update((sha, raw_id(data)) for sha, data in read_blobs(self.folder, missing) if data is not None)
            write_atomically(path, json.dumps(known))
        return known


def read_blobs(folder: Path, shas: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
    """Each blob's bytes, in the order asked for; None for one that is missing."""
    with tempfile.TemporaryFile() as questions:
        questions.write("".join(f"{sha}\n" for sha in shas).encode())
        questions.seek(0)
        with subprocess.Popen(
            command(f"--git-dir={folder}", "cat-file", "--batch"),
            stdin=questions,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
        ) as process:
            assert process.stdout is not None
            try:
                for sha in shas:
                    yield sha, _answer(process.stdout)
            finally:
                process.kill()


def _answer(output: IO[bytes]) -> bytes | None:
    header = output.readline().split()
    if len(header) != 3 or header[1] != b"blob":
        return None
    size = int(header[2])
    data = output.read(size)
    output.read(1)
    return data if len(data) == size else None


def address_of(recipe: Recipe, source: Source) -> str:
    """An absolute path for a repository on this machine, the address as written for any other."""
    written = source.git or ""
    local = recipe.resolve(written)
    if local.exists():
        return str(local.resolve())
    if written.startswith("-") or not ("://" in written or re.match(r"[\w.-]+@?[\w.-]*:[^:]", written)):
        raise InputDataError(f"the source `{source}` does not exist", "give a path or an address that git can clone")
    return written


def name_of(url: str) -> str:
    """The repository's name as its address tells it: `team/api.git` is `api`."""
    last = re.split(r"[/:\\]", url.rstrip("/\\").removesuffix("/.git"))[-1]
    return printable(last.removesuffix(".git") or "repository")


def _is_file(blob: Blob) -> bool:
    return blob.mode in ("100644", "100755")
