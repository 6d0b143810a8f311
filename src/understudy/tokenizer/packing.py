"""Packs one range of the corpus: a task, which writes its shard itself and whole, wherever it runs.

range ──▶ documents [──▶ repositories] ──encode, split, lay out──▶ pieces ──▶ rows ──▶ shard, and its facts last

Memory holds a row group of the corpus, a window of pieces and the open rows; by repository, the range's text.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import xxhash

from understudy.core.paths import read_json, write_json
from understudy.formats.shard_writer import Piece, ShardWriter, shard_files
from understudy.formats.shards import Split
from understudy.formats.tokenizer import Tokenizer
from understudy.tokenizer.pieces import PieceSettings, pieces_of
from understudy.tokenizer.ranges import Range, read_range
from understudy.tokenizer.repositories import Repository, read_repositories
from understudy.tokenizer.repository_pieces import repository_pieces
from understudy.tokenizer.rows import fill_rows

FACTS = Path("scratch", "ranges")
Documents = Literal["file", "repository"]


@dataclass(frozen=True, slots=True)
class PackOrder:
    """One range and what becomes of it. `inputs` names corpus and tokenizer: what was packed of others is not used."""

    folder: str
    corpus: str
    tokenizer: str
    inputs: str
    split: Split
    documents: Documents
    settings: PieceSettings
    range: Range

    @property
    def name(self) -> str:
        """The shard's name."""
        return f"{self.split}-{self.range.number:05d}"

    @property
    def facts(self) -> Path:
        """The file that says the shard is whole."""
        return Path(self.folder, FACTS, f"{self.name}.json")

    @property
    def key(self) -> str:
        """Changes with all that decides the shard's bytes."""
        told = (self.inputs, self.documents, self.settings, self.range)
        return xxhash.xxh3_128_hexdigest(repr(told).encode())


def pack_range(order: PackOrder) -> int:
    """Write the shard of a range; returns the bytes of text that were packed."""
    folder = Path(order.folder)
    scratch = folder / "scratch" / uuid.uuid4().hex
    scratch.mkdir(parents=True)
    tokenizer = _tokenizer(order.tokenizer)
    try:
        with ShardWriter(scratch, order.name, order.settings.context, tokenizer.vocabulary) as writer:
            for row in fill_rows(_pieces(order, tokenizer), order.settings.capacity):
                writer.write(row)
            facts = writer.close()
        for path in shard_files(scratch, order.name):
            path.replace(folder / path.name)
        write_json(order.facts, facts | {"key": order.key})
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return order.range.n_bytes


def finished(order: PackOrder) -> dict[str, Any] | None:
    """The facts of the shard, if it was packed and lies there whole."""
    try:
        facts: dict[str, Any] = read_json(order.facts)
        if facts.pop("key") != order.key:
            return None
        sizes = {name: record["size_bytes"] for name, record in facts["files"].items()}
        is_whole = all(Path(order.folder, name).stat().st_size == size for name, size in sizes.items())
        return facts if is_whole else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@lru_cache(maxsize=1)
def _tokenizer(folder: str) -> Tokenizer:
    return Tokenizer.load(Path(folder))


def _pieces(order: PackOrder, tokenizer: Tokenizer) -> Iterator[Piece]:
    """The pieces of a range: all documents once, then those that are to come twice, and so on."""
    copy, more = 0, True
    while more:
        more = False
        for item, n_copies in _items(order):
            if n_copies > copy:
                yield from _pieces_of(item, order, tokenizer, copy)
                more |= n_copies > copy + 1
        copy += 1


def _items(order: PackOrder) -> Iterator[tuple[Any, int]]:
    """What is packed as one, and how many times."""
    corpus, seed, weighs = Path(order.corpus), order.settings.seed, order.split == "train"
    if order.documents == "file":
        for number, document in read_range(corpus, order.split, order.range):
            yield (number, document), n_copies(document.weight, document.id, seed) if weighs else 1
    else:
        for repository in read_repositories(corpus, order.split, order.range):
            weight = repository.documents[0][1].weight  # of its source, as are the others'
            yield repository, n_copies(weight, repository.name, seed) if weighs else 1


def _pieces_of(item: Any, order: PackOrder, tokenizer: Tokenizer, copy: int) -> Iterable[Piece]:
    if isinstance(item, Repository):
        return repository_pieces(tokenizer, item, order.settings, copy)
    number, document = item
    return pieces_of(tokenizer, number, document, order.settings, copy)


def n_copies(weight: float, name: str, seed: int) -> int:
    """How often a document of this weight is packed: 2.5 is two times, and for half of all names three times."""
    whole = int(weight)
    share = xxhash.xxh3_64_intdigest(f"{seed}\0{name}".encode("utf-8", "surrogatepass")) / 2**64
    return whole + (share < weight - whole)
