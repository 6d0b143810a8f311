"""The baseline that needs no model: find the place in the training set most like the prompt, copy what stands there.

    training files ──blocks──▶ words ──runs of 8, 4, 2, 1──▶ places that end like the prompt ──rank──▶ copy

A place is ranked by how many words before the cursor agree without a gap, by how many of the wider surroundings'
words it shares, and, when the suffix is known, by how many words behind the cursor agree. Texts found at several places
gain a little. The training set is read once, block by block, with all prompts in hand: memory does not grow with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from understudy.eval.items import MAX_MIDDLE_LINES, Item
from understudy.eval.words import LINE_BREAK, Hashes, Words, runs, words_of

BLOCK_BYTES = 4_000_000  # about 160 MB of memory while it is searched
FILE_SIGN = b"\x01"  # no prompt ends with it, so nothing matches across files
BETWEEN_FILES = b"\n" + FILE_SIGN + b"\n"
RUN_LENGTHS = (8, 4, 2, 1)
MAX_RUN = 16  # agreeing words before the cursor that count
MAX_AFTER = 8  # agreeing words behind it that count
SURROUNDINGS = 48  # words before the cursor that count as surroundings, wherever they stand
MAX_PLACES = 1024  # looked at per prompt and block; evenly spread over the block when there are more
MAX_RANKED = 64
MAX_KEPT = 8  # per prompt and block
MAX_COPY_WORDS = 96
TAIL_BYTES = 2000
# Chosen on training files in the part of held-out ones: ten settings, 800 items. The choice hardly matters: the best
# and the worst setting were 1.6 points of edit similarity apart, those near this one 0.5.
WEIGHT_SURROUNDINGS = 8.0
WEIGHT_AFTER = 1.0
WEIGHT_VOTES = 0.5

Places = NDArray[np.int64]


@dataclass
class Question:
    """A prompt as words, with the best texts found for it so far."""

    before: Hashes
    after: Hashes
    indentation: bytes
    at_line_start: bool
    max_lines: int
    ends: dict[int, int] = field(default_factory=dict)
    found: dict[bytes, list[float]] = field(default_factory=dict)  # text -> [best score, times]

    @classmethod
    def from_item(cls, item: Item) -> Question:
        """The item's prompt as words."""
        tail = item.prefix[-TAIL_BYTES:].encode("utf-8", "surrogatepass")
        head = (item.suffix or "")[:TAIL_BYTES].encode("utf-8", "surrogatepass")
        before = words_of(tail).hashes
        return cls(
            before=before,
            after=words_of(head).hashes[:MAX_AFTER],
            indentation=_indentation(_last_line(tail)),
            at_line_start=tail.endswith(b"\n") or not tail,
            max_lines=MAX_MIDDLE_LINES if item.task == "lines" else 1,
            ends={length: int(runs(before, length)[-1]) for length in RUN_LENGTHS if len(before) >= length},
        )

    def answer(self) -> str:
        """The best text found; empty when nothing in the training set ends like the prompt."""
        if not self.found:
            return ""
        best = max(self.found.items(), key=lambda pair: (pair[1][0] + WEIGHT_VOTES * math.log2(pair[1][1]), pair[0]))
        return best[0].decode("utf-8", "replace")


def copy_nearest(items: Sequence[Item], training: Iterable[bytes]) -> list[str]:
    """For each item the text copied from the place of the training set most like its prompt."""
    questions = [Question.from_item(item) for item in items]
    for block in _blocks(training):
        _search(block, questions)
    return [question.answer() for question in questions]


def _blocks(training: Iterable[bytes]) -> Iterator[bytes]:
    files: list[bytes] = []
    size = 0
    for content in training:
        files.append(content)
        size += len(content)
        if size >= BLOCK_BYTES:
            yield BETWEEN_FILES.join(files)
            files, size = [], 0
    if files:
        yield BETWEEN_FILES.join(files)


def _search(block: bytes, questions: Sequence[Question]) -> None:
    words = words_of(block)
    unanswered = list(range(len(questions)))
    for length in RUN_LENGTHS:
        asking = [number for number in unanswered if length in questions[number].ends]
        places = _places(runs(words.hashes, length), {questions[number].ends[length] for number in asking})
        answered = {number for number in asking if questions[number].ends[length] in places}
        for number in sorted(answered):
            question = questions[number]
            _rank_and_copy(block, words, question, places[question.ends[length]])
        unanswered = [number for number in unanswered if number not in answered]


def _places(ends: Hashes, wanted: set[int]) -> Mapping[int, Places]:
    """For each wanted hash the words of the block where a run of that hash ends."""
    if not wanted:
        return {}
    sought = np.array(sorted(wanted), np.uint64)
    is_near = np.zeros(1 << 16, bool)
    is_near[sought >> np.uint64(48)] = True
    positions = np.flatnonzero(is_near[ends >> np.uint64(48)])
    slots = np.minimum(np.searchsorted(sought, ends[positions]), len(sought) - 1)
    is_equal = sought[slots] == ends[positions]
    positions, slots = positions[is_equal], slots[is_equal]
    order = np.argsort(slots, kind="stable")
    borders = np.searchsorted(slots[order], np.arange(len(sought) + 1))
    return {
        int(sought[slot]): positions[order[borders[slot] : borders[slot + 1]]]
        for slot in range(len(sought))
        if borders[slot] < borders[slot + 1]
    }


def _rank_and_copy(block: bytes, words: Words, question: Question, places: Places) -> None:
    places = places[places + 1 < len(words.hashes)]
    if len(places) > MAX_PLACES:
        places = places[np.linspace(0, len(places) - 1, MAX_PLACES).astype(np.int64)]
    if not len(places):
        return
    run = _agreeing_before(words.hashes, question.before, places)
    best = np.argsort(-run, kind="stable")[:MAX_RANKED]
    places, run = places[best], run[best]
    ends, after = _ends_of_copy(words.hashes, question, places)
    shared = _shared_surroundings(words.hashes, question.before, places)
    scores = run + WEIGHT_SURROUNDINGS * shared + WEIGHT_AFTER * after
    for choice in np.argsort(-scores, kind="stable")[:MAX_KEPT]:
        text = _copy(block, words, question, int(places[choice]), int(ends[choice])).split(FILE_SIGN)[0].rstrip()
        if not text:
            continue
        entry = question.found.setdefault(text, [0.0, 0.0])
        entry[0] = max(entry[0], float(scores[choice]))
        entry[1] += 1


def _agreeing_before(hashes: Hashes, before: Hashes, places: Places) -> Places:
    """How many words up to the cursor agree without a gap, at each place."""
    length = min(MAX_RUN, len(before))
    back = np.arange(length)
    index = places[:, None] - back
    is_equal = (hashes[np.maximum(index, 0)] == before[::-1][:length]) & (index >= 0)
    return np.asarray(np.logical_and.accumulate(is_equal, axis=1).sum(axis=1), np.int64)


def _shared_surroundings(hashes: Hashes, before: Hashes, places: Places) -> NDArray[np.float64]:
    """The share of each place's last words that also stand in the prompt's."""
    index = places[:, None] - np.arange(SURROUNDINGS)
    near = hashes[np.maximum(index, 0)]
    return np.asarray((np.isin(near, before[-SURROUNDINGS:]) & (index >= 0)).mean(axis=1))


def _ends_of_copy(hashes: Hashes, question: Question, places: Places) -> tuple[Places, Places]:
    """For each place the word before which the copy ends, and how many words from there on agree with the suffix.

    The copy ends where the suffix fits best, or else with the last line that may be copied.
    """
    steps = np.arange(1, MAX_COPY_WORDS + 1)
    index = np.minimum(places[:, None] + steps, len(hashes) - 1)
    is_break = hashes[index] == np.uint64(LINE_BREAK)
    n_breaks = np.cumsum(is_break, axis=1)
    is_line_end = (is_break & (n_breaks == question.max_lines)) | (steps == MAX_COPY_WORDS)
    by_line = places + steps[np.argmax(is_line_end, axis=1)]
    if not len(question.after):
        return by_line, np.zeros(len(places), np.int64)
    further = np.minimum(index[:, :, None] + np.arange(len(question.after)), len(hashes) - 1)
    agreeing = np.logical_and.accumulate(hashes[further] == question.after, axis=2).sum(axis=2)
    is_allowed = (n_breaks - is_break < question.max_lines) & (steps > 1)
    if question.max_lines > 1:
        is_allowed &= is_break
    agreeing = np.where(is_allowed, agreeing, 0)
    chosen = np.argmax(agreeing, axis=1)
    best = agreeing[np.arange(len(places)), chosen]
    least = 2 if question.max_lines > 1 else 1  # a line break alone is no agreement
    return np.where(best >= least, places + steps[chosen], by_line), best


def _copy(block: bytes, words: Words, question: Question, place: int, end: int) -> bytes:
    last = min(end, len(words.hashes)) - 1
    stop = int(words.ends[max(last, place)])
    if not question.at_line_start:
        return block[int(words.ends[place]) : stop]
    start = block.rfind(b"\n", 0, int(words.starts[place + 1])) + 1
    return _move(block[start:stop], _indentation(_last_line(block[:start][-TAIL_BYTES:])), question.indentation)


def _move(text: bytes, old: bytes, new: bytes) -> bytes:
    """The lines indented as the prompt is: what they add to the line before them is kept."""
    lines = text.split(b"\n")
    return b"\n".join(new + line[len(old) :] if line.startswith(old) else _outdent(line, old, new) for line in lines)


def _outdent(line: bytes, old: bytes, new: bytes) -> bytes:
    less = len(old) - len(_indentation(line))
    return new[: max(0, len(new) - less)] + line.lstrip(b" \t")


def _last_line(text: bytes) -> bytes:
    """The last line with something on it."""
    for line in reversed(text.split(b"\n")):
        if line.strip():
            return line
    return b""


def _indentation(line: bytes) -> bytes:
    return line[: len(line) - len(line.lstrip(b" \t"))]
