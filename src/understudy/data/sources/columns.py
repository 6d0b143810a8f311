"""Recognises the columns of code data sets, and makes a file of each row.

The Stack, its dedup and StarCoderData say `max_stars_repo_name`; The Stack v2 says `repo_name`, `revision_id` and
`committer_date`; codeparrot's github-code says `code` and `license`. A data set with nothing but `text` works too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from understudy.data.listing import Found
from understudy.data.sources.reading import printable, raw_id, too_large
from understudy.formats.languages import BY_NAME, EXTENSIONS, language_of

# For each thing we want to know, the names it goes by, the best first.
NAMES: dict[str, tuple[str, ...]] = {
    "content": ("content", "code", "text"),
    "repo": ("max_stars_repo_name", "repo_name", "repository_name", "repo", "repository"),
    "path": ("max_stars_repo_path", "path", "file_path", "filename"),
    "licenses": ("max_stars_repo_licenses", "detected_licenses", "licenses", "license"),
    "revision": ("max_stars_repo_head_hexsha", "revision_id", "revision", "commit_id", "commit", "hexsha"),
    "lang": ("lang", "language", "programming_language"),
    "ext": ("ext", "extension"),
    "time": ("commit_time", "committer_date", "commit_date", "revision_date", "author_date"),
}
SURROGATE = re.compile("[\ud800-\udfff]")
LONGEST_NAME = 4096  # of a repository or path: Linux's limit for a path
LANGUAGE_NAMES = {"c++": "c++", "cpp": "c++", "c#": "c-sharp", "csharp": "c-sharp", "f#": "f-sharp", "golang": "go"}
FIRST_TIME, LAST_TIME = 1, 1 << 33  # seconds; beyond the year 2242 somebody made it up


class Wants(NamedTuple):
    """Which files the recipe keeps: by path, and by the language that a data set gives for a path that says nothing."""

    path: Callable[[str], bool]
    lang: Callable[[str], bool]

    def __call__(self, path: str, lang: str) -> bool:
        return self.path(path) or (bool(lang) and language_of(path) is None and self.lang(lang))


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of a file holds what; empty where none does."""

    content: str
    repo: str = ""
    path: str = ""
    licenses: str = ""
    revision: str = ""
    lang: str = ""
    ext: str = ""
    time: str = ""

    def names(self) -> list[str]:
        """The columns that have to be read."""
        return sorted({name for name in (getattr(self, field) for field in NAMES) if name})


def recognised(names: Iterable[str]) -> Columns | None:
    """What each column holds, by its name; None where no column can be the content."""
    given = {name.lower(): name for name in reversed(list(names))}
    found = {field: next((given[name] for name in known if name in given), "") for field, known in NAMES.items()}
    return Columns(**found) if found["content"] else None


class RowFile(NamedTuple):
    """One row of a data set: a file's bytes, or None with the reason why not, and what the other columns say of it."""

    location: str
    values: Mapping[str, Any]
    content: bytes | None
    reason: str = ""
    evidence: str = ""


def found_of(row: RowFile, columns: Columns, repo: str, limit: int, wants: Wants) -> Found:
    """The file in a row. Where it names no repository or path, they are made of the file's name and the place."""
    value = row.values.get
    lang = language_name(text_of(value(columns.lang)))
    path = clean_path(raw_text(value(columns.path))) or made_up_path(row.location, text_of(value(columns.ext)), lang)
    found = Found(
        text_of(value(columns.repo))[:LONGEST_NAME] or repo,
        path,
        len(row.content or b""),
        row.location,
        reason=row.reason,
        evidence=row.evidence,
        commit_time=time_of(value(columns.time)),
        revision=text_of(value(columns.revision))[:100] or None,
        licenses=licenses_of(value(columns.licenses)),
        lang=lang,
    )
    if row.reason or row.content is None or not wants(path, lang):
        return found
    if len(row.content) > limit:
        read = too_large(len(row.content), limit)
        return found._replace(reason=read.reason, evidence=read.evidence)
    return found._replace(raw_id=raw_id(row.content))


def text_of(value: Any) -> str:
    """A value as valid text; what is not text is none, for a name that is a number or a list is no name."""
    return shown(raw_text(value))


def raw_text(value: Any) -> str:
    """The same, with bytes that are not UTF-8 as surrogates."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return value if isinstance(value, str) else ""


def shown(text: str) -> str:
    """The text with what is no character written out: `\\xff` for a byte, `\\ud800` for half a pair."""
    return text if text.isascii() else SURROGATE.sub(_escape, text)


def _escape(half: re.Match[str]) -> str:
    code = ord(half[0])
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"


def clean_path(path: str) -> str:
    """A path inside its repository: no leading slashes, no steps upwards, nothing that is not text."""
    parts = path[:LONGEST_NAME].replace("\\", "/").split("/")
    return shown("/".join(part for part in parts if part not in ("", ".", "..")))


def made_up_path(location: str, ext: str, lang: str) -> str:
    """A name for a row without one: its place, and the extension that the row gives or that its language has."""
    extension = ext.strip().lstrip(".").replace("/", "")[:40]
    if not extension and lang in BY_NAME and BY_NAME[lang].extensions:
        extension = BY_NAME[lang].extensions[0].lstrip(".")
    return f"row-{location}" + (f".{extension}" if extension else "")


def language_name(name: str) -> str:
    """Our name for a language as data sets write it (`Jupyter Notebook`, `C#`); empty for one that we do not know."""
    plain = name.strip().lower()
    plain = LANGUAGE_NAMES.get(plain, plain.replace(" ", "-").replace("_", "-"))
    return plain if plain in BY_NAME else EXTENSIONS.get(f".{plain}", "")


def licenses_of(value: Any) -> tuple[str, ...]:
    """The licences of a row, which is a list, one name, or nothing."""
    values = value if isinstance(value, (list, tuple)) else [value]
    names = (text_of(item).strip()[:200] for item in values[:100])
    return tuple(dict.fromkeys(name for name in names if name))


def time_of(value: Any) -> int | None:
    """Seconds since 1970 for a date, an ISO date in text or a number of (milli)seconds; None for what is no date."""
    try:
        seconds = _seconds(value)
    except (ValueError, OverflowError, TypeError):
        return None
    return seconds if seconds is not None and FIRST_TIME <= seconds <= LAST_TIME else None


def _seconds(value: Any) -> int | None:
    if isinstance(value, (str, bytes)):
        text = text_of(value)[:40].strip()
        value = float(text) if text.replace(".", "", 1).isdigit() else datetime.fromisoformat(text)
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    if isinstance(value, date):
        return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp())
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value / 1000 if value > 1e11 else value)


def default_repo(name: str) -> str:
    """What stands for the repository where rows name none: the file's name without its endings."""
    stem = os.path.basename(name)  # noqa: PTH119  # a name, not a file here
    for ending in (".gz", ".zst", ".bz2", ".jsonl", ".ndjson", ".json", ".parquet"):
        stem = stem.removesuffix(ending)
    return printable(stem or name)
