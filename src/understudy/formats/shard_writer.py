"""Writes token shards row by row; holds one row at a time.

The files carry their final names from the start: they count only once `manifest.json` lists them, and that is written
last, by the caller, from the facts `ShardWriter.close` returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from understudy.core.errors import InputDataError
from understudy.core.paths import write_json
from understudy.formats.shards import LAYOUTS, MANIFEST, MANIFEST_FORMAT, PIECE, ROW, Split, file_record, token_dtype
from understudy.formats.special_tokens import FIM_PAD, SPECIAL_IDS
from understudy.formats.tokenizer import TokenIds

ROWS_PER_SHARD = 1 << 17  # at a context of 2048 and two bytes a token: 512 MB a file


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one document as tokens, ready to be put into a row."""

    tokens: TokenIds
    document: int
    layout: int
    n_bytes: int
    n_scored_bytes: int


class ShardWriter:
    """The rows of one split on their way to disk."""

    def __init__(
        self, folder: Path, split: Split, context: int, vocabulary: int, rows_per_shard: int = ROWS_PER_SHARD
    ) -> None:
        self._folder, self._split, self._width, self._vocabulary = folder, split, context + 1, vocabulary
        self._rows_per_shard = rows_per_shard
        self._dtype = token_dtype(vocabulary)
        self._shards: list[str] = []
        self._shard: BinaryIO | None = None
        self._pieces: BinaryIO = (folder / f"{split}.pieces").open("wb")
        self._rows: BinaryIO = (folder / f"{split}.rows").open("wb")
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
        self._open_shard().write(row.tobytes())
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

    def _open_shard(self) -> BinaryIO:
        if self._shard is None or self._n_rows % self._rows_per_shard == 0:
            if self._shard is not None:
                self._shard.close()
            self._shards.append(f"{self._split}-{len(self._shards):05d}.tokens")
            self._shard = (self._folder / self._shards[-1]).open("wb")
        return self._shard

    def close(self) -> dict[str, Any]:
        """Close the files; the facts of this split for the manifest."""
        for file in (self._shard, self._pieces, self._rows):
            if file is not None:
                file.close()
        n_slots = self._n_rows * self._width
        return {
            "n_rows": self._n_rows,
            "n_pieces": self._n_pieces,
            "n_tokens": self._n_tokens,
            "n_bytes": self._n_bytes,
            "n_scored_bytes": self._n_scored_bytes,
            "n_by_layout": self._n_by_layout,
            "padding_fraction": round(1 - self._n_tokens / n_slots, 6) if n_slots else 0.0,
            "shards": self._shards,
            "pieces": f"{self._split}.pieces",
            "rows": f"{self._split}.rows",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def write_manifest(
    folder: Path,
    splits: dict[str, dict[str, Any]],
    context: int,
    vocabulary: int,
    tokenizer: str,
    rows_per_shard: int = ROWS_PER_SHARD,
    **facts: Any,
) -> dict[str, Any]:
    """Hash the files of all splits and write `manifest.json`, the last step; returns it."""
    names = [name for split in splits.values() for name in (*split["shards"], split["pieces"], split["rows"])]
    manifest = {
        "format": MANIFEST_FORMAT,
        "context": context,
        "vocabulary": vocabulary,
        "dtype": token_dtype(vocabulary).str,
        "rows_per_shard": rows_per_shard,
        "tokenizer": tokenizer,
        "splits": splits,
        "files": {name: file_record(folder / name) for name in names},
        **facts,
    }
    write_json(folder / MANIFEST, manifest)
    return manifest
