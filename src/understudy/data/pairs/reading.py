"""The training documents of a corpus, with what a pair's provenance needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from understudy.data.pairs.asking import Origin
from understudy.formats.corpus import corpus_batches

COLUMNS = ["id", "repo", "path", "revision", "lang", "licenses", "content"]
ROWS_AT_ONCE = 64


class TrainingDocument(NamedTuple):
    """A document of the train split."""

    origin: Origin
    content: str


def training_documents(corpus: Path) -> Iterator[TrainingDocument]:
    """Every document of the train split, in its order. What is held out is never read."""
    for batch in corpus_batches(corpus, "train", COLUMNS, ROWS_AT_ONCE):
        yield from map(_document, batch.to_pylist())


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
