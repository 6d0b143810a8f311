"""The lines of a file that show why it was dropped: those around the one that the evidence names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

CONTEXT = 3  # lines on either side of what is marked
MAX_LINES = 9
MAX_CHARACTERS = 180  # of a line; of the rest its length is told
MIN_WORDS = 8  # characters of a quotation that is worth looking for
# "line 12: …", not "longest line 1,204 characters" nor "mean line 103.5 characters"
LINE = re.compile(r"(?<!longest )(?<!mean )(?<![\w-])line (\d+)(?![\d.,])(?:: (.+))?")
SHOWN_BY_LONGEST = frozenset(("long-line", "long-lines", "minified", "encoded", "encoded-blob"))
SHOWN_BY_DIGITS = frozenset(("many-digits",))
SHOWN_BY_COMMONEST = frozenset(("repeated-lines",))


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some lines of a text. `marked` are the numbers of the lines that show it, counting from 1 like `first_line`."""

    first_line: int
    lines: tuple[str, ...]
    marked: tuple[int, ...]
    n_lines: int  # of the whole text

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "first_line": self.first_line,
            "lines": list(self.lines),
            "marked": list(self.marked),
            "n_lines": self.n_lines,
        }


def excerpt(content: str, reason: str = "", evidence: str = "", max_lines: int = MAX_LINES) -> Excerpt:
    """The lines around what the evidence names, or else the first ones."""
    lines = content.split("\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    marked = marked_line(lines, reason, evidence)
    first = max(1, min((marked or 1) - CONTEXT, len(lines) - max_lines + 1))
    shown = lines[first - 1 : first - 1 + max_lines]
    return Excerpt(first, tuple(map(clipped, shown)), (marked,) if marked else (), len(lines))


def marked_line(lines: Sequence[str], reason: str, evidence: str) -> int | None:
    """The number of the line that shows the reason; None where no single line does."""
    named = LINE.search(evidence)
    if named:
        return _near(lines, int(named[1]), named[2] or "")
    if reason in SHOWN_BY_LONGEST:
        return max(range(len(lines)), key=lambda at: len(lines[at])) + 1
    if reason in SHOWN_BY_DIGITS:
        return max(range(len(lines)), key=lambda at: sum(map(str.isdigit, lines[at]))) + 1
    if reason in SHOWN_BY_COMMONEST:
        return _commonest(lines)
    return None


def _near(lines: Sequence[str], number: int, words: str) -> int | None:
    """The named line, or the nearest one with the quoted words: a redaction above may have taken lines away."""
    if len(words.strip()) >= MIN_WORDS:
        found = [at for at, line in enumerate(lines, 1) if words.strip() in line]
        if found:
            return min(found, key=lambda at: abs(at - number))
    return number if 1 <= number <= len(lines) else None


def _commonest(lines: Sequence[str]) -> int | None:
    counts = Counter(line for line in lines if line.strip())
    if not counts:
        return None
    most = max(counts, key=lambda line: (counts[line] - 1) * len(line))
    return lines.index(most) + 1 if counts[most] > 1 else None


def clipped(text: str, limit: int = MAX_CHARACTERS) -> str:
    """The text, its end left out and counted where it is long."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit:,} more characters)"
