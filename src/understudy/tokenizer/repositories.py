"""Gathers the documents of each repository and puts them in dependency order.

A corpus is sorted by repository and path, so a repository lies in one stretch; where it does not, more is read. One
that is larger than a chunk is cut by path, so that folders stay together; its chunks are ordered each by itself.
Memory: the names of all documents where ranges are made, and one range's text where it is read.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from understudy.formats.corpus import Document, document_places, row_groups
from understudy.formats.shards import Split
from understudy.tokenizer.dependencies import in_dependency_order
from understudy.tokenizer.ranges import Range, Stretch, borders, read_range, touched

CHUNK_BYTES = 16_000_000
RANGE_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository, or a chunk of a large one: its documents in order, each with its number in the split."""

    name: str
    documents: tuple[tuple[int, Document], ...]


@dataclass(frozen=True, slots=True)
class _Chunk:
    stretches: tuple[Stretch, ...]
    n_bytes: int


def repository_ranges(corpus: Path, split: Split) -> list[Range]:
    """The ranges of a split whose documents are packed by repository; no repository's chunk is cut by a border."""
    chunks = list(_chunks(corpus, split))
    groups = row_groups(corpus, split)
    found: list[Range] = []
    for first, last in borders([chunk.n_bytes for chunk in chunks], RANGE_BYTES):
        mine = chunks[first:last]
        needed = touched(groups, [stretch for chunk in mine for stretch in chunk.stretches])
        n_bytes = sum(chunk.n_bytes for chunk in mine)
        found.append(Range(len(found), n_bytes, needed, tuple(chunk.stretches for chunk in mine)))
    return found


def read_repositories(corpus: Path, split: Split, part: Range) -> Iterator[Repository]:
    """The repositories of a range, each document in exactly one."""
    documents = dict(read_range(corpus, split, part))
    for chunk in part.chunks:
        numbered = [(number, documents.pop(number)) for first, last in chunk for number in range(first, last)]
        yield Repository(numbered[0][1].repo, tuple(_in_order(numbered)))


def _chunks(corpus: Path, split: Split) -> Iterator[_Chunk]:
    """What is ordered together: of each repository, in the order of their names, neighbours by path."""
    by_repository: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for number, (repo, path, size) in enumerate(document_places(corpus, split)):
        by_repository[repo].append((path, number, size))
    for name in sorted(by_repository):
        numbers: list[int] = []
        filled = 0
        for _, number, size in sorted(by_repository.pop(name)):
            if filled and filled + size > CHUNK_BYTES:
                yield _Chunk(stretches(numbers), filled)
                numbers, filled = [], 0
            numbers.append(number)
            filled += size
        yield _Chunk(stretches(numbers), filled)


def stretches(numbers: Iterable[int]) -> tuple[Stretch, ...]:
    """The numbers as stretches, in order."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number:
            found[-1][1] += 1
        else:
            found.append([number, number + 1])
    return tuple((first, last) for first, last in found)


def _in_order(numbered: Sequence[tuple[int, Document]]) -> Iterator[tuple[int, Document]]:
    """The documents in dependency order. Two of one path (in two revisions, say) stand together."""
    by_path: dict[str, list[tuple[int, Document]]] = defaultdict(list)
    for number, document in sorted(numbered, key=lambda item: (item[1].path, item[1].id, item[0])):
        by_path[posixpath.normpath(document.path)].append((number, document))
    firsts = [(path, items[0][1].lang, items[0][1].content) for path, items in by_path.items()]
    for place in in_dependency_order(firsts):
        yield from by_path[firsts[place][0]]
