"""Which places of the held-out files the exam asks for. Chosen by seed and file, never by how a model does on them.

    left-to-right       rest-of-line   x = compute(|a, b)          everything before the cursor is known
                        next-line      x = compute(a, b)⏎|
    fill-in-the-middle  span           x = compute(|a|, b)         everything before and behind it is known
                        lines          ⏎|one to three whole lines⏎|

Not asked for: blank lines and lone brackets, imports, the comment block a file begins with (licences), truths too short
to be hard or too long for the token limit. Every file has the same chance whatever its length; files take turns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from understudy.eval.results import Mode
from understudy.formats.corpus import Document

Task = Literal["rest-of-line", "next-line", "span", "lines"]

TASKS: dict[Mode, tuple[Task, Task]] = {
    "left-to-right": ("rest-of-line", "next-line"),
    "fill-in-the-middle": ("span", "lines"),
}
MIN_LINE_CHARACTERS = 8  # without indentation; shorter lines are `else:`, `pass`, `})`
MIN_TRUTH_CHARACTERS = 4
MIN_TRUTH_WORD_CHARACTERS = 3  # letters, digits and _ : keeps `):` and `] = {` out
MAX_TRUTH_CHARACTERS_PER_TOKEN = 2.5  # measured on small vocabularies; so that the truth fits into max_tokens
MIN_LINES_BEFORE = 3
MAX_MIDDLE_LINES = 3
MAX_ATTEMPTS_PER_TURN = 20

IMPORT = re.compile(
    r"\s*(?:import\b|from\s+\S+\s+import\b|#\s*include\b|using\b|use\s|require\b|package\s|extern crate\b)"
)
COMMENT_OR_BLANK = re.compile(r"\s*(?:$|#|//|/\*|\*|--|;|<!--|\"\"\"|''')")
# Between words and signs, never after a space.
EDGE = re.compile(r"(?<=\w)(?=[^\w\s])|(?<=[^\w\s])(?=\w)|(?<=\S)(?=\s)")
WORD_CHARACTER = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Item:
    """One question: what stands between `prefix` and `suffix` of this file (`suffix` None: it is not shown)."""

    task_id: str
    mode: Mode
    task: Task
    file_id: str
    repo: str
    path: str
    lang: str
    prefix: str
    suffix: str | None
    truth: str

    @property
    def n_lines(self) -> int:
        """Lines of the truth; a completion is cut to as many."""
        return self.truth.count("\n") + 1


@dataclass(frozen=True, slots=True)
class Lines:
    """A file cut into lines, with the lines that may be asked for."""

    document: Document
    starts: tuple[int, ...]
    texts: tuple[str, ...]
    askable: tuple[int, ...]


def choose_items(
    documents: Sequence[Document], mode: Mode, n_items: int, max_tokens: int, window: int, random: np.random.Generator
) -> list[Item]:
    """Up to `n_items` items of one mode; files take turns in a random order, and the mode's two tasks alternate.

    `window` bounds the characters kept of prefix and suffix; a model's context ends earlier.
    """
    usable = [lines for document in documents if (lines := cut_into_lines(document)).askable]
    order = [usable[position] for position in random.permutation(len(usable))]
    max_characters = int(max_tokens * MAX_TRUTH_CHARACTERS_PER_TOKEN)
    items: list[Item] = []
    taken: set[tuple[str, int]] = set()
    for turn, seat, lines in _turns(order):
        if len(items) == n_items:
            break
        task = TASKS[mode][(turn + seat) % 2]
        item = _ask(lines, mode, task, max_characters, window, taken, random)
        if item is not None:
            items.append(item)
    return items


def _turns(order: Sequence[Lines]) -> Iterator[tuple[int, int, Lines]]:
    """Files in rotation; a file leaves when it has had as many turns as lines that may be asked for."""
    longest = max((len(lines.askable) for lines in order), default=0)
    for turn in range(longest):
        yield from ((turn, seat, lines) for seat, lines in enumerate(order) if turn < len(lines.askable))


def cut_into_lines(document: Document) -> Lines:
    """The file's lines and which of them may be asked for."""
    texts = tuple(document.content.split("\n"))
    starts, position = [], 0
    for text in texts:
        starts.append(position)
        position += len(text) + 1
    header = _header_length(texts)
    first = max(header, MIN_LINES_BEFORE)
    askable = tuple(number for number in range(first, len(texts)) if _is_askable(texts[number]))
    return Lines(document, tuple(starts), texts, askable)


def _header_length(texts: Sequence[str]) -> int:
    """How many lines the comment block at the top has: `#!`, coding lines, licence, blank lines."""
    for number, text in enumerate(texts):
        if not COMMENT_OR_BLANK.match(text):
            return number
    return len(texts)


def _is_askable(text: str) -> bool:
    stripped = text.strip()
    if len(stripped) < MIN_LINE_CHARACTERS or IMPORT.match(text):
        return False
    return len(WORD_CHARACTER.findall(stripped)) >= MIN_TRUTH_WORD_CHARACTERS


def _ask(
    lines: Lines,
    mode: Mode,
    task: Task,
    max_characters: int,
    window: int,
    taken: set[tuple[str, int]],
    random: np.random.Generator,
) -> Item | None:
    """An item at a random place of the file, or None when some tries find no place that is free and fit."""
    for _ in range(MAX_ATTEMPTS_PER_TURN):
        number = lines.askable[int(random.integers(len(lines.askable)))]
        start, end = _place(lines, number, task, random)
        truth = lines.document.content[start:end]
        touched = {(lines.document.id, number + offset) for offset in range(truth.count("\n") + 1)}
        if not touched & taken and _is_fit(truth, max_characters):
            taken |= touched
            return _item(lines.document, mode, task, start, end, window)
    return None


def _place(lines: Lines, number: int, task: Task, random: np.random.Generator) -> tuple[int, int]:
    """Where the truth starts and ends in the file; start == end when the line has no such place."""
    start, text = lines.starts[number], lines.texts[number].rstrip()
    if task == "next-line":
        return start, start + len(text)
    if task == "lines":
        last = min(number + int(random.integers(1, MAX_MIDDLE_LINES + 1)), len(lines.texts)) - 1
        return start, lines.starts[last] + len(lines.texts[last].rstrip())
    indentation = len(text) - len(text.lstrip())
    edges = [match.start() for match in EDGE.finditer(text) if match.start() > indentation]
    if task == "rest-of-line":
        return (start + _pick(edges, random), start + len(text)) if edges else (start, start)
    if len(edges) < 2:
        return start, start
    first, second = sorted(int(position) for position in random.choice(len(edges), 2, replace=False))
    return start + edges[first], start + edges[second]


def _pick(edges: Sequence[int], random: np.random.Generator) -> int:
    return edges[int(random.integers(len(edges)))]


def _is_fit(truth: str, max_characters: int) -> bool:
    """Long enough to be a question, short enough to be answered, first and last line not blank."""
    if not MIN_TRUTH_CHARACTERS <= len(truth.strip()) <= len(truth) <= max_characters:
        return False
    if len(WORD_CHARACTER.findall(truth)) < MIN_TRUTH_WORD_CHARACTERS:
        return False
    return bool(truth.split("\n")[-1].strip())


def _item(document: Document, mode: Mode, task: Task, start: int, end: int, window: int) -> Item:
    text = document.content
    return Item(
        task_id=f"{document.id[:12]}/{task}/{start}-{end}",
        mode=mode,
        task=task,
        file_id=document.id,
        repo=document.repo,
        path=document.path,
        lang=document.lang,
        prefix=text[max(0, start - window) : start],
        suffix=text[end : end + window] if mode == "fill-in-the-middle" else None,
        truth=text[start:end],
    )
