"""Splits a corpus into ranges of about equal size: what one task packs, and what one shard holds.

Where a range ends follows from the corpus alone, never from how many workers there are or where they run; so the same
corpus gives the same shards everywhere.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from understudy.formats.corpus import Document, RowGroup, document_sizes, read_row_groups, row_groups
from understudy.formats.shards import Split

# A process takes half a second to start and encodes some MB meanwhile; and where a shard ends, a row is left unfilled.
LEAST_BYTES = 4_000_000
USUAL_RANGES = 64
MOST_BYTES = 256_000_000

Stretch = tuple[int, int]
"""Documents by number: the first, and the one behind the last."""


@dataclass(frozen=True, slots=True)
class Range:
    """Documents that are packed by one task. `chunks` holds those of each repository, or all of them as one."""

    number: int
    n_bytes: int
    groups: tuple[RowGroup, ...]
    chunks: tuple[tuple[Stretch, ...], ...]


def file_ranges(corpus: Path, split: Split) -> list[Range]:
    """The ranges of a split whose documents are packed each by itself, in their order."""
    sizes = np.fromiter(document_sizes(corpus, split), np.int64)
    groups = row_groups(corpus, split)
    found: list[Range] = []
    for first, last in borders(sizes, MOST_BYTES):
        n_bytes = int(sizes[first:last].sum())
        found.append(Range(len(found), n_bytes, touched(groups, [(first, last)]), (((first, last),),)))
    return found


def n_worth(n_bytes: int) -> int:
    """How many processes are worth starting for so much text."""
    return max(1, n_bytes // LEAST_BYTES)


def borders(sizes: Sequence[int] | np.ndarray, most_bytes: int) -> Iterator[Stretch]:
    """Neighbours of about equal bytes together."""
    ends = np.cumsum(sizes, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    target = min(most_bytes, max(LEAST_BYTES, total // USUAL_RANGES))
    n = max(1, -(-total // target))
    marks = np.searchsorted(ends, [total * number // n for number in range(1, n)], side="left") + 1
    places = sorted({0, *marks.tolist(), len(ends)})
    yield from pairwise(places)


def touched(groups: Sequence[RowGroup], stretches: Sequence[Stretch]) -> tuple[RowGroup, ...]:
    """The row groups that hold documents of these stretches, in order."""
    firsts = [group.first for group in groups]
    wanted: set[int] = set()
    for first, last in stretches:
        if first < last:
            wanted.update(range(bisect_right(firsts, first) - 1, bisect_right(firsts, last - 1)))
    return tuple(groups[number] for number in sorted(wanted))


def read_range(corpus: Path, split: Split, part: Range) -> Iterator[tuple[int, Document]]:
    """Number and document of all that is in a range, in the corpus's order."""
    stretches = sorted(stretch for chunk in part.chunks for stretch in chunk)
    firsts = [first for first, _ in stretches]
    for number, document in read_row_groups(corpus, split, part.groups):
        at = bisect_right(firsts, number) - 1
        if at >= 0 and number < stretches[at][1]:
            yield number, document
        elif number >= stretches[-1][1]:
            return
