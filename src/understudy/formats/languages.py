"""Which language a file is written in, by its name alone: free, and right for nearly all source code.

The table is `languages.json`, one language a line. Language names are The Stack's, in lower case, with what it lacks in
the same spirit. An extension stands under `extensions` of the one language that most files on GitHub with it are
written in (`.m` is Objective-C, `.v` Verilog, `.pl` Perl, `.h` C), and under `shares` of every other language that uses
it. An extension that nobody has most files of (`.inc`, `.mod`, `.1`) is only ever shared: such a name says nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["programming", "markup", "prose", "data"]


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its extensions (lower case, with the dot), its whole file names, its comment markers.

    `is_kept` is False for what a corpus leaves out unless its recipe names it: data that programs write for programs
    (tables, lock files, drawings, meshes, translations) and plain text.
    """

    name: str
    kind: Kind
    extensions: tuple[str, ...]
    filenames: tuple[str, ...] = ()
    line_comments: tuple[str, ...] = ()
    block_comment: tuple[str, str] | None = None
    shares: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    is_kept: bool = True


def _language(row: dict[str, Any]) -> Language:
    block = tuple(row["block"].split()) if "block" in row else None
    words = {key: tuple(row.get(key, "").split()) for key in ("extensions", "filenames", "shares", "interpreters")}
    line = tuple(row.get("line", "").split())
    return Language(
        row["name"], row["kind"], line_comments=line, block_comment=block, is_kept=row.get("kept", True), **words
    )


_TABLE = json.loads(Path(__file__).with_name("languages.json").read_bytes())

LANGUAGES: tuple[Language, ...] = tuple(_language(row) for row in _TABLE["languages"])
BY_NAME: dict[str, Language] = {language.name: language for language in LANGUAGES}
EXTENSIONS: dict[str, str] = {extension: item.name for item in LANGUAGES for extension in item.extensions}
FILENAMES: dict[str, str] = {filename: item.name for item in LANGUAGES for filename in item.filenames}
INTERPRETERS: dict[str, str] = {program: item.name for item in LANGUAGES for program in item.interpreters}
KEPT_BY_DEFAULT: frozenset[str] = frozenset(item.name for item in LANGUAGES if item.is_kept)

# `Dockerfile.dev`, `Makefile.linux`: these names have their meaning in front.
NAMES_IN_FRONT = frozenset(("Dockerfile", "Containerfile", "Makefile", "Jenkinsfile", "Vagrantfile"))
NOT_CODE_EXTENSIONS = frozenset(_TABLE["not_code"]["extensions"].split())
NOT_CODE_FILENAMES = frozenset(_TABLE["not_code"]["filenames"].split())


def _claims() -> dict[str, tuple[str, ...]]:
    claims: dict[str, list[str]] = {extension: [owner] for extension, owner in EXTENSIONS.items()}
    for language in LANGUAGES:
        for extension in language.shares:
            claims.setdefault(extension, []).append(language.name)
    shared = {extension for language in LANGUAGES for extension in language.shares}
    return {extension: tuple(claims[extension]) for extension in sorted(shared)}


# Extensions of several languages, the owner first where there is one.
AMBIGUOUS: dict[str, tuple[str, ...]] = _claims()


def extension_of(path: str) -> str:
    """The last extension of a path in lower case, with the dot; empty for `Makefile`, `.bashrc` and `x.`."""
    name = path.replace("\\", "/").rpartition("/")[2]
    stem, dot, extension = name.rpartition(".")
    return f".{extension.lower()}" if dot and stem and extension else ""


def language_of(path: str) -> str | None:
    """The language of a file by its name (whole name first, then the last extension), or None if it is not known."""
    name = path.replace("\\", "/").rpartition("/")[2]
    known = FILENAMES.get(name)
    if known is not None:
        return known
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem:
        return None
    return EXTENSIONS.get(f".{extension.lower()}") or _by_front(name)


def _by_front(name: str) -> str | None:
    front = name.partition(".")[0]
    return FILENAMES.get(front) if front in NAMES_IN_FRONT else None


def claimants(path: str) -> tuple[str, ...]:
    """The languages that share this file's extension, the owner first; empty where the name settles it."""
    name = path.replace("\\", "/").rpartition("/")[2]
    return () if name in FILENAMES else AMBIGUOUS.get(extension_of(name), ())


def may_be_code(path: str) -> bool:
    """True for a file that is code by its name, or whose name leaves it open: worth a look at its content."""
    if language_of(path) is not None:
        return True
    name = path.replace("\\", "/").rpartition("/")[2]
    extension = extension_of(name)
    if extension:
        return extension not in NOT_CODE_EXTENSIONS
    return bool(name) and not name.startswith(".") and name not in NOT_CODE_FILENAMES


def line_comments(language: str) -> tuple[str, ...]:
    """The markers that start a comment to the end of the line, the usual one first; empty when there is none."""
    return BY_NAME[language].line_comments if language in BY_NAME else ()
