"""This machine, measured: its matrix product, and real training steps of the shape that will be trained.

Every measurement is kept under `.understudy/cache/probe/` by what it depends on (machine, torch, threads, shape), so
that the same recipe is planned the same way again, and at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from understudy.core import hardware
from understudy.core.errors import ResourceError
from understudy.core.paths import Project, read_json, write_json
from understudy.model.config import DecoderConfig, dial, training_flops_per_token
from understudy.plan.choose import table_rows
from understudy.plan.machines import Measurement, TrainingMachine
from understudy.plan.record import Choice

# A share of the ceiling so far below the usual one means that something else was running: it is measured once more.
SUSPICIOUS = 0.5
MOST_TRIES = 2
# Counted on before anything is measured, to see in the first second whether memory and disk suffice.
_UNMEASURED = {"bfloat16": 1e12, "float32": 0.5e12}


class Probe:
    """Measures this machine for a project and remembers what it found."""

    def __init__(self, project: Project, device: str = "auto") -> None:
        self.project, self.device = project, _device(device)
        self.here = hardware.Machine.here()

    def facts(self) -> TrainingMachine:
        """What is known of this machine without measuring: memory and free disk. Its rates are placeholders."""
        memory, name = self.here.memory_bytes, "this machine"
        if self.device == "cuda":
            memory, name = _cuda_facts()
        return TrainingMachine(
            name=name,
            device="cuda" if self.device == "cuda" else "cpu",
            devices=1,
            cpu=self.here.cpu,
            cores=self.here.cores,
            memory_bytes=memory,
            ceiling_flops_per_second=_UNMEASURED,
            free_disk_bytes=hardware.free_disk_bytes(self.project.home),
        )

    def with_ceilings(self) -> TrainingMachine:
        """This machine with its measured matrix-product rates. Takes about two seconds the first time."""
        return replace(self.facts(), ceiling_flops_per_second=self._remembered({"what": "ceiling"}, self._ceilings))

    def with_measurement(self, machine: TrainingMachine, choice: Choice, compiled: bool) -> TrainingMachine:
        """The machine with a few training steps of this choice timed, and added to what was timed before.

        Takes 3 seconds, and up to 20 more to compile; training finds the compiled layers on disk and starts at once.
        """
        question = {
            "what": "step",
            "shape": asdict(config_of(choice)),
            "micro_batch": choice.micro_batch,
            "precision": choice.precision,
            "compiled": compiled,
        }
        found = self._remembered(question, lambda: self._step(machine, choice, compiled))
        return replace(machine, measurements=(*machine.measurements, Measurement(**found)))

    def _remembered(self, question: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        key = {**question, **self._machine_key()}
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
        path = self.project.cache / "probe" / f"{name}.json"
        try:
            kept: dict[str, Any] = read_json(path)["found"]
        except (OSError, ValueError, KeyError, TypeError):
            kept = measure()
            write_json(path, {"asked": key, "found": kept})
        return kept

    def _machine_key(self) -> dict[str, Any]:
        import torch

        return {
            "cpu": self.here.cpu,
            "cores": self.here.cores,
            "device": self.device,
            "gpu": torch.cuda.get_device_name() if self.device == "cuda" else None,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }

    def _ceilings(self) -> dict[str, float]:
        import torch

        from understudy.model.throughput import matmul_ceiling

        return {name: matmul_ceiling(getattr(torch, name), self.device) for name in ("bfloat16", "float32")}

    def _step(self, machine: TrainingMachine, choice: Choice, compiled: bool) -> dict[str, Any]:
        from understudy.model.throughput import measure_step
        from understudy.model.training_path import can_compile

        config, compiled = config_of(choice), compiled and can_compile()
        flops, ceiling = training_flops_per_token(config), machine.ceiling(choice.precision)
        share = 0.0
        for _ in range(MOST_TRIES):
            step = measure_step(config, choice.micro_batch, choice.context, choice.precision, compiled)
            share = max(share, step.tokens_per_second * flops / ceiling)
            if share > SUSPICIOUS * machine.usual_share(choice.parameters, flops):
                break
        return {
            "layers": choice.layers,
            "hidden": choice.hidden,
            "vocabulary": choice.vocabulary,
            "context": choice.context,
            "micro_batch": choice.micro_batch,
            "precision": choice.precision,
            "flops_per_token": flops,
            "tokens_per_second": share * ceiling / flops,
            "share_of_ceiling": share,
        }


def config_of(choice: Choice) -> DecoderConfig:
    """The shape of a choice."""
    return dial(choice.layers, table_rows(choice.vocabulary), choice.context, choice.hidden)


def _device(asked: str) -> str:
    """`cpu` or `cuda`. Raises ResourceError when CUDA is asked for and not there."""
    if asked == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if asked == "cuda":
        raise ResourceError("budget.device is cuda, and torch finds no CUDA GPU", "--set budget.device=auto")
    return "cpu"


def _cuda_facts() -> tuple[int, str]:
    import torch

    properties = torch.cuda.get_device_properties(0)
    return int(properties.total_memory), str(properties.name)
