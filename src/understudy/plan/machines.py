"""The machines a plan can be for: this one, as a probe measured it, or GPUs by name, from a small dated table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from understudy.core.errors import RecipeError
from understudy.plan.curves import Points, interpolated
from understudy.plan.record import Choice, Precision

# Peak: the makers' datasheets, dense bf16 with fp32 accumulation (half of the figure "with sparsity").
# Memory: the marketing gigabytes read as 1e9, about what is left after the driver's share.
# Price: an assumption, the middle of what specialised clouds asked on demand; it varies by 3× between providers.
TABLE_DATE = "2026-05"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One kind of GPU: peak bf16 matrix FLOPs per second, memory, and an assumed price."""

    name: str
    bf16_flops_per_second: float
    memory_bytes: int
    usd_per_hour: float


_TABLE = (
    Gpu("l4", 121e12, 24_000_000_000, 0.70),
    Gpu("rtx3090", 71e12, 24_000_000_000, 0.25),
    Gpu("rtx4090", 165e12, 24_000_000_000, 0.40),
    Gpu("rtx5090", 210e12, 32_000_000_000, 0.70),
    Gpu("l40s", 362e12, 48_000_000_000, 1.00),
    Gpu("a100-40gb", 312e12, 40_000_000_000, 1.20),
    Gpu("a100-80gb", 312e12, 80_000_000_000, 1.50),
    Gpu("h100", 989e12, 80_000_000_000, 2.50),
    Gpu("h200", 989e12, 141_000_000_000, 3.50),
    Gpu("b200", 2250e12, 180_000_000_000, 5.00),
)
GPUS = {gpu.name: gpu for gpu in _TABLE}

# Share of the peak that whole training runs reach, by parameters. 1B and up: what Llama 2 (0.42 and 0.45) and MPT-7B
# (0.37) imply on A100s. Below: an H200 at 45 % of its measured 790 TFLOP/s with 124M parameters and 55 % with 350M,
# as shares of 989. Under 100M it is a guess that small matrices leave most of the card idle.
_UTILISATION: Points = ((1e6, 0.05), (1e7, 0.15), (1.24e8, 0.36), (3.5e8, 0.43), (1e9, 0.45))
# The same for compiled bf16 steps on two CPU cores, by FLOPs a token, against the measured matrix product: depths 1 to
# 4 of the dial at a vocabulary of 8,192, in a quiet minute. Small shapes spend their time outside matrix products.
_CPU_SHARE: Points = ((3.6e6, 0.38), (9.4e6, 0.52), (1.9e7, 0.59), (3.3e7, 0.68))


def find_gpu(name: str) -> Gpu:
    """The GPU of this name, in any case; an unknown one is an error that names the nearest."""
    key = name.strip().lower()
    if key in GPUS:
        return GPUS[key]
    near = get_close_matches(key, GPUS, n=1, cutoff=0.4)
    guess = f"did you mean {near[0]}? " if near else ""
    raise RecipeError(f"budget.gpu: {name!r} is not in the table of GPUs", f"{guess}known: {', '.join(GPUS)}")


def expected_utilisation(parameters: float) -> float:
    """Share of a GPU's peak bf16 rate that training a model of this size is expected to reach (0..1)."""
    return interpolated(_UTILISATION, parameters)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a probe of real training steps reached on this machine, for one shape."""

    layers: int
    hidden: int
    vocabulary: int
    context: int
    micro_batch: int
    precision: Precision
    flops_per_token: float
    tokens_per_second: float
    share_of_ceiling: float

    @property
    def key(self) -> tuple[int, int, int, int, int, Precision]:
        """What was timed: the same key, the same work."""
        return (self.layers, self.hidden, self.vocabulary, self.context, self.micro_batch, self.precision)


@dataclass(frozen=True, slots=True)
class TrainingMachine:
    """What a plan needs to know of the devices that will train. Rates, memory and price are per device."""

    name: str
    device: Literal["cpu", "cuda"]
    devices: int
    cpu: str
    cores: int
    memory_bytes: int
    ceiling_flops_per_second: Mapping[str, float]
    free_disk_bytes: int | None = None
    usd_per_hour: float | None = None
    measurements: tuple[Measurement, ...] = ()

    def best_precision(self) -> Precision:
        """bf16 where its matrix product is clearly faster, else fp32."""
        ceilings = self.ceiling_flops_per_second
        return "bf16" if ceilings["bfloat16"] > 1.2 * ceilings["float32"] else "fp32"

    def ceiling(self, precision: Precision) -> float:
        """Matrix-product FLOPs per second of one device."""
        return self.ceiling_flops_per_second["bfloat16" if precision == "bf16" else "float32"]

    def is_measured(self, precision: Precision) -> bool:
        """Whether real training steps in this precision were timed here."""
        return any(measurement.precision == precision for measurement in self.measurements)

    def has_measured(self, choice: Choice) -> bool:
        """Whether steps of exactly this choice were timed."""
        wanted = (choice.layers, choice.hidden, choice.vocabulary, choice.context, choice.micro_batch, choice.precision)
        return any(measurement.key == wanted for measurement in self.measurements)

    def usual_share(self, parameters: int, flops_per_token: float) -> float:
        """Share of the ceiling that training a shape usually reaches on such a device (0..1)."""
        return interpolated(_CPU_SHARE, flops_per_token) if self.device == "cpu" else expected_utilisation(parameters)

    def share_of_ceiling(self, parameters: int, flops_per_token: float, precision: Precision) -> float:
        """Share of the ceiling that training is expected to reach: the usual one, corrected by the nearest probe.

        The usual share says how it changes with size, the probe how far this machine is from usual.
        """
        usual = self.usual_share(parameters, flops_per_token)
        timed = [measurement for measurement in self.measurements if measurement.precision == precision]
        if not timed:
            return usual
        near = min(timed, key=lambda measurement: abs(math.log(measurement.flops_per_token / flops_per_token)))
        return min(1.0, near.share_of_ceiling * usual / self.usual_share(parameters, near.flops_per_token))


def named_machine(gpu: Gpu, gpus: int, usd_per_gpu_hour: float | None) -> TrainingMachine:
    """The machine that a budget asks for by GPU name."""
    return TrainingMachine(
        name=f"{gpus} x {gpu.name}",
        device="cuda",
        devices=gpus,
        cpu="",
        cores=0,
        memory_bytes=gpu.memory_bytes,
        ceiling_flops_per_second={"bfloat16": gpu.bf16_flops_per_second, "float32": gpu.bf16_flops_per_second / 8},
        usd_per_hour=usd_per_gpu_hour if usd_per_gpu_hour is not None else gpu.usd_per_hour,
    )
