"""What training a given shape on given tokens costs on a machine: FLOPs, seconds, device-hours, money."""

from __future__ import annotations

from dataclasses import dataclass

from understudy.model.config import DecoderConfig, n_parameters, training_flops_per_token
from understudy.plan.machines import TrainingMachine
from understudy.plan.record import Precision

# Validation, checkpoints and the log, as a share of the time spent on training steps.
UPKEEP_SHARE = 0.03


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


def training_cost(
    config: DecoderConfig, tokens: float, machine: TrainingMachine, precision: Precision, startup_seconds: float = 0.0
) -> Cost:
    """What a run of `tokens` costs, upkeep and start-up included, safety margin not."""
    seconds = tokens / tokens_per_second(config, machine, precision) * (1.0 + UPKEEP_SHARE) + startup_seconds
    hours = seconds / 3600 * machine.devices
    usd = None if machine.usd_per_hour is None else hours * machine.usd_per_hour
    return Cost(tokens * training_flops_per_token(config), seconds, hours, usd)
