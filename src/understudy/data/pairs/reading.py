"""The training documents of a corpus, with what a pair's provenance needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from understudy.core.errors import InputDataError
from understudy.data.pairs.asking import Origin

COLUMNS = ["id", "repo", "path", "revision", "lang", "licenses", "content"]
ROWS_AT_ONCE = 64


class TrainingDocument(NamedTuple):
    """A document of the train split."""

    origin: Origin
    content: str


def training_documents(corpus: Path) -> Iterator[TrainingDocument]:
    """Every document of the train split, in its order. What is held out is never read."""
    for part in sorted((corpus / "train").glob("part-*.parquet")):
        try:
            with pq.ParquetFile(part) as file:
                for batch in file.iter_batches(ROWS_AT_ONCE, columns=COLUMNS):
                    yield from map(_document, batch.to_pylist())
        except (OSError, pa.ArrowException, KeyError) as error:
            raise InputDataError(
                f"{part} of the corpus cannot be read: {error}",
                "understudy data RECIPE   (makes a damaged corpus again)",
            ) from error


def _document(row: dict[str, object]) -> TrainingDocument:
    licenses = row["licenses"] or ()
    origin = Origin(
        document=str(row["id"]),
        repo=str(row["repo"]),
        path=str(row["path"]),
        revision=None if row["revision"] is None else str(row["revision"]),
        lang=str(row["lang"] or "unknown"),
        licenses=tuple(map(str, licenses)),  # type: ignore[call-overload]
    )
    return TrainingDocument(origin, str(row["content"] or ""))
