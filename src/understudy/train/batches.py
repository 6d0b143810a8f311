"""Which rows each step reads. A batch is a function of the seed and the step; there is no position to save or lose."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from understudy.core.errors import InputDataError
from understudy.formats.shards import TokenShards, row_order

MicroBatch = tuple[Tensor, Tensor]
"""Tokens and segments, both (rows, context + 1)."""


class Batches:
    """The rows of every step, in micro-batches. Passes over the data follow each other without a break."""

    def __init__(self, shards: TokenShards, seed: int, batch_rows: int, micro_batch: int) -> None:
        self.shards, self.seed = shards, seed
        self.batch_rows, self.micro_batch = batch_rows, micro_batch
        self._order = lru_cache(maxsize=2)(lambda number: row_order(shards.n_rows, seed, number))

    def rows_of(self, step: int) -> npt.NDArray[np.int64]:
        """The numbers of the rows of this step."""
        places = np.arange(step * self.batch_rows, (step + 1) * self.batch_rows)
        passes, within = np.divmod(places, self.shards.n_rows)
        return np.array([self._order(int(p))[w] for p, w in zip(passes, within, strict=True)], dtype=np.int64)

    def step(self, step: int) -> list[MicroBatch]:
        """The micro-batches of this step."""
        return list(micro_batches(self.shards, self.rows_of(step), self.micro_batch))


def micro_batches(shards: TokenShards, rows: npt.NDArray[np.int64], micro_batch: int) -> Iterator[MicroBatch]:
    """Rows as tensors, `micro_batch` at a time; the last may be smaller. Raises InputDataError for an impossible id."""
    for start in range(0, len(rows), micro_batch):
        picked = shards.rows(rows[start : start + micro_batch])
        if int(picked.tokens.max()) >= shards.vocabulary:
            bad = int(rows[start + int(np.argmax(picked.tokens.max(axis=1) >= shards.vocabulary))])
            raise InputDataError(
                f"row {bad} of the {shards.split} shards in {shards.folder} holds token id {int(picked.tokens.max())}, "
                f"outside the vocabulary of {shards.vocabulary}",
                "understudy up RECIPE   (packs the corpus again)",
            )
        yield torch.from_numpy(picked.tokens.astype(np.int64)), torch.from_numpy(picked.segments.astype(np.int64))


def spread_rows(n_rows: int, wanted: int) -> npt.NDArray[np.int64]:
    """`wanted` row numbers, or all there are, spread evenly over the shards: the same ones every time."""
    n = min(n_rows, wanted)
    return (np.arange(n) * n_rows // max(n, 1)).astype(np.int64)
