"""Reads a repository's tracked files through the git command, from a bare clone below the project's cache.

Nothing that the repository brings along is ever run: no hooks, filters, pagers, fsmonitor, submodules, `ext::` remotes.
Blobs are read by `ls-tree` and `cat-file --batch`, which need neither index nor work tree.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import xxhash

from understudy.core.errors import InputDataError, Interrupted
from understudy.core.paths import Project, read_json, write_atomically
from understudy.core.recipe import Recipe, Source
from understudy.core.tracking import Events
from understudy.data.listing import Found
from understudy.data.sources.reading import is_excluded, printable, raw_id, too_large

SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.pager=cat",
    "protocol.ext.allow=never",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
)
INHERITED = ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_CONFIG_GLOBAL", "GIT_PROXY_COMMAND", "GIT_TRACE")
FULL_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


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
        self._url = _url(recipe, source)
        self.name = source.name or _name(self._url)
        self.folder = project.cache / "git" / xxhash.xxh3_64_hexdigest(self._url.encode("utf-8", "surrogateescape"))
        self.commit = self._bring()

    def files(self, exclude: tuple[str, ...], limit: int, wants: Callable[[str], bool]) -> Iterator[Found]:
        """Every tracked file of the commit, sorted by path."""
        blobs = sorted(self._tree(), key=lambda blob: os.fsencode(blob.path))
        blobs = [blob for blob in blobs if not is_excluded(blob.path, exclude)]
        wanted = [blob for blob in blobs if _is_file(blob) and blob.size <= limit and wants(blob.path)]
        raw_ids = self._raw_ids(wanted)
        for blob in blobs:
            found = Found(self.name, printable(blob.path), blob.size, blob.sha)
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
        if FULL_HASH.fullmatch(wanted) and self._has(wanted):
            return wanted
        noted = self.folder / f"understudy-commit-{xxhash.xxh3_64_hexdigest(wanted.encode())}"
        try:
            commit = self._fetched(wanted)
        except InputDataError as error:
            commit = noted.read_text() if noted.exists() else ""
            if not self._has(commit):
                raise
            self._events.warning(f"{error.message}; using commit {commit[:12]}, fetched before", error.hint)
        else:
            write_atomically(noted, commit)
        return commit

    def _fetched(self, wanted: str) -> str:
        commit = self._remote_commit(wanted)
        if commit is not None and self._has(commit):
            return commit
        self._events.note(f"fetching {self._url}")
        self._prepare()
        if commit is None and not FULL_HASH.fullmatch(wanted):
            return self._commit_by_prefix(wanted)
        try:
            self._fetch("--no-tags", "--depth=1", refs=(commit or wanted,))
        except InputDataError:
            return self._commit_by_prefix(commit or wanted)  # some servers hand out tips only
        return commit or wanted

    def _fetch(self, *options: str, refs: tuple[str, ...]) -> None:
        """Fetch; what a killed fetch left locked is thrown away first, for it holds nothing but a cache."""
        if any(self.folder.rglob("*.lock")):
            shutil.rmtree(self.folder)
            self._prepare()
        self._git("fetch", "--quiet", *options, "--end-of-options", self._url, *refs)

    def _remote_commit(self, wanted: str) -> str | None:
        """What a branch, tag or HEAD points to now; None for a name the remote does not list."""
        output = self._git("ls-remote", "--quiet", "--end-of-options", self._url, inside=False)
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
        self._fetch(refs=("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"))
        try:
            name = f"{wanted}^{{commit}}"
            return self._git("rev-parse", "--verify", "--quiet", "--end-of-options", name).decode().split()[-1]
        except InputDataError:
            raise InputDataError(
                f"the source `{self._source}` has no revision {wanted!r}", "give a branch, a tag or a commit"
            ) from None

    def _prepare(self) -> None:
        """Make the bare repository; doing it again repairs one that was only half made."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._git("init", "--quiet", "--bare", "--template=", "--", str(self.folder), inside=False)

    def _has(self, commit: str) -> bool:
        if not commit or not (self.folder / "HEAD").exists():
            return False
        try:
            self._git("cat-file", "-e", f"{commit}^{{commit}}")
        except InputDataError:
            return False
        return True

    def _tree(self) -> Iterator[Blob]:
        output = self._git("ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", self.commit)
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

    def _git(self, *arguments: str, inside: bool = True) -> bytes:
        place = (f"--git-dir={self.folder}",) if inside else ()
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            code = _run(command(*place, *arguments), output, errors, self._events)
            output.seek(0)
            errors.seek(0)
            if code != 0:
                raise self._failure(errors.read(4000).decode("utf-8", "replace"))
            return output.read()

    def _failure(self, errors: str) -> InputDataError:
        lines = [line for line in errors.splitlines() if line.startswith(("fatal:", "error:"))] or errors.splitlines()
        reason = (lines[0] if lines else "no reason given").removeprefix("fatal: ")
        hint = "check the address, and that `git ls-remote` can read it without asking for a password"
        if "dubious ownership" in errors:
            hint = f"git config --global --add safe.directory {self._url}"
        return InputDataError(f"git could not read the source `{self._source}`: {reason}", hint)


def command(*arguments: str) -> list[str]:
    """The git command line with every setting that could run something switched off."""
    return ["git", *(part for setting in SETTINGS for part in ("-c", setting)), *arguments]


def environment() -> dict[str, str]:
    """This process's environment without what would point git elsewhere or make it ask questions."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in INHERITED}
    return {
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        **kept,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
        "LC_ALL": "C",
    }


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


def _run(arguments: list[str], output: IO[bytes], errors: IO[bytes], events: Events) -> int:
    """The exit code of git; a stop asked for by the person ends it at once."""
    try:
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=environment(), process_group=0
        )
    except FileNotFoundError:
        raise InputDataError("the git command is not installed", "install git, or use `dir:` for this source") from None
    try:
        delay = 0.001
        while process.poll() is None:
            if events.should_stop:
                raise Interrupted("stopped while git was reading a source", "run the same command to continue")
            time.sleep(delay)
            delay = min(delay * 1.5, 0.05)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return process.returncode


def _url(recipe: Recipe, source: Source) -> str:
    """An absolute path for a repository on this machine, the address as written for any other."""
    written = source.git or ""
    local = recipe.resolve(written)
    if local.exists():
        return str(local.resolve())
    if written.startswith("-") or not ("://" in written or re.match(r"[\w.-]+@?[\w.-]*:[^:]", written)):
        raise InputDataError(f"the source `{source}` does not exist", "give a path or an address that git can clone")
    return written


def _name(url: str) -> str:
    last = re.split(r"[/:\\]", url.rstrip("/\\").removesuffix("/.git"))[-1]
    return printable(last.removesuffix(".git") or "repository")


def _is_file(blob: Blob) -> bool:
    return blob.mode in ("100644", "100755")
