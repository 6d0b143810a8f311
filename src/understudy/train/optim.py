"""The optimizers: which rule moves which weight, how fast.

                        muon                           adamw
matrices                Muon, the recipe's rate        AdamW, the recipe's rate
input table, untied     AdamW, INPUT_RATE times it     AdamW, the recipe's rate
head, or tied table     AdamW, HEAD_RATE times it      AdamW, the recipe's rate
norms, biases           AdamW, NORM_RATE times it      AdamW, the recipe's rate

The input table starts with entries of size 1, and a rare word's row is seen a few times only: it may move fast, as in
nanochat. Measured on the standard library (docs/log.md): 10 times gave 1.907 bits per byte, 3 times 1.922, 30 times
1.920, a tied table 2.013 to 2.065.

Weight decay is decoupled and on matrices only. All state is fp32 and named, so that a checkpoint is a plain dict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from understudy.model.config import DecoderConfig
from understudy.train.muon import Muon
from understudy.train.weights import MasterWeights

INPUT_RATE = 10.0
HEAD_RATE = 0.3
BETAS = (0.8, 0.95)  # of the tables, as in nanochat: their gradients change faster than those of matrices
NORM_RATE = 0.3


class Rule(Protocol):
    """Moves some of the weights."""

    def step(self, gradients: dict[str, Tensor], factor: float) -> None: ...
    def state(self) -> dict[str, Tensor]: ...


@dataclass(frozen=True, slots=True)
class OptimizerSettings:
    """What the recipe and the plan say."""

    kind: Literal["muon", "adamw"]
    learning_rate: float
    weight_decay: float


class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    def __init__(
        self, masters: dict[str, Tensor], rate: float, decay: float, betas: tuple[float, float], epsilon: float = 1e-10
    ) -> None:
        self.masters, self.rate, self.decay, self.betas, self.epsilon = masters, rate, decay, betas, epsilon
        self.first = {name: torch.zeros_like(master) for name, master in masters.items()}
        self.second = {name: torch.zeros_like(master) for name, master in masters.items()}
        self.n_steps = torch.zeros((), dtype=torch.int64)

    def step(self, gradients: dict[str, Tensor], factor: float) -> None:
        """Move each weight by its bias-corrected mean gradient over the root of its mean square."""
        self.n_steps += 1
        n, (beta1, beta2), rate = int(self.n_steps), self.betas, self.rate * factor
        for name, master in self.masters.items():
            gradient, first, second = gradients[name], self.first[name], self.second[name]
            first.lerp_(gradient, 1 - beta1)
            second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            if self.decay and master.dim() == 2:
                master.mul_(1 - rate * self.decay)
            scale = (second / (1 - beta2**n)).sqrt_().add_(self.epsilon)
            master.addcdiv_(first, scale, value=-rate / (1 - beta1**n))

    def state(self) -> dict[str, Tensor]:
        first = {f"adam.first.{name}": tensor for name, tensor in self.first.items()}
        second = {f"adam.second.{name}": tensor for name, tensor in self.second.items()}
        return {**first, **second, f"adam.n_steps.{next(iter(self.masters))}": self.n_steps}


class Optimizer:
    """The rules for all weights of one decoder."""

    def __init__(self, weights: MasterWeights, config: DecoderConfig, settings: OptimizerSettings) -> None:
        self.weights = weights
        self.rules: list[Rule] = list(_rules(weights.masters, config, settings))

    def step(self, factor: float) -> None:
        """Move the masters, then round them into the decoder."""
        for rule in self.rules:
            rule.step(self.weights.gradients, factor)
        self.weights.publish()

    def state(self) -> dict[str, Tensor]:
        return {name: tensor for rule in self.rules for name, tensor in rule.state().items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        for name, tensor in self.state().items():
            tensor.copy_(tensors[name])


def _rules(masters: dict[str, Tensor], config: DecoderConfig, settings: OptimizerSettings) -> list[Rule]:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.kind == "adamw":
        return [AdamW(masters, rate, decay, betas=(0.9, 0.95), epsilon=1e-8)]
    matrices = {name: m for name, m in masters.items() if name.startswith("layers.") and m.dim() == 2}
    tables = {name: m for name, m in masters.items() if not name.startswith("layers.") and m.dim() == 2}
    inputs = {} if config.tied else {"embedding.weight": tables.pop("embedding.weight")}
    norms = {name: m for name, m in masters.items() if m.dim() != 2}
    return [
        Muon(matrices, config, rate, decay),
        *([AdamW(inputs, rate * INPUT_RATE, 0.0, betas=BETAS)] if inputs else []),
        AdamW(tables, rate * HEAD_RATE, 0.0, betas=BETAS),
        AdamW(norms, rate * NORM_RATE, 0.0, betas=BETAS),
    ]
