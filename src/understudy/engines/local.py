"""The engine that runs our own decoder with PyTorch, on this machine.

One worker thread owns the model and its cache; callers queue requests and wait for chunks. Requests join and leave
between steps, so that nobody waits for a batch to fill or to end.

What is reproducible: a `complete` call that has the engine to itself gives the same tokens every time, because its
prompts are queued at once, in order, and nothing is reused from earlier calls. A request gives the same tokens alone
and in company up to rounding: products of other sizes may round differently (in the last digit: 1e-7 of the value in
fp32, 4e-3 in bf16), which changes a greedy choice only between tokens that tie at that level.

Precision: "auto" is bf16 where the processor multiplies it natively, else fp32. On one Zen 4 core the matrix products
of a token took half the time in bf16. The cache and attention stay in fp32.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import torch

from understudy.core.engine import Capabilities, Chunk, Completion, Prompt, Request, Sampling
from understudy.core.errors import ResourceError
from understudy.engines.batch import Batch
from understudy.engines.generation import Generation, Vocabulary
from understudy.engines.packed import has_fast_bfloat16, pack
from understudy.engines.prefixes import PrefixMemory
from understudy.formats.prompt import prompt_ids
from understudy.formats.tokenizer import Tokenizer
from understudy.formats.usage import ModelUsage
from understudy.model.decoder import Decoder
from understudy.model.hugging_face import read_folder

Precision = Literal["auto", "fp32", "bf16"]


class LocalEngine:
    """A `core.engine.Engine` over one decoder. Close it, or use it in a `with` statement."""

    def __init__(self, decoder: Decoder, tokenizer: Tokenizer, usage: ModelUsage, n_slots: int = 16) -> None:
        self._decoder = decoder.eval()
        self._tokenizer = tokenizer
        self._usage = usage
        self._vocabulary = Vocabulary(
            decode_bytes=tokenizer.decode_bytes,
            ends=frozenset(tokenizer.special[text] for text in usage.stop if text in tokenizer.special),
            size=min(tokenizer.vocabulary, decoder.config.vocabulary),
        )
        self._batch = Batch(decoder, n_slots, PrefixMemory())
        self._wake = threading.Condition()
        self._new: list[Generation] = []
        self._open: dict[str, Generation] = {}
        self._is_closing = False
        self._failure: Exception | None = None
        self._worker = threading.Thread(target=self._work, name="understudy-engine", daemon=True)
        self._worker.start()

    @classmethod
    def open(
        cls, folder: Path, *, n_slots: int = 16, precision: Precision = "auto", threads: int | None = None
    ) -> LocalEngine:
        """The engine for a model folder."""
        if threads is not None:
            torch.set_num_threads(threads)
        is_bfloat = precision == "bf16" or (precision == "auto" and has_fast_bfloat16())
        decoder = read_folder(folder, torch.bfloat16 if is_bfloat else torch.float32)
        pack(decoder)
        return cls(decoder, Tokenizer.load(folder), ModelUsage.read(folder), n_slots)

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, request: Request) -> Iterator[Chunk]:
        """Chunks of one completion as they are made; dropping the iterator stops the work. Thread-safe."""
        generation = self._generation(request.id, request.prompt, request.sampling, is_reusing=True)
        self._queue([generation])
        return self._chunks(generation)

    def abort(self, request_id: str) -> None:
        """Stop a request; it leaves before the next step. An unknown id is no error: it may just have finished."""
        with self._wake:
            generation = self._open.get(request_id)
            if generation is not None:
                generation.is_aborted = True
                self._wake.notify()

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Completions in the order of the prompts; a seed is shifted by each prompt's place."""
        generations = [
            self._generation(uuid4().hex, prompt, _shifted(sampling, place), is_reusing=False)
            for place, prompt in enumerate(prompts)
        ]
        self._queue(generations)
        return [generation.completion() for generation in generations]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; for clients that send prompts as ids. Raises InputDataError for a foreign id."""
        return self._tokenizer.decode(ids)

    def stats(self) -> dict[str, Any]:
        """Counts since the start, and what runs and waits now."""
        with self._wake:
            n_waiting = len(self._new) + len(self._batch.waiting)
        return {
            "is_alive": self._failure is None and self._worker.is_alive(),
            "n_slots": self._batch.n_slots,
            "n_running": self._batch.n_running,
            "n_waiting": n_waiting,
            **asdict(self._batch.counts),
        }

    def capabilities(self) -> Capabilities:
        """The model's name, context and vocabulary."""
        config = self._decoder.config
        has_fim = self._usage.fim_mode is not None
        return Capabilities(self._usage.name, self._context, config.vocabulary, has_fim, logprobs=True)

    def close(self) -> None:
        """Ends what runs with the reason "abort" and stops the worker."""
        with self._wake:
            self._is_closing = True
            for generation in self._open.values():
                generation.is_aborted = True
            self._wake.notify()
        self._worker.join()

    @property
    def _context(self) -> int:
        return min(self._usage.context, self._decoder.config.context)

    def _generation(self, request_id: str, prompt: Prompt, sampling: Sampling, is_reusing: bool) -> Generation:
        # A long prompt keeps at least half of the context, whatever the request wants to have written.
        room = min(sampling.max_tokens, self._context // 2)
        ids = prompt_ids(self._tokenizer, prompt, self._context, room, self._usage)
        max_tokens = max(1, min(sampling.max_tokens, self._context - len(ids)))
        return Generation(request_id, ids, sampling, max_tokens, self._vocabulary, is_reusing)

    def _queue(self, generations: Sequence[Generation]) -> None:
        with self._wake:
            if self._failure is not None:
                raise ResourceError(f"the engine has stopped: {self._failure}") from self._failure
            if self._is_closing:
                raise ResourceError("the engine is closed")
            self._new.extend(generations)
            self._open.update((generation.id, generation) for generation in generations)
            self._wake.notify()

    def _chunks(self, generation: Generation) -> Iterator[Chunk]:
        try:
            yield from generation.chunks()
        finally:
            if not generation.is_finished:
                self.abort(generation.id)

    def _work(self) -> None:
        try:
            with torch.inference_mode():
                while self._take_new():
                    self._batch.step()
                    self._forget_finished()
        except Exception as error:
            self._fail(error)

    def _take_new(self) -> bool:
        """Waits until there is something to do; False when there never will be again."""
        with self._wake:
            while not (self._new or self._batch.has_work or self._is_closing):
                self._wake.wait()
            for generation in self._new:
                self._batch.add(generation)
            self._new.clear()
            return self._batch.has_work or not self._is_closing

    def _forget_finished(self) -> None:
        with self._wake:
            for request_id in [key for key, generation in self._open.items() if generation.is_finished]:
                del self._open[request_id]

    def _fail(self, error: Exception) -> None:
        """Tell everybody who waits; the engine takes no more requests."""
        with self._wake:
            self._failure = error
            told = ResourceError(f"the engine has stopped: {error}")
            told.__cause__ = error
            for generation in self._open.values():
                if not generation.is_finished:
                    generation.fail(told)
            self._open.clear()
            self._new.clear()


def _shifted(sampling: Sampling, place: int) -> Sampling:
    return sampling if sampling.seed is None else replace(sampling, seed=sampling.seed + place)
