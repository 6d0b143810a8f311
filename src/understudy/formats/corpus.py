"""Reads a corpus's documents a few at a time, in the order they are stored in; what the data stage writes.

corpus/
  train/part-00000.parquet   content, path, repo, revision, lang, licenses, size_bytes, id, redactions
  valid/part-….parquet       the same columns: held-out documents
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from understudy.core.errors import InputDataError
from understudy.formats.shards import Split

COLUMNS = ("id", "repo", "path", "lang", "content")
ROWS_AT_ONCE = 64  # files average 10 to 20 kB, so about a megabyte of text is in memory at a time
SIZES_AT_ONCE = 1 << 16
UNKNOWN_LANGUAGE = "unknown"


@dataclass(frozen=True, slots=True)
class Document:
    """One source file. `id` is the hash of its content."""

    id: str
    repo: str
    path: str
    lang: str
    content: str


def read_documents(corpus: Path, split: Split) -> Iterator[Document]:
    """Every document of a split. Memory: one row group of the corpus at most."""
    for batch in _batches(corpus, split, COLUMNS, ROWS_AT_ONCE):
        for row in batch.to_pylist():
            yield Document(**{**row, "lang": row["lang"] or UNKNOWN_LANGUAGE})


def document_sizes(corpus: Path, split: Split) -> Iterator[int]:
    """The bytes of each document of a split, in the same order, from the size column alone."""
    for batch in _batches(corpus, split, ("size_bytes",), SIZES_AT_ONCE):
        yield from batch.column(0).to_pylist()


def _batches(corpus: Path, split: Split, columns: Sequence[str], n_rows: int) -> Iterator[pa.RecordBatch]:
    for part in sorted((corpus / split).glob("part-*.parquet")):
        try:
            with pq.ParquetFile(part) as file:
                yield from file.iter_batches(n_rows, columns=list(columns))
        except (OSError, pa.ArrowException, KeyError) as error:
            raise InputDataError(
                f"{part} of the corpus cannot be read: {error}", "understudy up RECIPE   (makes a damaged corpus again)"
            ) from error
