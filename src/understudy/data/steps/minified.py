"""Drops minified files: whole programs on one line without white space, packed for browsers and not for people."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa

from understudy.data.documents import Verdict, dropped
from understudy.data.measures import measured, prepare_measuring
from understudy.data.steps.measured import open_mask

NAME = re.compile(r"[.-]min\.(?:js|css|mjs|html)$")
LONG_LINE = 1_000  # The Stack's limit for the longest line
SHARE_OF_FILE = 0.5
WHITE_SPACE = 0.12  # people write 0.15 to 0.35; minifiers leave 0.02 to 0.08


class Minified:
    """Drops a file named `*.min.js`, or one whose text stands mostly in one long line with hardly a space."""

    name: ClassVar[str] = "minified"
    version: ClassVar[str] = "2"

    def setup(self) -> None:
        """Load the compiled pass."""
        prepare_measuring()

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        is_open, measures = open_mask(batch), measured(batch)
        paths, contents = batch.column("path").to_pylist(), batch.column("content")
        by_name = {row for row, path in enumerate(paths) if is_open[row] and NAME.search(path)}
        is_one_line = measures.longest_line >= np.maximum(LONG_LINE, SHARE_OF_FILE * measures.characters)
        verdicts = {}
        for row in sorted({*by_name, *np.flatnonzero(is_open & is_one_line).tolist()}):
            name = paths[row].rpartition("/")[2][:100]
            verdict = Verdict("minified", f"named {name}") if row in by_name else packed(contents[row].as_py())
            if verdict is not None:
                verdicts[row] = verdict
        return dropped(batch, self.name, verdicts)


def packed(text: str) -> Verdict | None:
    """Why this text is minified, judged by its longest line."""
    longest = max(text.split("\n"), key=len)
    blank = (longest.count(" ") + longest.count("\t")) / len(longest)
    if blank >= WHITE_SPACE:
        return None
    return Verdict("minified", f"a line of {len(longest):,} characters, {blank:.0%} of them blank < {WHITE_SPACE:.0%}")
