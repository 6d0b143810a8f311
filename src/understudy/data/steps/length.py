"""Drops files whose lines are too long to be written by hand, and files too short to teach anything.

Limits of The Stack and StarCoder: longest line over 1,000 characters, mean line over 100 (Li et al. 2023, section 3.3).
"""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from understudy.data.documents import Verdict, dropped, open_rows, texts, with_columns


class Length:
    """Measures every file's lines, and drops those outside of the limits."""

    name: ClassVar[str] = "length"

    def __init__(self, longest: int, mean: float, min_bytes: int) -> None:
        self._longest, self._mean, self._min_bytes = longest, mean, min_bytes

    def setup(self) -> None:
        """Nothing to prepare."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        contents = texts(batch)
        longest: list[int | None] = [None] * len(contents)
        n_lines: list[int | None] = [None] * len(contents)
        for row, text in enumerate(contents):
            if text is not None:
                lines = text.split("\n")
                longest[row] = max(map(len, lines))
                n_lines[row] = len(lines) - (not lines[-1])
        verdicts = {}
        for row in open_rows(batch):
            verdict = self._judge(contents[row] or "", longest[row] or 0, n_lines[row] or 0)
            if verdict is not None:
                verdicts[row] = verdict
        return dropped(with_columns(batch, {"longest_line": longest, "n_lines": n_lines}), self.name, verdicts)

    def _judge(self, text: str, longest: int, n_lines: int) -> Verdict | None:
        if len(text) < self._min_bytes and (n_bytes := len(text.encode())) < self._min_bytes:
            return Verdict("too-short", f"{n_bytes} bytes; at least {self._min_bytes} are kept")
        if longest > self._longest:
            return Verdict("long-line", f"{longest:,} characters; at most {self._longest:,} are kept")
        mean = (len(text) - text.count("\n")) / max(1, n_lines)
        if mean > self._mean:
            return Verdict("long-lines", f"{mean:.0f} characters on average; at most {self._mean:g} are kept")
        return None
