"""How much memory training takes, part by part, before anything is allocated; and how much disk.

per parameter:  weights 2 (bf16) or 4   master copy 4 (bf16 only)   gradient 4   optimizer 4 to 8     ÷ devices
per token:      what each layer keeps for the backward pass, one chunk of logits                      × micro-batch
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from understudy.model.config import DecoderConfig, n_parameters
from understudy.plan.record import Precision

Optimizer = Literal["muon", "adamw"]

# A process that has imported torch, or an idle CUDA context with its workspaces.
RUNTIME_BYTES = {"cpu": 500_000_000, "cuda": 1_200_000_000}
# Devices that can share the work on one row: those of one server.
MOST_ROW_SPLIT = 8
# The loss holds this many scores at once (model/loss.py): as bf16, twice as fp32, and their gradient.
CHUNK_SCORES = 2**24
_BYTES_PER_SCORE = 12
# Allocators round up and fragment; 15 % is what we add to the parts that come and go.
_ALLOCATOR_SLACK = 1.15


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on one device, by part."""

    weights: int
    master_weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    runtime: int

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(self.by_part().values())

    def by_part(self) -> dict[str, int]:
        """The parts by name, as in plan.json."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def training_memory(
    config: DecoderConfig,
    micro_batch: int,
    precision: Precision,
    optimizer: Optimizer,
    device: str,
    devices: int = 1,
    row_split: int = 1,
) -> Memory:
    """Bytes that training takes on each device.

    Weights, gradients and optimizer are sharded over all `devices` (FSDP). `row_split` devices share the work on a row
    (tensor and sequence parallel), and so its activations and scores.
    """
    counts = n_parameters(config)
    sharded = -(-counts.total // devices)
    n_tokens = -(-micro_batch * config.context // row_split)
    return Memory(
        weights=sharded * (2 if precision == "bf16" else 4),
        master_weights=sharded * (4 if precision == "bf16" else 0),
        gradients=sharded * 4,
        optimizer=-(-_optimizer_bytes(config, optimizer) // devices),
        activations=int(_ALLOCATOR_SLACK * n_tokens * _activation_bytes_per_token(config, precision, device)),
        logits=min(n_tokens * config.vocabulary, CHUNK_SCORES) * _BYTES_PER_SCORE,
        runtime=RUNTIME_BYTES[device],
    )


def _optimizer_bytes(config: DecoderConfig, optimizer: Optimizer) -> int:
    """AdamW keeps two fp32 moments a parameter. Muon keeps one for matrices, and leaves the token tables to AdamW."""
    counts = n_parameters(config)
    if optimizer == "adamw":
        return 8 * counts.total
    return 4 * (counts.total - counts.embedding) + 8 * counts.embedding


def _activation_bytes_per_token(config: DecoderConfig, precision: Precision, device: str) -> float:
    """What the forward pass keeps for the backward pass, without recomputation.

    Per layer: the residual twice, both normed inputs and one sum (5 widths); queries before and after their norm and
    the mixed values (3 query widths); keys and values likewise (4); gate, up, activation, product (4 intermediate).
    CPU attention also keeps its probabilities, causal half. Korthikanti et al. 2022 count the GPT-2 block alike.
    """
    kept = 5 * config.hidden + 3 * config.query_width + 4 * config.kv_width + 4 * config.intermediate
    if device == "cpu":
        kept += config.heads * config.context // 2
    return config.layers * kept * (2 if precision == "bf16" else 4)


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes that a whole run leaves on disk, by part."""

    corpus: int
    tokens: int
    checkpoints: int
    model: int

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(self.by_part().values())

    def by_part(self) -> dict[str, int]:
        """The parts by name, as in plan.json."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def disk_needed(config: DecoderConfig, optimizer: Optimizer, size_bytes: int, unique_tokens: int) -> Disk:
    """Disk for the corpus (compressed to about 0.4), token shards (ids and segments), checkpoints and the model.

    Two checkpoints are kept and a third is being written; each holds fp32 weights and the optimizer's state.
    """
    parameters = n_parameters(config).total
    return Disk(
        corpus=int(0.4 * size_bytes),
        tokens=2 * unique_tokens * (2 if config.vocabulary <= 65_536 else 4),
        checkpoints=3 * (4 * parameters + _optimizer_bytes(config, optimizer)),
        model=4 * parameters + 10_000_000,
    )
