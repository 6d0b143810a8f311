"""Reads a corpus's documents a few at a time, in the order they are stored in; what the data stage writes.

corpus/
  train/part-00000.parquet   content, path, repo, revision, lang, licenses, size_bytes, id, redactions, source,
                             commit_time, weight, cluster
  valid/part-….parquet       the same columns: held-out documents
  rejected/part-….parquet    the same, and drop_reason, dropped_by, evidence
  contamination.json         for each exam looked for, how many of its tasks were found and left out
  held_out.jsonl             functions of valid/ that tests of the same repository name
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from understudy.core.errors import InputDataError
from understudy.core.paths import read_json
from understudy.formats.shards import Split

Side = Split | Literal["rejected"]
COLUMNS = ("id", "repo", "path", "lang", "content")
ROWS_AT_ONCE = 64  # files average 10 to 20 kB, so about a megabyte of text is in memory at a time
SIZES_AT_ONCE = 1 << 16
UNKNOWN_LANGUAGE = "unknown"
CONTAMINATION = "contamination.json"
HELD_OUT = "held_out.jsonl"
REMEDY = "understudy up RECIPE   (makes a damaged corpus again)"


@dataclass(frozen=True, slots=True)
class Document:
    """One source file. `id` is the hash of its content."""

    id: str
    repo: str
    path: str
    lang: str
    content: str
    weight: float = 1.0  # how often it is trained on


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A stretch of a split's documents that one read brings in: the first one's number, and how many they are."""

    part: str
    number: int
    first: int
    n_documents: int


def read_documents(corpus: Path, split: Split) -> Iterator[Document]:
    """Every document of a split. Memory: one row group of the corpus at most."""
    for batch in corpus_batches(corpus, split, COLUMNS, ROWS_AT_ONCE):
        yield from map(_document, batch.to_pylist())


def row_groups(corpus: Path, split: Split) -> list[RowGroup]:
    """The stretches that a split is stored in, from the ends of its files alone."""
    found, first = [], 0
    for part in _parts(corpus, split):
        with _damage_named(part), pq.ParquetFile(part) as file:
            for number in range(file.num_row_groups):
                n_documents = file.metadata.row_group(number).num_rows
                found.append(RowGroup(part.name, number, first, n_documents))
                first += n_documents
    return found


def read_row_groups(corpus: Path, split: Split, groups: Sequence[RowGroup]) -> Iterator[tuple[int, Document]]:
    """Number and document of all that is in these stretches. Memory: one of them at most."""
    for group in groups:
        part = corpus / split / group.part
        with _damage_named(part), pq.ParquetFile(part) as file:
            columns = [*COLUMNS, *(name for name in ("weight",) if name in file.schema_arrow.names)]
            number = group.first
            for batch in file.iter_batches(ROWS_AT_ONCE, row_groups=[group.number], columns=columns):
                for row in batch.to_pylist():
                    yield number, _document(row)
                    number += 1


def _document(row: dict[str, Any]) -> Document:
    weight = 1.0 if row.get("weight") is None else row["weight"]
    return Document(**{**row, "lang": row["lang"] or UNKNOWN_LANGUAGE, "weight": weight})


def document_sizes(corpus: Path, split: Split) -> Iterator[int]:
    """The bytes of each document of a split, in the same order, from the size column alone."""
    for batch in corpus_batches(corpus, split, ("size_bytes",), SIZES_AT_ONCE):
        yield from batch.column(0).to_pylist()


def document_places(corpus: Path, split: Split) -> Iterator[tuple[str, str, int]]:
    """Repository, path and bytes of each document of a split, in the same order, without their contents."""
    for batch in corpus_batches(corpus, split, ("repo", "path", "size_bytes"), SIZES_AT_ONCE):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def corpus_batches(corpus: Path, side: Side, columns: Sequence[str], n_rows: int) -> Iterator[pa.RecordBatch]:
    """These columns of all rows of one side, some at a time. Raises InputDataError naming the part that is damaged."""
    for part in _parts(corpus, side):
        with _damage_named(part), pq.ParquetFile(part) as file:
            yield from file.iter_batches(n_rows, columns=list(columns))


def _parts(corpus: Path, side: Side) -> list[Path]:
    return sorted((corpus / side).glob("part-*.parquet"))


@contextmanager
def _damage_named(part: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException, KeyError) as error:
        raise InputDataError(f"{part} of the corpus cannot be read: {error}", REMEDY) from error


@dataclass(frozen=True, slots=True)
class Contamination:
    """What a corpus held of one exam before it was cleaned. The files that held it are not in the corpus."""

    exam: str
    n_tasks: int
    n_tasks_found: int
    n_files: int
    examples: tuple[Mapping[str, str], ...]  # repo, path, evidence


def contamination(corpus: Path) -> dict[str, Contamination]:
    """By exam what was found and left out; an exam that is not there was not looked for."""
    path = corpus / CONTAMINATION
    if not path.exists():
        return {}
    try:
        exams = read_json(path)["exams"]
        return {
            name: Contamination(name, told["n_tasks"], told["n_tasks_found"], told["n_files"], tuple(told["examples"]))
            for name, told in sorted(exams.items())
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputDataError(f"{path} of the corpus cannot be read: {error}", REMEDY) from error


@dataclass(frozen=True, slots=True)
class HeldOutTest:
    """A test that calls a held-out function: a function in a file of the same repository."""

    path: str
    name: str
    side: str  # train or valid: what is in train was seen with the calls, never with the function's body


@dataclass(frozen=True, slots=True)
class HeldOutFunction:
    """A function of a held-out file that tests call. Its body, docstring included, is `content[start:end]` as UTF-8."""

    repo: str
    path: str
    id: str  # of the file's content, as in Document
    name: str  # qualified: Class.method
    first_line: int
    last_line: int
    body_start_byte: int
    body_end_byte: int
    has_docstring: bool
    tests: tuple[HeldOutTest, ...]


def held_out_functions(corpus: Path) -> Iterator[HeldOutFunction]:
    """The held-out functions with their tests, in the order of the corpus; none where the corpus has no such file."""
    path = corpus / HELD_OUT
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                values: dict[str, Any] = json.loads(line)
                tests = tuple(HeldOutTest(**test) for test in values.pop("tests"))
                yield HeldOutFunction(**values, tests=tests)
            except (ValueError, KeyError, TypeError) as error:
                raise InputDataError(f"{path}, line {number} of the corpus cannot be read: {error}", REMEDY) from error
