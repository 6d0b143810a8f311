"""Turns Jupyter notebooks into code: cells in order, what is not code as comments, outputs and images left behind.

The row keeps its path, so that it can be found again; its language becomes the kernel's. JSON is read strictly: what
two readers could understand differently (a key twice, NaN) is no notebook.
"""

from __future__ import annotations

import json
import re
import symtable
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import pyarrow as pa

from understudy.data.documents import Verdict, dropped, open_rows, texts, with_columns
from understudy.formats.languages import BY_NAME, line_comments

NOTEBOOK = "jupyter-notebook"
REASON = "bad-notebook"
# What kernels call languages that have another name in the table; versions (`julia-1.9`, `c++17`) are cut off before.
KERNELS = {
    "ipython": "python", "pyspark": "python", "ir": "r", "bash": "shell", "sh": "shell", "zsh": "shell",
    "c#": "c-sharp", "csharp": "c-sharp", "f#": "f-sharp", "fsharp": "f-sharp", "octave": "matlab",
    "ijavascript": "javascript", "node": "javascript", "sagemath": "sage", "golang": "go", "pwsh": "powershell",
    "ocaml-jupyter": "ocaml",
    "mysql": "sql", "postgresql": "sql", "wolfram language": "mathematica", "q/kdb+": "q",
}  # fmt: skip
VERSION = re.compile(r"[\s-]*v?\d[\d.]*$")
# Cell magics that only watch the code below them; below any other stands another language.
WATCHING = re.compile(r"%%(?:time|timeit|capture|prun|memit|mprun|snakeviz)\b")
# Lines that IPython takes and Python does not: `%matplotlib inline`, `!ls`, `?print`, `files = !ls`, `print?`.
# Possessive repeats: a line of a million blanks costs one look.
SHELL_LINE = re.compile(
    r"^([ \t]*+)((?:[\w, ]++=[ \t]*+)?[%!]{1,2}[\w/.~$\"'{(-].*|\?{1,2}\S.*|[\w.]++\?{1,2}[ \t]*)$", re.MULTILINE
)


class BadNotebookError(ValueError):
    """Why this is no notebook."""


class Code(NamedTuple):
    """What is left of a notebook."""

    text: str
    lang: str


class Notebook:
    """Replaces the content of notebooks by their code, and their language by that of the kernel."""

    name: ClassVar[str] = "notebook"
    version: ClassVar[str] = "1"

    def setup(self) -> None:
        """Nothing to prepare."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        langs = batch.column("lang").to_pylist()
        if NOTEBOOK not in langs:
            return batch
        contents, sizes, verdicts = list(texts(batch)), batch.column("size_bytes").to_pylist(), {}
        for row in open_rows(batch):
            if langs[row] != NOTEBOOK:
                continue
            try:
                contents[row], langs[row] = code_of(contents[row] or "")
            except BadNotebookError as error:
                verdicts[row] = Verdict(REASON, str(error)[:200])
            else:
                sizes[row] = len((contents[row] or "").encode())
        return dropped(
            with_columns(batch, {"content": contents, "lang": langs, "size_bytes": sizes}), self.name, verdicts
        )


def code_of(text: str) -> Code:
    """The code in a notebook of format 3 or 4. Raises BadNotebookError."""
    notebook = _read(text)
    cells = list(_cells(notebook))
    lang = _language(notebook, cells)
    parts = [part for cell in cells if (part := _part(cell, lang))]
    if not any(cell.get("cell_type") == "code" and _source(cell).strip() for cell in cells):
        raise BadNotebookError("it holds no code")
    whole = "\n\n".join(parts) + "\n"
    try:
        whole.encode()
    except UnicodeEncodeError:
        raise BadNotebookError("half a surrogate pair in a cell") from None
    if "\0" in whole:
        raise BadNotebookError("a NUL character in a cell")
    return Code(whole, lang)


def _read(text: str) -> dict[str, Any]:
    try:
        notebook = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except BadNotebookError:
        raise
    except RecursionError:
        raise BadNotebookError("its JSON is nested too deeply") from None
    except ValueError as error:  # not JSON, or an integer of more digits than Python reads
        raise BadNotebookError(f"its JSON cannot be read: {error}") from None
    if not isinstance(notebook, dict):
        raise BadNotebookError("it is no JSON object")
    return notebook


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise BadNotebookError(f"a key stands twice in one object: {twice[:60]!r}")
    return values


def _refuse(constant: str) -> None:
    raise BadNotebookError(f"{constant} is no JSON")


def _cells(notebook: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The cells; format 3 has them in worksheets."""
    worksheets = notebook.get("worksheets")
    holders = worksheets if isinstance(worksheets, list) else [notebook]
    for holder in holders:
        cells = holder.get("cells") if isinstance(holder, dict) else None
        if not isinstance(cells, list):
            raise BadNotebookError("it has no list of cells")
        for cell in cells:
            if not isinstance(cell, dict):
                raise BadNotebookError("a cell is no JSON object")
            yield cell


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise BadNotebookError("the source of a cell is no text")
    return source.replace("\r\n", "\n")


def _language(notebook: dict[str, Any], cells: list[dict[str, Any]]) -> str:
    told = [_at(notebook, "metadata", "language_info", "name"), _at(notebook, "metadata", "kernelspec", "language")]
    told += [_at(notebook, "metadata", "kernelspec", "name"), *(cell.get("language") for cell in cells[:1])]
    names = [name.strip().lower() for name in told if isinstance(name, str) and name.strip()]
    for name in names:
        plain = VERSION.sub("", name)
        lang = next((item for item in (KERNELS.get(name), name, KERNELS.get(plain), plain) if item in BY_NAME), None)
        if lang is not None:
            return lang
    if names:
        raise BadNotebookError(f"the language of its kernel is not known: {names[0][:60]}")
    return "python"


def _at(values: Any, *keys: str) -> Any:
    for key in keys:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _part(cell: dict[str, Any], lang: str) -> str:
    """What a cell becomes: code, or comment lines; empty for raw cells and for what cannot be a comment."""
    kind, source = cell.get("cell_type"), _source(cell).strip("\n").rstrip()
    if not source:
        return ""
    if kind == "code":
        return _plain_python(source) if lang == "python" else source
    if kind in ("markdown", "heading"):
        return _remark(source, lang)
    return ""


def _remark(text: str, lang: str) -> str:
    marker = next(iter(line_comments(lang)), None)
    if marker is None:
        return ""
    return "\n".join(f"{marker} {line}".rstrip() for line in text.split("\n"))


def _plain_python(source: str) -> str:
    """The cell as Python can read it: what only IPython understands stands in comments."""
    if source.startswith("%%"):
        first, _, rest = source.partition("\n")
        return f"# {first}\n{_plain_python(rest)}".rstrip() if WATCHING.match(first) else _remark(source, "python")
    if not SHELL_LINE.search(source) or _is_python(source):
        return source
    return SHELL_LINE.sub(lambda match: f"{match[1]}pass  # {match[2]}" if match[1] else f"# {match[2]}", source)


def _is_python(source: str) -> bool:
    """True where a line that looks like a magic is none: a `%` that continues an expression, text in a string."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            symtable.symtable(source, "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError, SystemError):
        return False
    return True
