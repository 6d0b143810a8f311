"""Drops files that no parser of their language takes: broken code, templates, merge conflicts. Python by Python itself.

Python's check stops after its symbol table: it parses in C and makes no Python objects, 1.4 times as fast as
`ast.parse`. Files it refuses may be good Python 2 (`python2.py`); what happens to those is the recipe's choice. Other
languages are checked where their grammars are installed (`parsers.py`), and only a file that is wrong in a good part
of its text is dropped: no grammar knows every dialect and macro.

All of this runs in a worker that may die of a file (see `compute/crew.py`): no parser is proof against every bomb.
"""

from __future__ import annotations

import re
import symtable
import warnings
from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from understudy.data.documents import Verdict, dropped, open_rows, texts, with_columns
from understudy.data.steps.contract import JudgingStep
from understudy.data.steps.parsers import BOX_SECONDS, GaveUpError, Parsers, installed_parsers
from understudy.data.steps.python2 import as_python3

PYTHON2 = "python2"  # the reason of files that are dropped, and the language of those that are kept apart
CONFLICT = re.compile(r"^<<<<<<< .*\n(?s:.*?)^=======\n(?s:.*?)^>>>>>>> ", re.MULTILINE)


class Unparsable(JudgingStep):
    """Drops a file that its language's parser does not take.

    `python2`: drop, keep, or separate (its language becomes `python2`). `error_fraction`: the share of a file's bytes
    that may stand outside of its language's grammar, with others for single languages; None: such files stay.
    `parsers`: the languages that are checked beside Python, None for all whose grammars are installed.
    """

    name: ClassVar[str] = "unparsable"
    version: ClassVar[str] = "2"

    def __init__(
        self,
        python2: str = "drop",
        error_fraction: float | None = 0.1,
        error_fractions: Mapping[str, float | None] | None = None,
        parsers: Mapping[str, str] | None = None,
    ) -> None:
        self._python2, self._error_fraction, self._error_fractions = python2, error_fraction, error_fractions or {}
        self._parsers = Parsers(installed_parsers() if parsers is None else parsers)

    def judge(self, text: str, path: str, lang: str) -> Verdict | None:
        found = self._found(text, path, lang)
        return None if found is not None and found.reason == PYTHON2 and self._python2 != "drop" else found

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        contents, paths = texts(batch), batch.column("path").to_pylist()
        langs, verdicts = batch.column("lang").to_pylist(), {}
        for row in open_rows(batch):
            found = self._found(contents[row] or "", paths[row], langs[row] or "")
            if found is None:
                continue
            if found.reason != PYTHON2 or self._python2 == "drop":
                verdicts[row] = found
            elif self._python2 == "separate":
                langs[row] = PYTHON2
        return dropped(with_columns(batch, {"lang": langs}), self.name, verdicts)

    def _found(self, text: str, path: str, lang: str) -> Verdict | None:
        if lang == "python":
            return _python(text)
        return self._other(text, path, lang) if lang in self._parsers else None

    def _other(self, text: str, path: str, lang: str) -> Verdict | None:
        fraction = self._error_fractions.get(lang, self._error_fraction)
        if fraction is None:
            return None
        conflict = CONFLICT.search(text) if "<<<<<<< " in text else None
        if conflict:
            return Verdict("unparsable", f"line {text.count(chr(10), 0, conflict.start()) + 1}: a merge conflict")
        data = text.encode()
        limit = fraction * len(data)
        try:
            errors = self._parsers.errors(data, lang, path, limit)
        except GaveUpError:
            return Verdict("unparsable", f"its parser gave up after {BOX_SECONDS:g} s of work")
        if errors.n_bytes <= limit:
            return None
        share = errors.n_bytes / len(data)
        return Verdict("unparsable", f"line {errors.line}: the first of {errors.n_errors:,} errors, {share:.0%} of it")


def _python(text: str) -> Verdict | None:
    complaint = _complaint(text)
    if complaint is None:
        return None
    translated = as_python3(text)
    if translated is not None and _complaint(translated) is None:
        return Verdict(PYTHON2, f"valid Python 2; {complaint}"[:200])
    return Verdict("unparsable", complaint)


def _complaint(text: str) -> str | None:
    """What Python has against this file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            symtable.symtable(text, "file", "exec")
    except SyntaxError as error:
        line = f"line {error.lineno}: " if error.lineno else ""
        return f"{line}{error.msg}"[:200]
    except (RecursionError, MemoryError):
        return "nested too deeply for Python's parser"
    except (ValueError, OverflowError, SystemError) as error:
        return str(error)[:200]
    return None
