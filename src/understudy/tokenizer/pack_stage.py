"""The tokens stage: corpus + tokenizer ──▶ token shards of both splits and their manifest.

documents [──▶ repositories, in dependency order] ──threads: encode, split, lay out──▶ pieces ──▶ rows ──▶ shards

The manifest is written last; a killed run starts again from nothing. Memory holds some hundred documents, a window of
pieces and the open rows, whatever the corpus's size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from understudy.core.errors import InputDataError, Interrupted
from understudy.core.hardware import n_cores
from understudy.core.paths import empty_folder
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs, Metrics, Stage
from understudy.core.tracking import Events
from understudy.core.units import count_text, percent_text
from understudy.formats.corpus import Document, document_sizes, read_documents
from understudy.formats.shard_writer import Piece, ShardWriter, write_manifest
from understudy.formats.shards import Split
from understudy.formats.tokenizer import Tokenizer
from understudy.tokenizer.pieces import PieceSettings, pieces_of
from understudy.tokenizer.repositories import Repository, repositories
from understudy.tokenizer.repository_pieces import repository_pieces
from understudy.tokenizer.rows import fill_rows

DOCUMENTS_AT_ONCE = 32
Item = TypeVar("Item")
MOST_WORKERS = 8  # tiktoken works without Python's lock, the rest holds it: more threads than this only wait


def run(recipe: Recipe, inputs: Inputs, work_dir: Path, events: Events) -> Metrics:
    """Pack both splits; returns the metrics. Raises InputDataError when there is no training text."""
    empty_folder(work_dir)
    corpus, tokenizer = inputs["corpus"].path, Tokenizer.load(inputs["tokenizer"].path)
    phase = recipe.train[0]
    train = PieceSettings(phase.context, recipe.seed, phase.fim.rate, phase.fim.spm)
    valid = PieceSettings(phase.context, recipe.seed, fim_rate=0.0, spm_share=0.0, header_rate=0.0)
    splits = {
        "train": pack(corpus, "train", tokenizer, train, work_dir, events, phase.documents),
        "valid": pack(corpus, "valid", tokenizer, valid, work_dir, events),
    }
    if splits["train"]["n_tokens"] == 0:
        raise InputDataError(
            "the corpus has no text to train on", "understudy show latest   (says why files were dropped)"
        )
    if splits["valid"]["n_rows"] == 0:
        events.warning("there is no held-out text: nothing will be validated", "set data.split.valid higher")
    write_manifest(work_dir, splits, phase.context, tokenizer.vocabulary, inputs["tokenizer"].id)
    return _metrics(splits, phase.context)


def pack(
    corpus: Path,
    split: Split,
    tokenizer: Tokenizer,
    settings: PieceSettings,
    folder: Path,
    events: Events,
    documents: Literal["file", "repository"] = "file",
) -> dict[str, Any]:
    """Write the rows of one split; returns its facts for the manifest."""
    sizes = list(document_sizes(corpus, split))
    read = _pieces_of_files if documents == "file" else _pieces_of_repositories
    pieces = _reported(read(corpus, split, tokenizer, settings, folder), split, sum(sizes), events)
    with ShardWriter(folder, split, settings.context, tokenizer.vocabulary) as writer:
        for row in fill_rows(pieces, settings.capacity):
            writer.write(row)
        facts = writer.close()
    return facts | {"n_documents": len(sizes)}


def _pieces_of_files(
    corpus: Path, split: Split, tokenizer: Tokenizer, settings: PieceSettings, _: Path
) -> Iterator[Piece]:
    """The pieces of all documents in the corpus's order."""

    def encode(batch: list[tuple[int, Document]]) -> list[Piece]:
        return [piece for number, document in batch for piece in pieces_of(tokenizer, number, document, settings)]

    return _encoded(_batches(enumerate(read_documents(corpus, split))), encode)


def _pieces_of_repositories(
    corpus: Path, split: Split, tokenizer: Tokenizer, settings: PieceSettings, folder: Path
) -> Iterator[Piece]:
    """The pieces of all repositories."""

    def encode(repository: Repository) -> list[Piece]:
        return list(repository_pieces(tokenizer, repository, settings))

    return _encoded(repositories(corpus, split, folder / "scratch" / split), encode)


def _encoded(items: Iterable[Item], encode: Callable[[Item], list[Piece]]) -> Iterator[Piece]:
    """The pieces of all items in their order, encoded a few items ahead."""
    n_workers = min(n_cores(), MOST_WORKERS)
    waiting: deque[Future[list[Piece]]] = deque()
    with ThreadPoolExecutor(n_workers, thread_name_prefix="encode") as workers:
        try:
            for item in items:
                waiting.append(workers.submit(encode, item))
                if len(waiting) > 2 * n_workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _batches(numbered: Iterable[tuple[int, Document]]) -> Iterator[list[tuple[int, Document]]]:
    stream = iter(numbered)
    while batch := list(islice(stream, DOCUMENTS_AT_ONCE)):
        yield batch


def _reported(pieces: Iterable[Piece], split: Split, n_bytes: int, events: Events) -> Iterator[Piece]:
    done = 0
    for number, piece in enumerate(pieces):
        yield piece
        done += piece.n_bytes
        if number % 256 == 0:
            events.progress(f"packing {split}", done, n_bytes, "B")
            if events.should_stop:
                raise Interrupted("stopped while packing", "run the same command to continue")
    events.progress(f"packing {split}", n_bytes, n_bytes, "B")


def _metrics(splits: dict[str, dict[str, Any]], context: int) -> Metrics:
    train, valid = splits["train"], splits["valid"]
    fim_fraction = 1 - train["n_by_layout"]["left-to-right"] / max(train["n_pieces"], 1)
    return {
        "summary": f"{count_text(train['n_tokens'])} tokens in {train['n_rows']:,} rows of {context:,}, "
        f"{percent_text(fim_fraction)} of pieces fill-in-the-middle, {percent_text(train['padding_fraction'])} padding",
        "n_tokens": train["n_tokens"],
        "n_rows": train["n_rows"],
        "n_valid_tokens": valid["n_tokens"],
        "padding_fraction": train["padding_fraction"],
        "bytes_per_token": round(train["n_bytes"] / max(train["n_tokens"], 1), 4),
        "fim_fraction": round(fim_fraction, 4),
    }


STAGE = Stage(
    name="tokens",
    kind="tokens",
    version="2",
    reads=("seed", "train.0.documents", "train.0.fim", "train.0.context"),
    needs=("corpus", "tokenizer"),
    run=run,
)
