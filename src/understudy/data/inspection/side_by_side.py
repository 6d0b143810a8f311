"""Two texts beside each other, with the lines in which they differ and a few around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from understudy.data.inspection.excerpt import clipped

AROUND = 2  # equal lines shown beside a difference
MAX_LINES = 800  # of each text; the time to compare grows with the square
MAX_ROWS = 36
MAX_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Beside:
    """One row: a line of each text with its number; None where the other has a line that this one lacks.

    `how` is equal, changed, or gap: lines that are left out, for they are equal.
    """

    how: str
    left: tuple[int, str] | None
    right: tuple[int, str] | None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"how": self.how, "left": self.left and list(self.left), "right": self.right and list(self.right)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rows that fit, and in how many lines the texts differ as far as they were compared."""

    rows: tuple[Beside, ...]
    n_changed: int
    is_whole: bool

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rows": [row.as_json() for row in self.rows],
            "n_changed": self.n_changed,
            "is_whole": self.is_whole,
        }


def side_by_side(left: str, right: str) -> Comparison:
    """Both texts compared line by line, without what is equal and far from any difference."""
    one, other = left.split("\n"), right.split("\n")
    is_whole = max(len(one), len(other)) <= MAX_LINES
    one, other = one[:MAX_LINES], other[:MAX_LINES]
    rows = list(_rows(one, other))
    if not rows:  # equal: the first lines stand for all
        rows = [Beside("equal", _line(one, at), _line(other, at)) for at in range(min(len(one), 2 * AROUND))]
    n_changed = sum(row.how == "changed" for row in rows)
    return Comparison(tuple(rows[:MAX_ROWS]), n_changed, is_whole and len(rows) <= MAX_ROWS)


def _rows(one: list[str], other: list[str]) -> Iterator[Beside]:
    groups = SequenceMatcher(None, one, other).get_grouped_opcodes(AROUND)
    for number, group in enumerate(groups):
        if group[0][0] == "equal" and len(group) == 1:
            continue
        if number:
            yield Beside("gap", None, None)
        for tag, start, end, other_start, other_end in group:
            pairs = zip_longest(range(start, end), range(other_start, other_end))
            for a, b in pairs:
                yield Beside("equal" if tag == "equal" else "changed", _line(one, a), _line(other, b))


def _line(lines: list[str], at: int | None) -> tuple[int, str] | None:
    return None if at is None else (at + 1, clipped(lines[at], MAX_CHARACTERS))
