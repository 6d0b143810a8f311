"""Reads a corpus's documents a few at a time, in the order they are stored in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from understudy.core.errors import InputDataError
from understudy.formats.shards import Split

COLUMNS = ("content", "path", "lang", "id")
ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Document:
    """One source file. `number` is its place among all documents of its split."""

    number: int
    id: str
    path: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class SplitSize:
    """How much a split holds."""

    n_documents: int
    n_bytes: int


def read_documents(corpus: Path, split: Split) -> Iterator[Document]:
    """Every document of a split. Memory: one row group of the corpus at most."""
    number = 0
    for part in _parts(corpus, split):
        for batch in _batches(part, COLUMNS):
            for row in batch.to_pylist():
                yield Document(number, row["id"], row["path"], row["lang"] or "unknown", row["content"])
                number += 1


def measure(corpus: Path, split: Split) -> SplitSize:
    """The number of documents and their bytes of text, from the size column alone."""
    n_documents = n_bytes = 0
    for part in _parts(corpus, split):
        for batch in _batches(part, ("size_bytes",)):
            n_documents += batch.num_rows
            n_bytes += sum(batch.column(0).to_pylist())
    return SplitSize(n_documents, n_bytes)


def _parts(corpus: Path, split: Split) -> list[Path]:
    return sorted((corpus / split).glob("part-*.parquet"))


def _batches(part: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(part) as file:
            yield from file.iter_batches(batch_size=ROWS_AT_ONCE, columns=list(columns))
    except (OSError, pa.ArrowException, KeyError) as error:
        raise InputDataError(
            f"{part} cannot be read: {error}", "understudy up RECIPE   (makes a damaged corpus again)"
        ) from error
