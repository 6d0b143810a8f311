"""Token shards: rows of tokens on disk, read by memory map, so that a corpus larger than memory trains.

    tokens/
      train-00000.tokens   rows × (context + 1) token ids, uint16 when the vocabulary allows, else uint32
      train-00000.pieces   one record per piece, in row order: place, document, layout, bytes of text
      train-00000.rows     rows + 1 numbers: the first piece of each row
      train-00001.…        the next shard: any number of rows, written by whoever packed that part of the corpus
      valid-….             the same
      manifest.json        sizes, hashes and counts of all of these

A piece is a stretch of one document that attention does not cross. A row is filled with whole pieces and then padded.
Everything is little-endian. The order in which rows are trained on is not stored: `row_order` is a function of the
seed and the pass, so a resumed run needs no state but its step.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from understudy.core.errors import InputDataError
from understudy.core.paths import hash_file, read_json

MANIFEST = "manifest.json"
MANIFEST_FORMAT = 2
OPEN_SHARDS = 128  # of three files each; systems allow a process about a thousand
PADDING = -1

Split = Literal["train", "valid"]
Tokens = npt.NDArray[np.unsignedinteger[Any]]
Segments = npt.NDArray[np.int32]

LAYOUTS = ("left-to-right", "psm", "spm")
PIECE = np.dtype(
    [
        ("row", "<u8"),  # of its shard
        ("document", "<u8"),  # the number of the document's row in the corpus's split
        ("start", "<u4"),  # first token in the row
        ("length", "<u4"),  # tokens
        ("n_bytes", "<u4"),  # of text, without header and special tokens
        ("n_scored_bytes", "<u4"),  # of text, without the piece's first token, which nothing predicts
        ("layout", "<u4"),  # index into LAYOUTS
    ]
)
ROW = np.dtype("<u8")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its tokens, and for each token the number of its piece within the row, or -1 for padding."""

    tokens: Tokens
    segments: Segments


@dataclass(frozen=True, slots=True)
class Rows:
    """Several rows, stacked: both arrays are rows × (context + 1)."""

    tokens: Tokens
    segments: Segments


def row_order(n_rows: int, seed: int, pass_number: int) -> npt.NDArray[np.int64]:
    """The order of all rows in one pass over them: a permutation that seed and pass alone decide."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, pass_number])))
    return rng.permutation(n_rows)


def token_dtype(vocabulary: int) -> np.dtype[Any]:
    """The smallest type on disk that holds every id."""
    return np.dtype("<u2") if vocabulary <= 1 << 16 else np.dtype("<u4")


def file_record(path: Path, sync: bool = False) -> dict[str, Any]:
    """Size and xxh3-128 of a file, as the manifest keeps them; with `sync` it is on the disk when this returns."""
    return {"size_bytes": path.stat().st_size, "xxh3_128": hash_file(path, sync)}


@dataclass(frozen=True, slots=True)
class _Shard:
    tokens: npt.NDArray[Any]
    pieces: npt.NDArray[np.void]
    starts: npt.NDArray[np.uint64]


class TokenShards:
    """The rows of one split. Rows are read on demand; the maps of the shards used last are held."""

    def __init__(self, folder: Path, split: Split, manifest: dict[str, Any]) -> None:
        facts = manifest["splits"][split]
        self.folder = folder
        self.split = split
        self.facts: dict[str, Any] = facts
        self.n_rows: int = facts["n_rows"]
        self.context: int = manifest["context"]
        self.vocabulary: int = manifest["vocabulary"]
        self.n_tokens: int = facts["n_tokens"]
        self.n_bytes: int = facts["n_bytes"]
        self.tokenizer: str = manifest["tokenizer"]
        self._width = self.context + 1
        self._dtype = np.dtype(manifest["dtype"])
        self._names: list[str] = [shard["name"] for shard in facts["shards"]]
        self._ends = np.cumsum([shard["n_rows"] for shard in facts["shards"]], dtype=np.int64)
        self._shard = lru_cache(maxsize=OPEN_SHARDS)(self._mapped)

    @classmethod
    def open(cls, folder: Path, split: Split, verify: bool = False) -> TokenShards:
        """The rows of `split`. Checks every file's size, and with `verify` its hash (reads everything once).

        Raises InputDataError naming the file that is missing or damaged.
        """
        manifest = _read_manifest(folder)
        if split not in manifest["splits"]:
            raise InputDataError(f"{folder} has no {split} split")
        for name, record in manifest["files"].items():
            if name.startswith(split):
                _check_file(folder / name, record, verify)
        shards = cls(folder, split, manifest)
        if verify:
            shards.check_ids()
        return shards

    def row(self, index: int) -> Row:
        """The row of this number."""
        if not 0 <= index < self.n_rows:
            raise IndexError(f"row {index} of {self.n_rows}")
        shard, place = self._place(index)
        return Row(np.array(shard.tokens[place]), self._segments(index))

    def rows(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> Rows:
        """The rows of these numbers, stacked in this order."""
        picked = [self.row(int(index)) for index in indices]
        return Rows(np.stack([row.tokens for row in picked]), np.stack([row.segments for row in picked]))

    def pieces(self, index: int) -> npt.NDArray[np.void]:
        """The records (dtype `PIECE`) of a row's pieces, from left to right."""
        shard, place = self._place(index)
        return shard.pieces[int(shard.starts[place]) : int(shard.starts[place + 1])]

    @cached_property
    def scored_bytes(self) -> npt.NDArray[np.int64]:
        """For each row the bytes of text that its predictions account for.

        A token is predicted when the token before it is of the same piece; a piece's first token never is, and its
        bytes are not counted. So bits per byte = summed loss over predicted tokens / ln 2 / summed scored bytes. End
        tokens are predicted and stand for no bytes: knowing where a file ends is part of the task.
        """
        totals = np.zeros(self.n_rows, dtype=np.int64)
        for number, end in enumerate(self._ends):
            shard = self._shard(number)
            rows = int(end) - len(shard.tokens) + shard.pieces["row"].astype(np.int64)
            np.add.at(totals, rows, shard.pieces["n_scored_bytes"].astype(np.int64))
        return totals

    def check_ids(self) -> None:
        """Raises InputDataError naming shard and offset of the first id outside the vocabulary. Reads everything."""
        for number, name in enumerate(self._names):
            tokens = self._shard(number).tokens
            for first, block in _blocks(tokens):
                if int(block.max()) >= self.vocabulary:
                    offset = first + int(np.argmax(block.reshape(-1) >= self.vocabulary))
                    raise InputDataError(
                        f"{self.folder / name}.tokens: token {offset} is {int(tokens.reshape(-1)[offset])}, "
                        f"outside the vocabulary of {self.vocabulary}"
                    )

    def _place(self, index: int) -> tuple[_Shard, int]:
        """The shard that a row is in, and its number there."""
        number = int(np.searchsorted(self._ends, index, side="right"))
        shard = self._shard(number)
        return shard, index - int(self._ends[number]) + len(shard.tokens)

    def _mapped(self, number: int) -> _Shard:
        path = self.folder / self._names[number]
        tokens = _map(path.with_suffix(".tokens"), self._dtype).reshape(-1, self._width)
        return _Shard(tokens, _map(path.with_suffix(".pieces"), PIECE), _map(path.with_suffix(".rows"), ROW))

    def _segments(self, index: int) -> Segments:
        segments = np.full(self._width, PADDING, dtype=np.int32)
        lengths = self.pieces(index)["length"].astype(np.int64)
        segments[: int(lengths.sum())] = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        return segments


def _blocks(shard: npt.NDArray[Any], n_rows: int = 4096) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    for start in range(0, len(shard), n_rows):
        yield start * shard.shape[1], np.asarray(shard[start : start + n_rows])


def _map(path: Path, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """The file as a read-only array. An empty file cannot be mapped and is an empty array."""
    if path.stat().st_size == 0:
        return np.empty(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r")


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = dict(read_json(path))
        newer, older = (compare(int(manifest["format"]), MANIFEST_FORMAT) for compare in (operator.gt, operator.lt))
        manifest["splits"], manifest["files"], manifest["context"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"cannot be read ({type(error).__name__}: {error})") from error
    if newer:
        raise InputDataError(f"{path} was written by a newer version of understudy", "pip install --upgrade understudy")
    if older:
        raise _damaged(path, "was written by an older version of understudy")
    return manifest


def _check_file(path: Path, record: dict[str, Any], verify: bool) -> None:
    if not path.is_file():
        raise _damaged(path, "is missing")
    size = path.stat().st_size
    if size != record["size_bytes"]:
        raise _damaged(path, f"has {size} bytes, not {record['size_bytes']}")
    if verify and file_record(path) != record:
        raise _damaged(path, "does not have the content it was written with")


def _damaged(path: Path, what: str) -> InputDataError:
    return InputDataError(f"{path} {what}", "understudy up RECIPE   (packs the corpus again)")
