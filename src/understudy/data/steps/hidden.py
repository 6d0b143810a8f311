"""Drops files in which something stands that a reader does not see, or sees elsewhere than the compiler.

Right-to-left text and joined emoji use the same characters honestly, so they count only where they hide something:
bidirectional formatting that its line does not close (GCC's `-Wbidi-chars=unpaired`, the answer to CVE-2021-42574),
zero width between two characters of one ASCII word, and tag characters outside of a flag.
"""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pyarrow as pa

from understudy.data.documents import Verdict, dropped
from understudy.data.measures import measured, prepare_measuring
from understudy.data.steps.measured import open_mask

CLOSED_BY = {**dict.fromkeys("\u202a\u202b\u202d\u202e", "\u202c"), **dict.fromkeys("\u2066\u2067\u2068", "\u2069")}
STEERING = re.compile("[\u202a-\u202e\u2066-\u2069]")
ZERO_WIDTH = re.compile("(?<=[A-Za-z0-9_])[\u200b-\u200d\u2060\ufeff]+(?=[A-Za-z0-9_])")
TAGS = re.compile("(?<!\U0001f3f4)(?<![\U000e0000-\U000e007f])[\U000e0000-\U000e007f]")


class Hidden:
    """Drops a file with characters that hide or reorder others; says where."""

    name: ClassVar[str] = "hidden"
    version: ClassVar[str] = "1"

    def setup(self) -> None:
        """Load the compiled pass."""
        prepare_measuring()

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        suspects = np.flatnonzero(open_mask(batch) & (measured(batch).hiding > 0)).tolist()
        found = {row: hidden(batch.column("content")[row].as_py()) for row in suspects}
        return dropped(batch, self.name, {row: verdict for row, verdict in found.items() if verdict is not None})


def hidden(text: str) -> Verdict | None:
    """What this text hides, if it does."""
    for number, line in enumerate(text.split("\n"), 1):
        unclosed = _unclosed(line)
        if unclosed:
            return Verdict("bidi-control", f"line {number}: U+{ord(unclosed):04X} reorders the line and is not closed")
        for pattern, what in ((ZERO_WIDTH, "inside of a word"), (TAGS, "is a tag outside of a flag")):
            match = pattern.search(line)
            if match:
                return Verdict("invisible-character", f"line {number}: U+{ord(match[0][0]):04X} {what}")
    return None


def _unclosed(line: str) -> str:
    """The first formatting character that the line does not close in its own order; empty where all are."""
    waiting: list[str] = []
    for match in STEERING.finditer(line):
        sign = match[0]
        if sign in CLOSED_BY:
            waiting.append(sign)
        elif waiting and CLOSED_BY[waiting[-1]] == sign:
            waiting.pop()
    return waiting[0] if waiting else ""
