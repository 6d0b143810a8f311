"""The list of what its authors do not want in a corpus: repositories, paths in them, and contents wherever they are.

As text, one entry a line: a repository (`acme/api`, also with `*`), `REPOSITORY:PATH` (`acme/api:src/keys/*`), or the
hash of a file's content, xxh3-128 or SHA-256 in hex. As YAML or JSON lines: objects with `repository`, `path`,
`content`, and a `reason`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from understudy.core.errors import InputDataError, UsageError
from understudy.core.recipe import Recipe

OPTED_OUT = "opted-out"
XXH3_DIGITS, SHA256_DIGITS = 32, 64
HASH = re.compile(rf"(?:[0-9a-f]{{{XXH3_DIGITS}}}|[0-9a-f]{{{SHA256_DIGITS}}})")
RECIPE_KEY = re.compile(r"^name[ \t]*:", re.MULTILINE)  # the one key that every recipe has, and no list
KEYS = ("repository", "path", "content", "reason")
HINT = "give each entry a repository, a path pattern in it, or the hash of a content"


class OptOut(NamedTuple):
    """One entry: a repository, a path in it or in all, or a content."""

    repository: str = ""
    path: str = ""
    content: str = ""
    reason: str = ""

    def __str__(self) -> str:
        named = self.content or (f"{self.repository or '*'}:{self.path}" if self.path else self.repository)
        return f"{named} ({self.reason})" if self.reason else named


class OptOuts:
    """A whole list, ready to be asked about files."""

    def __init__(self, entries: Iterable[OptOut]) -> None:
        self.entries = tuple(entries)
        self._contents = {entry.content: entry for entry in self.entries if entry.content}
        named = [entry for entry in self.entries if not entry.content]
        self._patterns = [entry for entry in named if entry.path or _is_pattern(entry.repository)]
        self._repositories = {entry.repository: entry for entry in named if entry not in self._patterns}

    @property
    def sha256(self) -> tuple[str, ...]:
        """The contents that are given by SHA-256: to find them, contents have to be hashed again."""
        return tuple(sorted(content for content in self._contents if len(content) == SHA256_DIGITS))

    def match(self, repo: str, path: str, contents: Iterable[str | None] = ()) -> OptOut | None:
        """The entry that a file falls under. `contents` are hashes of its content."""
        if repo in self._repositories:
            return self._repositories[repo]
        for content in contents:
            if content in self._contents:
                return self._contents[content]
        return next((entry for entry in self._patterns if _fits(entry, repo, path)), None)


def opt_outs_of(recipe: Recipe) -> OptOuts:
    """The recipe's list; an empty one where it has none."""
    return OptOuts(()) if recipe.data.opt_out is None else read_opt_outs(recipe.resolve(recipe.data.opt_out))


def opt_outs_in(path: Path) -> OptOuts:
    """The list in a file, or the one that a recipe names. Raises UsageError for a recipe that names none."""
    from understudy.core.recipe_file import load_recipe

    if path.suffix in (".yaml", ".yml") and RECIPE_KEY.search(
        path.read_text("utf-8", "replace") if path.exists() else ""
    ):
        recipe = load_recipe(path).recipe
        if recipe.data.opt_out is None:
            raise UsageError(f"{path} is a recipe without data.opt_out", "name a list: understudy data opted-out FILE")
        return opt_outs_of(recipe)
    return read_opt_outs(path)


def read_opt_outs(path: Path) -> OptOuts:
    """The list in a file. Raises InputDataError naming the file and the line or entry that is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputDataError(f"the opt-out list {path} cannot be read: {error}", "correct data.opt_out") from error
    return OptOuts(_entry(value, f"{path}, {where}") for where, value in _values(path, text))


def sha256_of(content: bytes) -> str:
    """The SHA-256 of a content in hex."""
    return hashlib.sha256(content).hexdigest()


def _values(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    if path.suffix in (".yaml", ".yml", ".json"):
        yield from _listed(path, text)
        return
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip() if path.suffix == ".jsonl" else line.split("#", 1)[0].strip()
        if line:
            yield f"line {number}", _parsed(path, number, line) if path.suffix == ".jsonl" else line


def _listed(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    import yaml

    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise InputDataError(f"the opt-out list {path} is not valid YAML: {error}", HINT) from error
    if values is not None and not isinstance(values, list):
        raise InputDataError(f"the opt-out list {path} is not a list", HINT)
    yield from ((f"entry {number}", value) for number, value in enumerate(values or (), 1))


def _parsed(path: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputDataError(f"{path}, line {number}: not JSON ({error})", HINT) from error


def _entry(value: Any, where: str) -> OptOut:
    if isinstance(value, str):
        return _from_text(value.strip(), where)
    if not isinstance(value, dict) or not value.keys() <= set(KEYS) or not all(map(_is_text, value.values())):
        raise InputDataError(
            f"{where}: {value!r} is not an entry of an opt-out list", f"the keys are {', '.join(KEYS)}"
        )
    entry = OptOut(**{key: str(item).strip() for key, item in value.items() if item is not None})
    entry = entry._replace(content=entry.content.lower())
    if entry.content and not HASH.fullmatch(entry.content):
        raise InputDataError(f"{where}: {entry.content!r} is no hash", "give xxh3-128 (32 hex digits) or SHA-256 (64)")
    if not (entry.repository or entry.path or entry.content):
        raise InputDataError(f"{where}: nothing is named", HINT)
    return entry


def _from_text(text: str, where: str) -> OptOut:
    if HASH.fullmatch(text.lower()):
        return OptOut(content=text.lower())
    repository, _, path = text.partition(":")
    if not text or (":" in text and not path):
        raise InputDataError(f"{where}: {text!r} names nothing", HINT)
    return OptOut(repository=repository.strip() if repository != "*" else "", path=path.strip())


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, (str, int))


def _is_pattern(name: str) -> bool:
    return any(sign in name for sign in "*?[")


def _fits(entry: OptOut, repo: str, path: str) -> bool:
    if entry.repository and not fnmatchcase(repo, entry.repository):
        return False
    if not entry.path:
        return True
    folder = entry.path.rstrip("/")
    return fnmatchcase(path, entry.path) or path.startswith(f"{folder}/") or fnmatchcase(path, f"*/{entry.path}")
