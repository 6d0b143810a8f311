"""How much code the page may still hold. Hostile files are many times their size once every character is visible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understudy.report.blocks import CodeLine
from understudy.report.reading import count, rows, text
from understudy.report.visible import visible_code

CODE_BYTES = 1_000_000  # of HTML; the rest of a page stays below as much again


class Room:
    """Counts what was shown; once the page is full, code is left out and the page says so."""

    def __init__(self, n_bytes: int = CODE_BYTES) -> None:
        self._left = n_bytes
        self.n_left_out = 0

    def lines(self, excerpt: Any) -> Sequence[CodeLine]:
        """The lines of an excerpt; none when the page is full."""
        first, marked = count(excerpt, "first_line") or 1, rows(excerpt, "marked")
        shown = [
            CodeLine(first + at, visible_code(line), first + at in marked)
            for at, line in enumerate(rows(excerpt, "lines"))
            if isinstance(line, str)
        ]
        return shown if self.takes(shown) else ()

    def line(self, value: Any) -> CodeLine | None:
        """One line given as its number and its text; None where there is none."""
        number, words = count(value, 0), text(value, 1)
        return None if number is None or words is None else CodeLine(number, visible_code(words))

    def takes(self, lines: Sequence[CodeLine]) -> bool:
        """True, and counted, if these fit."""
        size = sum(len(line.text.encode()) + 60 for line in lines)
        if size > self._left:
            self.n_left_out += 1
            return False
        self._left -= size
        return True
