"""Gathers the documents of each repository, which lie anywhere in a corpus, and puts them in dependency order.

corpus ──sizes──▶ chunks ──one pass──▶ a file for each bucket of chunks ──bucket by bucket──▶ Repository

Memory: one bucket's text, whatever the corpus's size. A repository larger than a chunk is cut by path, so that folders
stay together; its chunks are ordered each by itself.
"""

from __future__ import annotations

import json
import posixpath
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import xxhash

from understudy.core.paths import empty_folder
from understudy.formats.corpus import Document, document_places, read_documents
from understudy.formats.shards import Split
from understudy.tokenizer.dependencies import in_dependency_order

CHUNK_BYTES = 16_000_000
BUCKET_BYTES = 64_000_000
MOST_BUCKETS = 256  # files open at once; a corpus over 16 GB gets larger buckets


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository, or a chunk of a large one: its documents in order, each with its number in the split."""

    name: str
    documents: tuple[tuple[int, Document], ...]


def repositories(corpus: Path, split: Split, scratch: Path) -> Iterator[Repository]:
    """Every repository of a split, each document in exactly one. `scratch` holds the text meanwhile."""
    chunks, n_bytes = _chunks(corpus, split)
    n_buckets = max(1, min(MOST_BUCKETS, -(-n_bytes // BUCKET_BYTES)))
    scratch.mkdir(parents=True, exist_ok=True)
    empty_folder(scratch)
    _sort_into(scratch, n_buckets, chunks, corpus, split)
    for number in range(n_buckets):
        yield from _bucket(scratch / f"{number:05d}.jsonl")
    scratch.rmdir()


def _chunks(corpus: Path, split: Split) -> tuple[list[int], int]:
    """The chunk of its repository that each document belongs to, and the bytes of all of them."""
    by_repository: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for number, (repo, path, size) in enumerate(document_places(corpus, split)):
        by_repository[repo].append((path, number, size))
    chunks = [0] * sum(map(len, by_repository.values()))
    total = 0
    for places in by_repository.values():
        chunk, filled = 0, 0
        for _, number, size in sorted(places):
            if filled and filled + size > CHUNK_BYTES:
                chunk, filled = chunk + 1, 0
            chunks[number] = chunk
            filled += size
            total += size
    return chunks, total


def _sort_into(folder: Path, n_buckets: int, chunks: list[int], corpus: Path, split: Split) -> None:
    with ExitStack() as stack:
        files: list[IO[str]] = [
            stack.enter_context((folder / f"{number:05d}.jsonl").open("w", encoding="utf-8"))
            for number in range(n_buckets)
        ]
        for number, document in enumerate(read_documents(corpus, split)):
            key = f"{document.repo}\0{chunks[number]}".encode("utf-8", "surrogatepass")
            row = {"number": number, "chunk": chunks[number], "document": asdict(document)}
            files[xxhash.xxh3_64_intdigest(key) % n_buckets].write(json.dumps(row) + "\n")


def _bucket(path: Path) -> Iterator[Repository]:
    """The repositories of one bucket, by name."""
    groups: dict[tuple[str, int], list[tuple[int, Document]]] = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            document = Document(**row["document"])
            groups[document.repo, row["chunk"]].append((row["number"], document))
    path.unlink()
    for key in sorted(groups):
        yield Repository(key[0], tuple(_in_order(groups.pop(key))))


def _in_order(numbered: list[tuple[int, Document]]) -> Iterator[tuple[int, Document]]:
    """The documents in dependency order. Two of one path (in two revisions, say) stand together."""
    by_path: dict[str, list[tuple[int, Document]]] = defaultdict(list)
    for number, document in sorted(numbered, key=lambda item: (item[1].path, item[1].id, item[0])):
        by_path[posixpath.normpath(document.path)].append((number, document))
    firsts = [(path, items[0][1].lang, items[0][1].content) for path, items in by_path.items()]
    for place in in_dependency_order(firsts):
        yield from by_path[firsts[place][0]]
