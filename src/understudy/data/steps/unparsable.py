"""Drops Python files that Python cannot parse: broken, Python 2, templates, merge conflicts.

The check stops after Python's symbol table: it parses in C and makes no Python objects, 1.4 times as fast as
`ast.parse`. It runs in a worker that may die of a file (see `compute/crew.py`), because no parser is proof against
every bomb.
"""

from __future__ import annotations

import symtable
import warnings
from typing import ClassVar

from understudy.data.documents import Verdict
from understudy.data.steps.contract import JudgingStep


class Unparsable(JudgingStep):
    """Drops a Python file that is not valid for the Python that runs this."""

    name: ClassVar[str] = "unparsable"

    def judge(self, text: str, path: str, lang: str) -> Verdict | None:
        if lang != "python":
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                symtable.symtable(text, "file", "exec")
        except SyntaxError as error:
            line = f"line {error.lineno}: " if error.lineno else ""
            return Verdict("unparsable", f"{line}{error.msg}"[:200])
        except (RecursionError, MemoryError):
            return Verdict("unparsable", "nested too deeply for Python's parser")
        except (ValueError, OverflowError, SystemError) as error:
            return Verdict("unparsable", str(error)[:200])
        return None
