"""The git command with everything switched off that could run something, and a bare repository to use it in.

Nothing that a repository brings along is ever run: no hooks, filters, pagers, fsmonitor, submodules, `ext::` remotes.
The folder we work in is our own, with our own configuration; of the repository only objects get into it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

from understudy.core.errors import InputDataError, ResourceError, UnderstudyError
from understudy.core.recipe import without_secrets
from understudy.core.tracking import Events
from understudy.data.sources.child import run_child

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
FULL_DISK = ("No space left on device", "Disk quota exceeded")
FREE_SPACE = "free some space (understudy gc shows what can go), then run the same command"
INHERITED = ("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_CONFIG_GLOBAL", "GIT_PROXY_COMMAND", "GIT_TRACE")


class BareRepository:
    """A bare repository below the project's cache that objects of one address are fetched into."""

    def __init__(self, folder: Path, url: str, source: str, events: Events) -> None:
        self.folder, self.url, self._source, self._events = folder, url, source, events

    def fetch(self, *options: str, refs: tuple[str, ...]) -> None:
        """Fetch; what a killed fetch left locked is thrown away first, for it holds nothing but a cache."""
        if any(self.folder.rglob("*.lock")):
            shutil.rmtree(self.folder)
            self.prepare()
        self.run("fetch", "--quiet", "--no-write-fetch-head", *options, "--end-of-options", self.url, *refs)

    def prepare(self) -> None:
        """Make the repository; doing it again repairs one that was only half made."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.run("init", "--quiet", "--bare", "--template=", "--", str(self.folder), inside=False)

    def has(self, commit: str) -> bool:
        """True if this commit is here, and all that it holds.

        A fetch that was killed may have left the commit alone. Only one that found everything leaves a ref.
        """
        if not commit or not (self.folder / "HEAD").exists():
            return False
        try:
            self.run("cat-file", "-e", f"{commit}^{{commit}}")
            return bool(self.run("for-each-ref", "--count=1", f"--contains={commit}"))
        except InputDataError:
            return False

    def run(self, *arguments: str, inside: bool = True) -> bytes:
        """What git prints. Raises InputDataError with git's own words."""
        with tempfile.TemporaryFile() as output:
            self.run_into(output, *arguments, inside=inside)
            output.seek(0)
            return output.read()

    def run_into(self, output: IO[bytes], *arguments: str, inside: bool = True) -> None:
        """Let git print into a file."""
        place = (f"--git-dir={self.folder}",) if inside else ()
        with tempfile.TemporaryFile() as errors:
            try:
                code = run_child(command(*place, *arguments), output, errors, environment(), self._events)
            except FileNotFoundError:
                raise InputDataError(
                    "the git command is not installed", "install git, or use `dir:` for this source"
                ) from None
            if code != 0:
                errors.seek(0)
                raise self.failure(errors.read(4000).decode("utf-8", "replace"))

    def failure(self, errors: str) -> UnderstudyError:
        """What git's words on its standard error mean."""
        if any(told in errors for told in FULL_DISK):
            return ResourceError(f"the disk is full while fetching the source `{self._source}`", FREE_SPACE)
        lines = [line for line in errors.splitlines() if line.startswith(("fatal:", "error:"))] or errors.splitlines()
        reason = (lines[0] if lines else "no reason given").removeprefix("fatal: ")
        hint = "check the address, and that `git ls-remote` can read it without asking for a password"
        if "dubious ownership" in errors:
            hint = f"git config --global --add safe.directory {self.url}"
        return InputDataError(f"git could not read the source `{self._source}`: {without_secrets(reason)}", hint)


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
