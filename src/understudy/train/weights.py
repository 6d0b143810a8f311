"""Weights in training: computed with in bf16, kept in fp32, with one fp32 gradient that micro-batches add to.

A bf16 weight cannot hold the small steps of an optimizer (8 bits: it moves by 0.4 % or not at all), so the optimizer
works on fp32 masters. Each micro-batch's gradient is added to the fp32 sum as soon as it is there, and freed.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from understudy.model.decoder import Decoder


class MasterWeights:
    """fp32 masters and gradients of a decoder's parameters, by name. The decoder itself is turned into `dtype`.

    With fp32 the masters are the parameters themselves.
    """

    def __init__(self, decoder: Decoder, dtype: torch.dtype) -> None:
        self.masters = {name: p.detach().float() for name, p in decoder.named_parameters()}
        decoder.to(dtype)
        self.parameters = dict(decoder.named_parameters())
        self.gradients = {name: torch.zeros_like(master) for name, master in self.masters.items()}
        for name, parameter in self.parameters.items():
            parameter.register_post_accumulate_grad_hook(self._collector(name))  # type: ignore[no-untyped-call]

    def _collector(self, name: str) -> Callable[[Tensor], None]:
        total = self.gradients[name]

        def collect(parameter: Tensor) -> None:
            assert parameter.grad is not None
            total.add_(parameter.grad)
            parameter.grad = None

        return collect

    def zero_gradients(self) -> None:
        for gradient in self.gradients.values():
            gradient.zero_()

    def gradient_norm(self) -> float:
        """The norm of all gradients together."""
        return float(torch.stack([g.norm() for g in self.gradients.values()]).norm())

    def scale_gradients(self, factor: float) -> None:
        for gradient in self.gradients.values():
            gradient.mul_(factor)

    def publish(self) -> None:
        """Round the masters into the decoder's parameters."""
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                if parameter.dtype != torch.float32:
                    parameter.copy_(self.masters[name])

    def state(self) -> dict[str, Tensor]:
        return {f"weights.{name}": master for name, master in self.masters.items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        for name, master in self.masters.items():
            master.copy_(tensors[f"weights.{name}"])
        self.publish()
