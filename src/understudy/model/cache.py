"""Keys and values of the tokens already read, one row per sequence, so that each new token costs one step.

Rows may have different lengths: a batch of completions is decoded together, and a finished row leaves without the
others noticing.

Letters: b batch, k key-value heads, s capacity in tokens, d head width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from understudy.core.errors import InputDataError
from understudy.model.config import DecoderConfig


class Cache:
    """Keys and values per layer, (b, k, s, d), and how many tokens of each row are filled, `lengths_b`."""

    def __init__(
        self,
        config: DecoderConfig,
        batch: int,
        capacity: int | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self.capacity = config.context if capacity is None else capacity
        shape = (batch, config.kv_heads, self.capacity, config.head_dim)
        self.keys = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(config.layers)]
        self.values = [torch.zeros(shape, dtype=dtype, device=device) for _ in range(config.layers)]
        self.lengths_b = torch.zeros(batch, dtype=torch.int64, device=device)

    @property
    def batch(self) -> int:
        return int(self.lengths_b.shape[0])

    @property
    def longest(self) -> int:
        """The length of the longest row."""
        return int(self.lengths_b.max()) if self.batch else 0

    def check_room(self, n_tokens: int) -> None:
        """Raises InputDataError when `n_tokens` more would not fit into every row."""
        if self.longest + n_tokens > self.capacity:
            raise InputDataError(f"{self.longest + n_tokens} tokens do not fit into a cache of {self.capacity}")

    def write(self, layer: int, k_bktd: Tensor, v_bktd: Tensor) -> None:
        """Put the new tokens behind each row's end; `advance` makes them count once every layer has written."""
        n_time = k_bktd.shape[2]
        if self.batch == 1:  # one slice instead of a scatter: the common case of an editor waiting for one line
            start = int(self.lengths_b[0])
            self.keys[layer][:, :, start : start + n_time] = k_bktd
            self.values[layer][:, :, start : start + n_time] = v_bktd
            return
        rows = torch.arange(self.batch, device=k_bktd.device)[:, None]
        positions = self.lengths_b[:, None] + torch.arange(n_time, device=k_bktd.device)
        dtype = self.keys[layer].dtype  # a cache may be kept in another precision than the model
        self.keys[layer][rows, :, positions] = k_bktd.transpose(1, 2).to(dtype)
        self.values[layer][rows, :, positions] = v_bktd.transpose(1, 2).to(dtype)

    def advance(self, lengths_b: Tensor) -> None:
        """Count `lengths_b` more tokens of each row as filled; what was written behind them is overwritten later."""
        self.lengths_b = self.lengths_b + lengths_b

    def select(self, rows: Sequence[int]) -> Cache:
        """A cache of these rows only, in this order; repeated rows are copied, which is how a prompt is shared."""
        index = torch.tensor(list(rows), dtype=torch.int64, device=self.lengths_b.device)
        return self._with([k[index] for k in self.keys], [v[index] for v in self.values], self.lengths_b[index])

    def join(self, other: Cache) -> Cache:
        """A cache of these rows followed by another's."""
        keys = [torch.cat((a, b)) for a, b in zip(self.keys, other.keys, strict=True)]
        values = [torch.cat((a, b)) for a, b in zip(self.values, other.values, strict=True)]
        return self._with(keys, values, torch.cat((self.lengths_b, other.lengths_b)))

    def truncate(self, row: int, length: int) -> None:
        """Forget what lies behind the first `length` tokens of a row: how a shared prefix is kept between requests."""
        self.lengths_b = self.lengths_b.clone()
        self.lengths_b[row] = min(length, int(self.lengths_b[row]))

    def _with(self, keys: list[Tensor], values: list[Tensor], lengths_b: Tensor) -> Cache:
        other = object.__new__(Cache)
        other.capacity, other.keys, other.values, other.lengths_b = self.capacity, keys, values, lengths_b
        return other
