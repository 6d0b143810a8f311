"""Forward and backward pass of a micro-batch, as the trainer runs it and as the plan's probe measures it.

Each layer is compiled on its own: all layers share one graph, so a deep model starts as fast as a shallow one.
"""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from understudy.core.hardware import peak_memory_bytes, reset_peak_memory
from understudy.model.decoder import Decoder
from understudy.model.loss import chunked_loss, gradient_of_scores, targets_of

Precision = Literal["bf16", "fp32"]
DTYPES: dict[Precision, torch.dtype] = {"bf16": torch.bfloat16, "fp32": torch.float32}


def can_compile() -> bool:
    """Whether torch finds what it needs to compile for the CPU: a C++ compiler, and Python's own headers."""
    from torch._inductor.config import cpp

    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        return False
    names = cpp.cxx if isinstance(cpp.cxx, (tuple, list)) else (cpp.cxx,)
    return any(name and shutil.which(name) for name in (*names, "g++", "clang++"))


def reset_peak(device: torch.device) -> None:
    """Start a new measurement of peak memory."""
    reset_peak_memory()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: torch.device) -> int:
    """Most memory used since `reset_peak`: the GPU's where one computes, else this process's."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory_bytes()


class TrainingPath:
    """A decoder ready for training steps, its layers compiled or not."""

    def __init__(self, decoder: Decoder, compiled: bool) -> None:
        self.decoder, self.compiled = decoder, compiled
        self.score_gradient: Any = gradient_of_scores
        if compiled:
            for layer in decoder.layers:
                layer.compile(dynamic=False)
            self.score_gradient = torch.compile(gradient_of_scores, dynamic=False)

    @property
    def device(self) -> torch.device:
        return self.decoder.device

    def loss(self, tokens_bt: Tensor, segments_bt: Tensor) -> Tensor:
        """Summed loss in nats of rows of context + 1 tokens, to be differentiated."""
        inputs, segments = tokens_bt[:, :-1], segments_bt[:, :-1]
        hidden = self.decoder.hidden(inputs.contiguous(), segments.contiguous())
        targets = targets_of(tokens_bt, segments_bt)
        return chunked_loss(hidden.flatten(0, 1), self.decoder.head.weight, targets.flatten(), self.score_gradient)
