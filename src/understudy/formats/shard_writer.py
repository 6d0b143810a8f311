"""Writes token shards row by row; holds one row at a time.

A shard counts once `manifest.json` lists it, and that is written last, by the caller, from the facts of all shards that
`ShardWriter.close` returned, whichever processes or machines they come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from understudy.core.errors import InputDataError
from understudy.core.paths import write_json
from understudy.formats.shards import LAYOUTS, MANIFEST, MANIFEST_FORMAT, PIECE, ROW, Split, file_record, token_dtype
from understudy.formats.special_tokens import FIM_PAD, SPECIAL_IDS
from understudy.formats.tokenizer import TokenIds

ENDINGS = ("tokens", "pieces", "rows")
COUNTS = ("n_rows", "n_pieces", "n_tokens", "n_bytes", "n_scored_bytes")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one document as tokens, ready to be put into a row."""

    tokens: TokenIds
    document: int
    layout: int
    n_bytes: int
    n_scored_bytes: int


class ShardWriter:
    """The rows of one shard on their way to disk."""

    def __init__(self, folder: Path, name: str, context: int, vocabulary: int) -> None:
        self._folder, self._name, self._width, self._vocabulary = folder, name, context + 1, vocabulary
        self._dtype = token_dtype(vocabulary)
        self._tokens, self._pieces, self._rows = (path.open("wb") for path in shard_files(folder, name))
        self._rows.write(np.zeros(1, ROW).tobytes())
        self._n_rows = self._n_pieces = self._n_tokens = self._n_bytes = self._n_scored_bytes = 0
        self._n_by_layout = dict.fromkeys(LAYOUTS, 0)

    @property
    def n_rows(self) -> int:
        """Rows written so far."""
        return self._n_rows

    def write(self, pieces: Sequence[Piece]) -> None:
        """Write one row made of these pieces, padded to its width. Raises InputDataError for an id out of range."""
        row = np.full(self._width, SPECIAL_IDS[FIM_PAD], dtype=self._dtype)
        records = []
        start = 0
        for piece in pieces:
            self._check_ids(piece)
            length = len(piece.tokens)
            row[start : start + length] = piece.tokens
            text = (piece.n_bytes, piece.n_scored_bytes, piece.layout)
            records.append((self._n_rows, piece.document, start, length, *text))
            start += length
            self._count(piece)
        self._tokens.write(row.tobytes())
        self._pieces.write(np.array(records, dtype=PIECE).tobytes())
        self._rows.write(np.array(self._n_pieces, ROW).tobytes())
        self._n_rows += 1

    def _count(self, piece: Piece) -> None:
        self._n_pieces += 1
        self._n_tokens += len(piece.tokens)
        self._n_bytes += piece.n_bytes
        self._n_scored_bytes += piece.n_scored_bytes
        self._n_by_layout[LAYOUTS[piece.layout]] += 1

    def _check_ids(self, piece: Piece) -> None:
        if len(piece.tokens) and int(piece.tokens.max()) >= self._vocabulary:
            raise InputDataError(
                f"document {piece.document} has token {int(piece.tokens.max())}, "
                f"outside the vocabulary of {self._vocabulary}"
            )

    def close(self) -> dict[str, Any]:
        """Close the files, which are on the disk then; the facts of this shard for the manifest."""
        self._close_files()
        return {
            "name": self._name,
            "n_rows": self._n_rows,
            "n_pieces": self._n_pieces,
            "n_tokens": self._n_tokens,
            "n_bytes": self._n_bytes,
            "n_scored_bytes": self._n_scored_bytes,
            "n_by_layout": self._n_by_layout,
            "files": {path.name: file_record(path, sync=True) for path in shard_files(self._folder, self._name)},
        }

    def _close_files(self) -> None:
        for file in (self._tokens, self._pieces, self._rows):
            file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_files()


def shard_files(folder: Path, name: str) -> tuple[Path, Path, Path]:
    """The files of a shard: tokens, pieces, rows."""
    tokens, pieces, rows = (folder / f"{name}.{ending}" for ending in ENDINGS)
    return tokens, pieces, rows


def merged(shards: Sequence[dict[str, Any]], context: int) -> dict[str, Any]:
    """The facts of a split made of these shards, in this order."""
    totals = {name: sum(shard[name] for shard in shards) for name in COUNTS}
    n_slots = totals["n_rows"] * (context + 1)
    return totals | {
        "n_by_layout": {name: sum(shard["n_by_layout"][name] for shard in shards) for name in LAYOUTS},
        "padding_fraction": round(1 - totals["n_tokens"] / n_slots, 6) if n_slots else 0.0,
        "shards": [{"name": shard["name"], "n_rows": shard["n_rows"]} for shard in shards],
    }


def write_manifest(
    folder: Path, splits: Mapping[Split, Sequence[dict[str, Any]]], context: int, vocabulary: int, tokenizer: str
) -> dict[str, Any]:
    """Write `manifest.json`, the last step, from the facts of each split's shards; returns it."""
    manifest = {
        "format": MANIFEST_FORMAT,
        "context": context,
        "vocabulary": vocabulary,
        "dtype": token_dtype(vocabulary).str,
        "tokenizer": tokenizer,
        "splits": {split: merged(shards, context) for split, shards in splits.items()},
        "files": {
            name: record for shards in splits.values() for shard in shards for name, record in shard["files"].items()
        },
    }
    write_json(folder / MANIFEST, manifest)
    return manifest
