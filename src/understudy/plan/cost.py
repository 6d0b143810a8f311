"""What training a given shape on given tokens costs on a machine: FLOPs, seconds, device-hours, money."""

from __future__ import annotations

from dataclasses import dataclass

from understudy.model.config import DecoderConfig, n_parameters, training_flops_per_token
from understudy.plan.machines import TrainingMachine
from understudy.plan.memory import Optimizer
from understudy.plan.record import Precision

# What comes on top of training steps, as a share of their time: validation (2 %), checkpoints and the log; on a CPU the
# optimizer's passes over all weights too, which the probe leaves out and a GPU's published utilisation holds.
UPKEEP_SHARE = {"cpu": 0.05, "cuda": 0.03}
_ORTHOGONALISING_STEPS = 5


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one run; `usd` is None where the machine has no price."""

    flops: float
    seconds: float
    device_hours: float
    usd: float | None


def share_of_ceiling(config: DecoderConfig, machine: TrainingMachine, precision: Precision) -> float:
    """Share of the matrix-product ceiling that training this shape is expected to reach (0..1)."""
    return machine.share_of_ceiling(n_parameters(config).total, training_flops_per_token(config), precision)


def tokens_per_second(config: DecoderConfig, machine: TrainingMachine, precision: Precision) -> float:
    """Tokens per second over all devices while training steps run."""
    share = share_of_ceiling(config, machine, precision)
    return machine.devices * machine.ceiling(precision) * share / training_flops_per_token(config)


def upkeep_share(config: DecoderConfig, machine: TrainingMachine, optimizer: Optimizer, batch_tokens: float) -> float:
    """Time beside the forward and backward passes, as a share of theirs: upkeep, and Muon's matrix products on a CPU.

    Muon orthogonalises each m x n matrix (m the smaller side) once a step, with five times 4·m²·n + 2·m³ FLOPs.
    """
    share = UPKEEP_SHARE[machine.device]
    if optimizer == "adamw" or machine.device == "cuda":
        return share
    c = config
    gate_and_up = 2 if c.mlp == "gated" else 1
    matrices = [(c.hidden, c.query_width)] * 2 + [(c.hidden, c.kv_width)] * 2
    matrices += [(c.hidden, c.intermediate)] * (1 + gate_and_up)
    flops = sum(4 * min(pair) ** 2 * max(pair) + 2 * min(pair) ** 3 for pair in matrices)
    return share + c.layers * _ORTHOGONALISING_STEPS * flops / (batch_tokens * training_flops_per_token(c))


def training_cost(
    config: DecoderConfig,
    tokens: float,
    machine: TrainingMachine,
    precision: Precision,
    upkeep: float = UPKEEP_SHARE["cuda"],
    startup_seconds: float = 0.0,
) -> Cost:
    """What a run of `tokens` costs, upkeep and start-up included, safety margin not."""
    seconds = tokens / tokens_per_second(config, machine, precision) * (1.0 + upkeep) + startup_seconds
    hours = seconds / 3600 * machine.devices
    usd = None if machine.usd_per_hour is None else hours * machine.usd_per_hour
    return Cost(tokens * training_flops_per_token(config), seconds, hours, usd)
