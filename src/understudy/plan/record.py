"""What a plan says, as plain frozen records: the choice, what it is expected to cost, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Precision = Literal["bf16", "fp32"]


@dataclass(frozen=True, slots=True)
class Choice:
    """The model and the training run that were decided on. `micro_batch` counts rows of `context` tokens."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    context: int
    parameters: int
    parameters_embedding: int
    tokens: int
    steps: int
    batch_tokens: int
    micro_batch: int
    learning_rate: float
    precision: Precision
    passes: float

    @property
    def tokens_per_parameter(self) -> float:
        """Tokens for each parameter outside the token tables."""
        return self.tokens / (self.parameters - self.parameters_embedding)


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """The machine the plan is for, and the rate the plan counts on. `ceiling…` is per device, by number format."""

    name: str
    device: str
    devices: int
    cpu: str
    cores: int
    memory_bytes: int
    ceiling_flops_per_second: Mapping[str, float]
    share_of_ceiling: float
    share_is_measured: bool
    tokens_per_second: float


@dataclass(frozen=True, slots=True)
class Predicted:
    """What the run is expected to take. Memory is per device; `loss` is nats per token by the law in `scaling`."""

    seconds: float
    startup_seconds: float
    flops: float
    peak_memory_bytes: int
    memory_bytes: Mapping[str, int]
    loss: float
    loss_trust: str
    disk_bytes: int
    disk_bytes_by_part: Mapping[str, int]
    usd: float | None
    device_hours: float


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What the sources are expected to give."""

    n_files: int
    size_bytes: int
    training_bytes: int
    bytes_per_token: float
    unique_tokens: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole plan. `reasons` maps each decision to one sentence with its numbers; `warnings` are for the person."""

    choice: Choice
    machine: MachineFacts
    predicted: Predicted
    data: DataFacts
    budget: str
    warnings: tuple[str, ...]
    reasons: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """The content of plan.json."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
