"""The engine's loop, one step at a time: let requests in, read one piece of a prompt, make one token for each row.

    waiting ─▶ reading (one at a time, a piece of its prompt per step) ─▶ decoding (all together) ─▶ gone

Requests join and leave between steps. The rows of the cache in use are always the first ones, without gaps, so that a
step reads and writes it in place: a row that leaves is filled by the last one. An aborted request leaves before the
next step.

Letters: b batch, v vocabulary.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from understudy.engines.generation import Generation
from understudy.engines.prefixes import PrefixMemory
from understudy.model.cache import Cache
from understudy.model.decoder import Decoder

PROMPT_PIECE = 256  # tokens read between two steps of the others: about 0.1 s for 30M parameters on two cores


@dataclass
class Counts:
    """What the engine has done since it started."""

    n_requests: int = 0
    n_finished: int = 0
    n_aborted: int = 0
    n_prompt_tokens: int = 0
    n_reused_tokens: int = 0
    n_completion_tokens: int = 0
    n_steps: int = 0


class CacheRows(Cache):
    """Some rows of another cache, written in place."""

    def __init__(self, cache: Cache, start: int, lengths: Sequence[int]) -> None:
        rows = slice(start, start + len(lengths))
        self.capacity = cache.capacity
        self.keys = [keys[rows] for keys in cache.keys]
        self.values = [values[rows] for values in cache.values]
        self.lengths_b = torch.tensor(lengths, dtype=torch.int64)


class Batch:
    """All requests of one engine. Only its worker thread may touch it."""

    def __init__(self, decoder: Decoder, n_slots: int, memory: PrefixMemory) -> None:
        self.n_slots = n_slots
        self.counts = Counts()
        self.waiting: deque[Generation] = deque()
        self._decoder = decoder
        self._memory = memory
        self._cache = Cache(decoder.config, n_slots)  # fp32 whatever the weights are: see cached_attention
        self._rows: list[Generation] = []  # row i of the cache; the one being read, if any, is the last
        self._reading: Generation | None = None

    @property
    def n_running(self) -> int:
        """Requests in the cache, the one being read included."""
        return len(self._rows)

    @property
    def has_work(self) -> bool:
        """Whether a step would do anything."""
        return bool(self._rows or self.waiting)

    def add(self, generation: Generation) -> None:
        """Queue a request."""
        self.waiting.append(generation)
        self.counts.n_requests += 1
        self.counts.n_prompt_tokens += len(generation.prompt_tokens)

    def step(self) -> None:
        """One turn of the loop."""
        self._drop_aborted()
        if self._reading is None and self.waiting and len(self._rows) < self.n_slots:
            self._let_in(self.waiting.popleft())
        if self._reading is not None:
            self._read(self._reading)
        self._decode()
        self.counts.n_steps += 1

    def fail(self, error: Exception) -> None:
        """End everything with an error."""
        for generation in (*self._rows, *self.waiting):
            generation.fail(error)
        self._rows, self._reading = [], None
        self.waiting.clear()

    def _drop_aborted(self) -> None:
        for row in reversed(range(len(self._rows))):
            if self._rows[row].is_aborted:
                self._rows[row].finish("abort")
                self._leave(row)
        for generation in [g for g in self.waiting if g.is_aborted]:
            self.waiting.remove(generation)
            self.counts.n_aborted += 1
            generation.finish("abort")

    def _let_in(self, generation: Generation) -> None:
        row = len(self._rows)
        self._rows.append(generation)
        self._reading = generation
        if generation.is_reusing:
            generation.n_cached = self._memory.restore(generation.prompt_tokens, self._cache, row)
            self.counts.n_reused_tokens += generation.n_cached

    def _read(self, generation: Generation) -> None:
        row = len(self._rows) - 1
        piece = generation.tokens[generation.n_cached : generation.n_cached + PROMPT_PIECE]
        scores_bv = self._forward([piece], row)
        if generation.n_unread == 0:
            self._reading = None
            self._choose(scores_bv, row)

    def _decode(self) -> None:
        n_rows = len(self._rows) - (self._reading is not None)
        # A row that was read in this very step has its next token already and joins here at once.
        if n_rows > 0:
            scores_bv = self._forward([generation.tokens[-1:] for generation in self._rows[:n_rows]], 0)
            self._choose(scores_bv, 0)

    def _forward(self, tokens: list[list[int]], first_row: int) -> Tensor:
        """Scores of the next token of each row, (b, v); the rows have then read `tokens`."""
        rows = self._rows[first_row : first_row + len(tokens)]
        cache = CacheRows(self._cache, first_row, [generation.n_cached for generation in rows])
        scores_bv = self._decoder.forward_cached(torch.tensor(tokens), cache)
        for generation, new in zip(rows, tokens, strict=True):
            generation.n_cached += len(new)
        return scores_bv

    def _choose(self, scores_bv: Tensor, first_row: int) -> None:
        # Ids beyond the tokenizer's exist only to round up the table.
        usable_bv = scores_bv[:, : self._rows[first_row].vocabulary.size].float()
        totals_b = usable_bv.logsumexp(-1).tolist()
        best_b = usable_bv.argmax(-1).tolist()
        scores = usable_bv.numpy()
        for offset in reversed(range(len(scores))):
            generation = self._rows[first_row + offset]
            chooser = generation.chooser
            token = best_b[offset] if chooser.is_greedy else chooser.choose(scores[offset])
            generation.accept(token, float(scores[offset, token]) - totals_b[offset])
            self.counts.n_completion_tokens += 1
            if generation.is_finished:
                self._leave(first_row + offset)

    def _leave(self, row: int) -> None:
        generation = self._rows[row]
        if generation.is_reusing:
            self._memory.remember(generation.tokens[: generation.n_cached], self._cache, row)
        self.counts.n_finished += not generation.is_aborted
        self.counts.n_aborted += generation.is_aborted
        if generation is self._reading:
            self._reading = None
        # The decoding rows close the gap first, then the one being read, so that it stays behind them.
        last_decoding = len(self._rows) - 1 - (self._reading is not None)
        if row < last_decoding:
            self._move(last_decoding, row)
            row = last_decoding
        if row < len(self._rows) - 1:
            self._move(len(self._rows) - 1, row)
        self._rows.pop()

    def _move(self, source: int, target: int) -> None:
        generation = self._rows[source]
        n = generation.n_cached
        for tensor in (*self._cache.keys, *self._cache.values):
            tensor[target, :, :n] = tensor[source, :, :n]
        self._rows[target] = generation
