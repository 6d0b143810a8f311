"""How fast this machine multiplies matrices, and how fast it trains a shape: what the plan's hours are made of."""

from __future__ import annotations

import gc
import time
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from understudy.model.allocator import keep_freed_memory
from understudy.model.config import DecoderConfig
from understudy.model.initial import random_decoder
from understudy.model.training_path import DTYPES, Precision, TrainingPath, peak_bytes, reset_peak

CEILING_SIZE = {"cpu": 1024, "cuda": 8192}  # large enough to reach the peak, small enough to stay in the caches
CEILING_SECONDS = 0.5
STEP_SECONDS = 2.5


class StepRate(NamedTuple):
    """What a few real micro-batches reached: tokens per second, and the process's peak memory while they ran."""

    tokens_per_second: float
    peak_memory_bytes: int


def matmul_ceiling(dtype: torch.dtype, device: torch.device | str = "cpu") -> float:
    """FLOP/s of the best of repeated square matrix products, in about half a second: what "100 %" means here."""
    place = torch.device(device)
    size = CEILING_SIZE["cuda" if place.type == "cuda" else "cpu"]
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(size, size, generator=generator).to(place, dtype) for _ in range(2))
    best, deadline = float("inf"), time.perf_counter() + CEILING_SECONDS
    while time.perf_counter() < deadline:
        start = time.perf_counter()
        a @ b
        if place.type == "cuda":
            torch.cuda.synchronize(place)
        best = min(best, time.perf_counter() - start)
    return 2.0 * size**3 / best


def measure_step(
    config: DecoderConfig,
    micro_batch: int,
    context: int,
    precision: Precision,
    compiled: bool,
    device: torch.device | str = "cpu",
) -> StepRate:
    """Tokens per second of forward and backward passes as the trainer runs them, on random tokens, in a few seconds.

    Compiling comes on top (5 to 20 s), once: the compiled layers are kept on disk and training starts with them.
    The optimizer is not in it. The median of the micro-batches is taken: a hiccup of the machine should not count.
    """
    keep_freed_memory()
    gc.collect()
    place = torch.device(device)
    reset_peak(place)
    path = TrainingPath(random_decoder(config, 0, DTYPES[precision]).to(place), compiled)
    tokens_bt = _random_tokens(config.vocabulary, micro_batch, context).to(place)
    segments_bt = torch.zeros_like(tokens_bt)
    for _ in range(2):  # the first compiles, the second fills the allocator
        _micro_batch(path, tokens_bt, segments_bt)
    seconds: list[float] = []
    deadline = time.perf_counter() + STEP_SECONDS
    while len(seconds) < 3 or time.perf_counter() < deadline:
        start = time.perf_counter()
        _micro_batch(path, tokens_bt, segments_bt)
        seconds.append(time.perf_counter() - start)
    return StepRate(micro_batch * context / median(seconds), peak_bytes(place))


def _micro_batch(path: TrainingPath, tokens_bt: Tensor, segments_bt: Tensor) -> None:
    path.loss(tokens_bt, segments_bt).backward()  # type: ignore[no-untyped-call]
    for parameter in path.decoder.parameters():
        parameter.grad = None
    if path.device.type == "cuda":
        torch.cuda.synchronize(path.device)


def _random_tokens(vocabulary: int, micro_batch: int, context: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, vocabulary, (micro_batch, context + 1), generator=generator)
