"""The licences of a repository, folder by folder: from its licence files, and from what its packages declare.

A folder's licence files rule its files and those below, down to the next folder that has its own. Where no folder
upwards has one, the nearest package metadata does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from understudy.data.licenses.expressions import all_of, any_of, canonical, ids_in
from understudy.data.licenses.headers import license_of_head
from understudy.data.licenses.metadata import declared, is_metadata
from understudy.data.licenses.names import VAGUE, expression_of

if TYPE_CHECKING:
    from understudy.data.licenses.texts import TextMatch

MAX_LICENSE_BYTES = 200_000  # a longer one lists what is bundled; its own licence stands at its top
LICENSE_FILE = re.compile(
    r"(?:un)?licen[cs]es?(?:[._-][\w.+-]{1,40})?|(?:mit|bsd|apache|gpl|lgpl|mpl|zlib|isc|psf)[._-]licen[cs]e(?:\.\w{1,8})?|"
    r"(?:agpl|lgpl|gpl)(?:[-._]?v?[23](?:\.[01])?)?\.(?:txt|md|rst)|copying(?:[._-][\w.+-]{1,40})?|copyright(?:\.(?:txt|md|rst))?|notice(?:\.(?:txt|md|rst))?",
    re.IGNORECASE,
)
OWN_FOLDER = re.compile(r"(?:.*/)?licen[cs]es?/(?:licen[cs]e|copying)(?:\.(?:txt|md|rst))?", re.IGNORECASE)
CODE = re.compile(
    r"\.(?:py[xi]?|js|jsx|tsx?|mjs|go|rs|java|kt|c|cc|cpp|h|hpp|cs|rb|php|pl|sh|ps1|css|scss|vue|json|ya?ml|toml|xml|svg|"
    r"png|gif|ico|po|sql|lua|swift|scala|m|r|jl|ipynb|header|spdx|\w+\.license|template|tpl|tmpl|j2|in)$",
    re.IGNORECASE,
)
# Files that name what they bundle, not what they are under.
BUNDLED = re.compile(r"bundled|third.?part|3rd.?party|dependenc|vendor|notices?\b|_more\b|binary", re.IGNORECASE)
BUNDLED_WORDS = re.compile(
    r"bundle[sd]?|third part|3rd part|incorporat|portions? (?:of|are|is|copyright)|subcomponents|"
    r"includes? (?:code|software|work)|following (?:files|components|librar|modules)|vendored|derived from|borrowed|"
    r"additional licen|distributed with|some (?:code|files)|copied from|based on|licen[sc]e (?:for|of) ",
    re.IGNORECASE,
)
CHOICE = re.compile(
    r"either of|at your option under|your choice|dual licen|under (?:either|any)|one of the (?:following )?licen",
    re.IGNORECASE,
)
INCLUDED = {"LGPL-3.0-only": "GPL-3.0-only", "LGPL-2.1-only": "GPL-2.0-only", "LGPL-2.0-only": "GPL-2.0-only"}


class License(NamedTuple):
    """What the files of one folder are under, and the files that say so. `also` are texts of what it bundles."""

    expression: str
    evidence: str
    also: tuple[str, ...] = ()
    is_file: bool = True  # from a licence file; False: only declared in metadata

    @classmethod
    def load(cls, values: Sequence[Any]) -> License:
        """The licence that was written as JSON."""
        expression, evidence, also, is_file = values
        return cls(str(expression), str(evidence), tuple(also), bool(is_file))


class _Text(NamedTuple):
    """What one licence file says: the licence at its top, and what else it holds."""

    expression: str
    also: tuple[str, ...]


def is_license_file(path: str) -> bool:
    """Whether a file of this path can say under which licence its folder is: by its name alone."""
    name = path.rpartition("/")[2]
    return is_metadata(name) or _is_text(name)


def repository_licenses(files: Mapping[str, bytes]) -> dict[str, License]:
    """The licence of each folder that has its own, by path ("" is the top). `files`: all that `is_license_file` names.

    Time: two or three milliseconds a file.
    """
    found = {}
    for folder, names in sorted(_by_folder(files).items()):
        texts = {
            name: text
            for name in names
            if _is_text(PurePosixPath(name).name)
            and (text := _read(files[_join(folder, name)], PurePosixPath(name).name))
        }
        declarations = {
            name: expression for name in names if (expression := declared(name, files[_join(folder, name)]))
        }
        license_ = _of_folder(texts, declarations)
        if license_ is not None:
            found[folder] = license_._replace(evidence=_where(folder, license_.evidence))
    return found


def license_for(found: Mapping[str, License], path: str) -> License | None:
    """The licence that rules a file: of the nearest folder upwards with a licence file, else with metadata."""
    above = [found[folder] for folder in map(_key, PurePosixPath(path).parents) if folder in found]
    from_files = [license_ for license_ in above if license_.is_file]
    for nearest in (*from_files, *above):
        return nearest
    return None


def _key(folder: PurePosixPath) -> str:
    return "" if str(folder) == "." else str(folder)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _where(folder: str, names: str) -> str:
    return ", ".join(_join(folder, name) for name in names.split(", "))


def _by_folder(files: Iterable[str]) -> dict[str, list[str]]:
    folders: dict[str, list[str]] = {}
    for path in sorted(files):
        pure = PurePosixPath(path)
        folder = _key(pure.parent)
        # What stands in `x.egg-info` is said of the folder it lies in, and so is `LICENSE/LICENSE`.
        if pure.parent.name.endswith((".egg-info", ".dist-info")) or OWN_FOLDER.fullmatch(str(pure)):
            folder = _key(pure.parent.parent)
            folders.setdefault(folder, []).append(f"{pure.parent.name}/{pure.name}")
        else:
            folders.setdefault(folder, []).append(pure.name)
    return folders


def _is_text(name: str) -> bool:
    return LICENSE_FILE.fullmatch(name) is not None and CODE.search(name) is None


def _read(data: bytes, name: str) -> _Text | None:
    """What a licence file says, or None where nothing in it has a name."""
    if BUNDLED.search(name) and not name.lower().startswith("notice"):
        return None
    from understudy.data.licenses.texts import licenses_in  # numpy: only where there is a text to look at

    text = data[:MAX_LICENSE_BYTES].decode("utf-8", "replace")
    matches = [match for match in licenses_in(text) if not match.is_exception or match.start > 0]
    if not matches:
        stated = license_of_head(data) or _one_line(text)
        return _Text(stated, ()) if stated else None
    return _Text(*_arranged(text, matches))


def _one_line(text: str) -> str | None:
    """A file that holds a name or a reference only: `MIT`, `BSD-3-Clause License`."""
    lines = [line.strip(" \t#*=-") for line in text.splitlines() if line.strip(" \t#*=-")]
    return next((name for line in lines[:3] if (name := expression_of(line))), None) if len(lines) <= 12 else None


def _arranged(text: str, matches: list[TextMatch]) -> tuple[str, tuple[str, ...]]:
    """The licence of the whole, and the ids of what is bundled: those that come after words that say so."""
    names: list[str] = []
    for match in matches:
        if not match.is_exception:
            names.append(match.id)
    for match in matches:
        at = _excepted(names, match.id) if match.is_exception else None
        if at is not None:
            names[at] = canonical(f"{names[at]} WITH {match.id}") or names[at]
    names = _without_included(list(dict.fromkeys(names)))
    if len(names) < 2:
        return (names[0] if names else "", ())
    around = _outside(text, matches)
    if CHOICE.search(around):
        return canonical(any_of(names)) or names[0], ()
    if BUNDLED_WORDS.search(around) or len(names) > 3:
        return names[0], tuple(names[1:])
    return canonical(all_of(names)) or names[0], ()


def _outside(text: str, matches: list[TextMatch]) -> str:
    """The words that belong to none of the licences: what the authors say of them."""
    from understudy.data.licenses.words import words_of

    inside = {at for match in matches for at in range(match.start, match.end)}
    return " ".join(word for at, word in enumerate(words_of(text)) if at not in inside)


def _excepted(names: list[str], exception: str) -> int | None:
    """Which licence an exception softens: LLVM's the Apache licence, all others one of GNU's."""
    base = ("Apache-2.0",) if exception.startswith("LLVM") else ("GPL-", "LGPL-", "AGPL-")
    return next((at for at, name in enumerate(names) if name.startswith(base) and " WITH " not in name), None)


def _without_included(names: list[str]) -> list[str]:
    """LGPL 3 is written as additions to GPL 3 and comes with its text: together they are one licence."""
    included = {INCLUDED[name.split(" ")[0]] for name in names if name.split(" ")[0] in INCLUDED}
    return [name for name in names if name not in included]


def _of_folder(texts: dict[str, _Text], declarations: dict[str, str]) -> License | None:
    """Licence files rule; what is declared beside them says what they leave open: a choice, `or later`."""
    stated = _strongest(declarations)
    own = {name: text for name, text in texts.items() if text.expression}
    main = {name: text for name, text in own.items() if not name.lower().startswith(("notice", "copyright"))} or own
    if not main:
        return None if stated is None else License(stated[1], stated[0], is_file=False)
    names = _without_included(list(dict.fromkeys(text.expression for text in main.values())))
    also = tuple(dict.fromkeys(item for text in main.values() for item in text.also))
    evidence = ", ".join(main)
    if stated is not None and _agrees(stated[1], [*names, *also]):
        others = [name for name in [*names, *also] if not _agrees(name, ids_in(stated[1]))]
        return License(_sharpened(stated[1], [*names, *also]), f"{evidence}, {stated[0]}", tuple(others))
    if len(names) > 1:
        # LICENSE-MIT beside LICENSE-APACHE is a choice, as Rust's crates offer it.
        joined = any_of(names) if all(re.match(r"(?i)(un)?licen[cs]e[._-]\w", name) for name in main) else all_of(names)
        return License(canonical(joined) or names[0], evidence, also)
    return License(names[0], evidence, also) if names else None


def _strongest(declarations: dict[str, str]) -> tuple[str, str] | None:
    """The declaration that says most: what was built for publishing first."""
    order = ("PKG-INFO", "METADATA", "pyproject.toml", "setup.cfg", "setup.py")
    places = {name: number for number, name in enumerate(order)}
    ranked = sorted(declarations, key=lambda name: (places.get(PurePosixPath(name).name, len(order)), name))
    return (ranked[0], declarations[ranked[0]]) if ranked else None


def _agrees(declared_: str, found: Iterable[str]) -> bool:
    """Whether every licence that is declared stands among those found, versions and `or later` left aside."""
    stems = {_stem(item) for expression in found for item in ids_in(expression)}
    return all(_stem(item) in stems for item in ids_in(declared_))


def _sharpened(declared_: str, found: Iterable[str]) -> str:
    """What is declared, with the exact licence where the words were vague: `BSD`, `GPL` of no version."""
    by_stem = {_stem(item): item for expression in found for item in reversed(ids_in(expression))}
    for item in ids_in(declared_):
        exact = by_stem.get(_stem(item), item)
        if _stem(item) == "BSD" or item in VAGUE or exact.startswith(f"{item} WITH "):
            declared_ = re.sub(rf"(?<![\w.-]){re.escape(item)}(?![\w.-])", exact, declared_)
    return canonical(declared_) or declared_


def _stem(name: str) -> str:
    """`GPL-2.0-only WITH …`, `GPL-2.0-or-later` and `GPL-1.0-or-later` are one family; so are the short BSDs."""
    name = name.split(" WITH ")[0]
    if re.match(r"[AL]?GPL-", name):
        return re.sub(r"-.*", "", name)
    return "BSD" if name in ("BSD-2-Clause", "BSD-3-Clause", "BSD-2-Clause-Views") else name
