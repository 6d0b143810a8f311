"""Bits per byte of held-out rows while training: the same rows each time, so that the curve is one curve."""

from __future__ import annotations

import math

from understudy.formats.shards import TokenShards
from understudy.model.training_path import TrainingPath
from understudy.train.batches import micro_batches, spread_rows
from understudy.train.objectives import next_token_nats


class Validation:
    """A fixed choice of held-out rows. Only whole micro-batches, so that compiled layers fit."""

    def __init__(self, shards: TokenShards | None, wanted_rows: int, micro_batch: int) -> None:
        self.shards, self.micro_batch = shards, micro_batch
        n = 0 if shards is None else min(wanted_rows, shards.n_rows)
        whole = n // micro_batch * micro_batch or n
        self.rows = spread_rows(0 if shards is None else shards.n_rows, whole)
        self.n_bytes = 0 if shards is None else int(shards.scored_bytes[self.rows].sum())

    def bits_per_byte(self, path: TrainingPath) -> float | None:
        """Summed loss of the rows in bits over the bytes of text they predict; None when there is nothing held out."""
        if self.shards is None or self.n_bytes == 0:
            return None
        nats = sum(
            next_token_nats(path, tokens_bt, segments_bt)
            for tokens_bt, segments_bt in micro_batches(self.shards, self.rows, self.micro_batch)
        )
        return nats / math.log(2) / self.n_bytes
