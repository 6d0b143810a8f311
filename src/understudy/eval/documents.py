"""The held-out files an exam is made from, and the training files a baseline may copy from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from understudy.core.errors import InputDataError

BATCH_ROWS = 64  # files average 10 to 20 kB, so about a megabyte of text is in memory at a time
UNKNOWN_LANGUAGE = "unknown"


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the corpus. `id` is the hash of its content."""

    id: str
    repo: str
    path: str
    lang: str
    content: str


def held_out(corpus: Path, random: np.random.Generator, max_files: int, max_bytes: int) -> list[Document]:
    """Held-out files in the order of the corpus: all of them, or a random choice within both limits.

    Sizes are read first and contents only of what was chosen, so that a large corpus costs no more than a small one.
    """
    files = _parts(corpus, "valid")
    sizes = [size for part in files for size in _column(part, "size_bytes")]
    chosen: set[int] = set()
    budget = max_bytes
    for position in random.permutation(len(sizes)):
        if len(chosen) == max_files or (chosen and sizes[position] > budget):
            break
        chosen.add(int(position))
        budget -= sizes[position]
    return [document for position, document in enumerate(_read(files)) if position in chosen]


def training_text(corpus: Path, max_bytes: int) -> Iterator[bytes]:
    """The training files' contents as UTF-8, in the order of the corpus, until `max_bytes` are spent.

    From a larger corpus every k-th file is taken, so that all of its repositories take part.
    """
    files = _parts(corpus, "train")
    total = sum(sum(_column(part, "size_bytes")) for part in files)
    every = -(-total // max_bytes) if max_bytes > 0 else 1
    for position, document in enumerate(_read(files)):
        if position % max(1, every) == 0:
            yield document.content.encode("utf-8", "surrogatepass")


def _parts(corpus: Path, split: str) -> list[Path]:
    return sorted((corpus / split).glob("part-*.parquet"))


def _column(part: Path, name: str) -> list[int]:
    try:
        return [int(value) for value in pq.read_table(part, columns=[name])[name].to_pylist()]
    except (pa.ArrowException, OSError, KeyError) as error:
        raise _unreadable(part, error) from error


def _read(parts: Sequence[Path]) -> Iterator[Document]:
    for part in parts:
        try:
            with pq.ParquetFile(part) as file:
                for batch in file.iter_batches(BATCH_ROWS, columns=["id", "repo", "path", "lang", "content"]):
                    for row in batch.to_pylist():
                        yield Document(**{**row, "lang": row["lang"] or UNKNOWN_LANGUAGE})
        except (pa.ArrowException, OSError, KeyError) as error:
            raise _unreadable(part, error) from error


def _unreadable(part: Path, error: Exception) -> InputDataError:
    return InputDataError(f"{part} of the corpus cannot be read: {error}", "understudy up RECIPE --from data")
