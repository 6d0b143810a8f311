"""Notes which tasks of exams a file holds. The decision of the same name drops the file and counts for each exam.

Redactions come before it, so that what is looked through is what would be trained on.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa

from understudy.data.documents import open_rows, with_columns
from understudy.formats.languages import BY_NAME

if TYPE_CHECKING:
    from understudy.data.contamination.finder import Match

HASH_COMMENTS, SLASH_COMMENTS = 1, 2  # as in contamination/kernel.py, which takes a second to import


class Contaminated:
    """Fills `contaminated`: `suite/task (what of it)` for every task of which enough stands in the file."""

    name: ClassVar[str] = "contaminated"
    version: ClassVar[str] = "1"

    def __init__(self, index: str, digest: str) -> None:
        self._path, self._digest = Path(index), digest

    def setup(self) -> None:
        """Load the index and the compiled search."""
        from understudy.data.contamination.finder import Finder
        from understudy.data.contamination.index import load_index

        self._finder = Finder(load_index(self._path))

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        content = batch.column("content")
        _, places, data = content.buffers()
        if data is None:
            return batch
        text = np.frombuffer(data, np.uint8)
        ends = np.frombuffer(places, np.int32)[content.offset : content.offset + len(content) + 1].tolist()
        langs = batch.column("lang").to_pylist()
        found: list[list[str]] = [[] for _ in range(len(batch))]
        for row in open_rows(batch):
            matches = self._finder.find(text, ends[row], ends[row + 1], comment_style(langs[row]))
            found[row] = [told(match) for match in matches]
        return with_columns(batch, {"contaminated": found}) if any(found) else batch


def comment_style(lang: str | None) -> int:
    """Which comments are left out in the second reading of a file; 0 where there is none."""
    language = BY_NAME.get(lang or "")
    if language is None:
        return 0
    is_slash = "//" in language.line_comments or (language.block_comment or ("",))[0] == "/*"
    return HASH_COMMENTS * ("#" in language.line_comments) | SLASH_COMMENTS * is_slash


def told(match: Match) -> str:
    """`humaneval/HumanEval/12 (62 % of its statement, 45 words in a row)`."""
    share = "all" if match.share == 1 else f"{100 * match.share:.0f} %"
    return f"{match.label} ({share} of its {match.role}, {match.n_words} words in a row)"


def task_told(text: str) -> str:
    """`suite/task` of such a text."""
    return text.rpartition(" (")[0]
