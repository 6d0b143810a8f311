"""Walks a folder: every file below it that is one, in a fixed order, without following links or waiting on pipes."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from understudy.data.listing import Found
from understudy.data.sources.hash_cache import HashCache
from understudy.data.sources.reading import (
    EXCLUDED,
    Read,
    is_excluded,
    kind_of,
    printable,
    raw_id,
    read_file,
    refusal,
    too_large,
)

# Passed over and only counted: nothing in them was written by the people whose code this is.
PASSED_OVER = frozenset(
    (
        ".git", ".hg", ".svn", ".bzr", "CVS", "_darcs", ".jj",
        ".venv", "site-packages", "dist-packages", "node_modules", "bower_components",
        "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".nox", ".eggs", ".ipynb_checkpoints",
        ".terraform", ".gradle", ".understudy",
    )
)  # fmt: skip


class FolderWalk:
    """One walk over a folder.

    `wants(path)` says which files are read and hashed; the others are listed by name and size only. `passed_over`
    counts, after the walk, the folders and files left out by rule.
    """

    def __init__(
        self,
        root: Path,
        name: str | None,
        *,
        exclude: tuple[str, ...],
        limit: int,
        wants: Callable[[str], bool],
        cache: HashCache,
        finds_repositories: bool = True,
    ) -> None:
        self.root = os.fspath(root)
        self.exclude, self.limit, self.wants, self.cache = exclude, limit, wants, cache
        self.finds_repositories = finds_repositories
        self.passed_over: Counter[str] = Counter()
        above = _repository_above(root) if finds_repositories and name is None else None
        self._repo, self._base = above or (name or printable(root.name or "root"), "")

    def files(self) -> Iterator[Found]:
        """Every file, folder by folder, names sorted."""
        waiting = [(self.root, "", self._repo, self._base)]
        while waiting:
            folder, inside, repo, base = waiting.pop()
            entries = _scan(folder)
            if isinstance(entries, Read):
                path = printable(f"{base}{inside}") or "."
                yield Found(repo, path, 0, folder, reason=entries.reason, evidence=entries.evidence)
                continue
            if inside and self.finds_repositories and any(entry.name == ".git" for entry in entries):
                repo = self._nested_name(folder)
                if is_excluded(f"{repo}/", self.exclude):  # `legacy/*` is all of the repository `legacy`
                    self.passed_over[EXCLUDED] += 1
                    continue
                base, inside = "", ""
            folders = []
            for entry in entries:
                below = f"{inside}{entry.name}"
                if self._is_passed_over(entry, f"{base}{below}"):
                    continue
                if _is_folder(entry):
                    folders.append((entry.path, f"{below}/", repo, base))
                else:
                    yield self._file(entry, repo, f"{base}{below}")
            waiting.extend(reversed(folders))

    def _nested_name(self, folder: str) -> str:
        """A repository inside the source is called by its place in it: two named `api` stay two."""
        relative = PurePosixPath(os.path.relpath(folder, self.root).replace(os.sep, "/"))
        return printable(str(relative))

    def _is_passed_over(self, entry: os.DirEntry[str], path: str) -> bool:
        if entry.name in PASSED_OVER and (_is_folder(entry) or entry.name == ".git"):
            self.passed_over[entry.name] += 1
            return True
        if is_excluded(path, self.exclude):
            self.passed_over[EXCLUDED] += 1
            return True
        if _is_folder(entry) and _is_environment(entry.path):
            self.passed_over["virtual environment"] += 1
            return True
        return False

    def _file(self, entry: os.DirEntry[str], repo: str, path: str) -> Found:
        found = Found(repo, printable(path), 0, entry.path)
        try:
            facts = entry.stat(follow_symlinks=False)
        except OSError as error:
            return _refused(found, refusal(error))
        if not stat.S_ISREG(facts.st_mode):
            reason = "link" if stat.S_ISLNK(facts.st_mode) else "not-a-file"
            return found._replace(reason=reason, evidence=kind_of(facts.st_mode))
        found = found._replace(size_bytes=facts.st_size)
        if not self.wants(path):
            return found
        if facts.st_size > self.limit:
            return _refused(found, too_large(facts.st_size, self.limit))
        return self._hashed(found, facts)

    def _hashed(self, found: Found, facts: os.stat_result) -> Found:
        known = self.cache.get(found.location, facts)
        if known is not None:
            return found._replace(raw_id=str(known))
        read = read_file(found.location, self.limit)
        if read.data is None:
            return _refused(found, read)
        content = raw_id(read.data)
        if len(read.data) == facts.st_size:
            self.cache.put(found.location, facts, content)
        return found._replace(raw_id=content, size_bytes=len(read.data))


def _scan(folder: str) -> list[os.DirEntry[str]] | Read:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        return refusal(error)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_environment(folder: str) -> bool:
    return os.path.lexists(f"{folder}/pyvenv.cfg")


def _refused(found: Found, read: Read) -> Found:
    return found._replace(reason=read.reason, evidence=read.evidence)


def _repository_above(root: Path) -> tuple[str, str] | None:
    """The name of the repository that `root` lies in, and root's path inside it with a slash; None outside of any."""
    for folder in (root, *root.parents):
        if os.path.lexists(folder / ".git"):
            inside = root.relative_to(folder).as_posix()
            return printable(folder.name or "root"), "" if inside == "." else f"{inside}/"
    return None
