"""The index of exam texts: which runs of words they have, and how much of a text must be met to call it found.

    tasks ─▶ pieces (statement, solution, test; each also without its comments) ─▶ slots (one for each run of words)
          ─▶ grams (distinct runs) ─▶ table of hashes, filter of bits          built once, read by every worker

A slot is left empty where its run tells nothing: too few real words, or the same run in many tasks of one file (an
import, a test harness). Shares are of the slots that are not empty.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from understudy.core.errors import InputDataError
from understudy.core.paths import write_atomically
from understudy.data.contamination import kernel
from understudy.formats.exams import ROLES, Task

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]

# The rules; measured, see docs/concepts/decontamination.md.
LEAST_WORDS = 13  # in a row: the n-gram rule's n
LEAST_SHARE_OF_A_RUN = 0.2  # of a piece, for so many words in a row to count
LEAST_SHARE = 0.6  # of a piece, wherever its runs stand in the document
LEAST_SLOTS = 3  # of a piece; one with fewer than FEW_SLOTS is found when all of them are
FEW_SLOTS = LEAST_WORDS - kernel.SHINGLE + 1
MAX_TASKS_OF_A_RUN = 5  # in one file of tasks; a run in more of them is the exam's frame
LEAST_REAL_WORDS = 2  # different words with two letters or more, in a run of kernel.SHINGLE
BITS_OF_A_GRAM = 16
ESCAPE = re.compile(rb"\\[nrt]")
WORD = re.compile(rb"[0-9A-Za-z_\x80-\xff]+")
STYLES = (0, kernel.HASH_COMMENTS, kernel.SLASH_COMMENTS)


class Piece(NamedTuple):
    """A text of a task, with the comments of one style left out."""

    task: int
    role: str
    style: int
    hashes: Hashes
    tells: Flags  # for each run, whether it is worth a slot


@dataclass(frozen=True, slots=True)
class Index:
    """The arrays that the kernel reads, and what its pieces are called."""

    bits: Hashes
    keys: Hashes
    values: Numbers
    first_slot: Numbers
    slots: Numbers
    piece_of_slot: Numbers
    least_of_piece: Numbers
    task_of_piece: Numbers
    slots_of_piece: Numbers
    role_of_piece: Numbers
    labels: tuple[str, ...]  # `suite/task`

    @property
    def shift(self) -> int:
        """How far a hash is shifted to give a place in the bits."""
        return 64 - (len(self.bits) * 64).bit_length() + 1

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """The arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "labels"}


def build_index(tasks: Sequence[Task]) -> Index:
    """The index of these tasks. Equal tasks in equal order give equal bytes."""
    labels = tuple(dict.fromkeys(f"{task.suite}/{task.id}" for task in tasks))
    numbers = {label: number for number, label in enumerate(labels)}
    pieces = list(_pieces(tasks, numbers))
    files = [task.file for task in {f"{task.suite}/{task.id}": task for task in tasks}.values()]
    suites = [label.split("/")[0] for label in labels]
    tells = _without_frame(pieces, list(zip(suites, files, strict=True)))
    kept = [number for number, telling in enumerate(tells) if _is_enough(telling)]
    return _laid_out([pieces[number] for number in kept], [tells[number] for number in kept], labels)


def _is_enough(tells: Flags) -> bool:
    """True for a piece that is long enough to be told from chance."""
    return int(tells.sum()) >= LEAST_SLOTS


def _pieces(tasks: Sequence[Task], numbers: dict[str, int]) -> Iterable[Piece]:
    seen: set[tuple[int, bytes]] = set()
    for task in tasks:
        number = numbers[f"{task.suite}/{task.id}"]
        for role in ROLES:
            text = getattr(task, role).encode("utf-8", "replace")
            for style in STYLES:
                piece = _piece(number, role, text, style)
                key = (number, piece.hashes.tobytes())
                if len(piece.hashes) and key not in seen:
                    seen.add(key)
                    yield piece


def _piece(task: int, role: str, text: bytes, style: int) -> Piece:
    room = len(text) // 2 + 2
    word_hashes, hashes, is_comment = np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty(room, np.uint8)
    data = np.frombuffer(text, np.uint8)
    n_words = kernel.words(data, 0, len(data), style, word_hashes, is_comment)
    keep = is_comment[:n_words] == 0 if style else np.ones(n_words, bool)
    kept_hashes = np.ascontiguousarray(word_hashes[:n_words][keep])
    n = kernel.shingles(kept_hashes, len(kept_hashes), hashes)
    found = WORD.findall(ESCAPE.sub(b" ", text))
    is_real = np.array([len(word) > 1 and not word.isdigit() for word in found], bool)[keep]
    return Piece(task, role, style, hashes[:n].copy(), _tells(kept_hashes, is_real))


def _tells(words: Hashes, is_real: Flags) -> Flags:
    """For each run of words whether it has enough different real words; `0 1 2 3 4 5` and `x y a b i j` have none."""
    n_runs = max(0, len(words) - kernel.SHINGLE + 1)
    n_different = np.zeros(n_runs, np.int64)
    for place in range(kernel.SHINGLE):
        is_new = is_real[place : place + n_runs].copy()
        for other in range(place):
            is_new &= words[other : other + n_runs] != words[place : place + n_runs]
        n_different += is_new
    return n_different >= LEAST_REAL_WORDS


def _without_frame(pieces: Sequence[Piece], file_of_task: Sequence[tuple[str, str]]) -> list[Flags]:
    """What each piece's runs tell, less the runs that stand in more than MAX_TASKS_OF_A_RUN tasks of one file."""
    of_task: dict[int, list[Hashes]] = {}
    for piece in pieces:
        of_task.setdefault(piece.task, []).append(piece.hashes)
    of_file: dict[tuple[str, str], list[Hashes]] = {}
    for task, hashes in of_task.items():
        of_file.setdefault(file_of_task[task], []).append(np.unique(np.concatenate(hashes)))
    frame = [np.array([], np.uint64)]
    for hashes in of_file.values():
        runs, n_tasks = np.unique(np.concatenate(hashes), return_counts=True)
        frame.append(runs[n_tasks > MAX_TASKS_OF_A_RUN])
    if not pieces:
        return []
    is_frame = np.isin(np.concatenate([piece.hashes for piece in pieces]), np.concatenate(frame))
    ends = np.cumsum([len(piece.hashes) for piece in pieces])
    return [piece.tells & ~mine for piece, mine in zip(pieces, np.split(is_frame, ends[:-1]), strict=True)]


def _laid_out(pieces: Sequence[Piece], tells: Sequence[Flags], labels: tuple[str, ...]) -> Index:
    lengths = np.array([len(piece.hashes) for piece in pieces], np.int64)
    hashes = np.concatenate([piece.hashes for piece in pieces]) if pieces else np.array([], np.uint64)
    telling = np.concatenate(tells) if pieces else np.array([], bool)
    hashes[hashes == 0] = 1  # 0 is an empty seat of the table
    slots = np.flatnonzero(telling)
    keys, gram_of_slot = np.unique(hashes[slots], return_inverse=True)
    order = np.lexsort((-slots, gram_of_slot))  # by gram, and each gram's slots from the last to the first
    n_of_piece = np.array([int(telling.sum()) for telling in tells], np.int64)
    return Index(
        *_table(keys),
        first_slot=np.concatenate([[0], np.cumsum(np.bincount(gram_of_slot, minlength=len(keys)))]).astype(np.int64),
        slots=slots[order].astype(np.int64),
        piece_of_slot=np.repeat(np.arange(len(pieces), dtype=np.int64), lengths),
        least_of_piece=np.where(n_of_piece < FEW_SLOTS, n_of_piece, np.ceil(n_of_piece * LEAST_SHARE)).astype(np.int64),
        task_of_piece=np.array([piece.task for piece in pieces], np.int64),
        slots_of_piece=n_of_piece,
        role_of_piece=np.array([ROLES.index(piece.role) for piece in pieces], np.int64),
        labels=labels,
    )


def _table(grams: Hashes) -> tuple[Hashes, Hashes, Numbers]:
    """Filter bits, and the hash table at most half full: keys with the number of each, found by linear probing."""
    n_bits = max(1 << 12, 1 << (len(grams) * BITS_OF_A_GRAM).bit_length())
    shift = np.uint64(64 - n_bits.bit_length() + 1)
    bits = np.zeros(n_bits // 64, np.uint64)
    places = grams >> shift
    np.bitwise_or.at(bits, (places >> np.uint64(6)).astype(np.int64), np.uint64(1) << (places & np.uint64(63)))
    size = max(16, 1 << (2 * len(grams)).bit_length())
    keys, values = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    kernel.fill_table(grams, keys, values)
    return bits, keys, values


def save_index(index: Index, path: Path) -> None:
    """Write the index as one file."""
    packed = io.BytesIO()
    arrays: dict[str, Any] = index.arrays()
    np.savez(packed, labels=np.frombuffer(json.dumps(index.labels).encode(), np.uint8), **arrays)
    write_atomically(path, packed.getvalue())


def load_index(path: Path) -> Index:
    """The index in a file. Raises InputDataError for one that is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        labels = tuple(json.loads(arrays.pop("labels").tobytes()))
        return Index(**arrays, labels=labels)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputDataError(
            f"the index of exam texts {path} cannot be read: {error}", "run the same command again; it is made anew"
        ) from None
