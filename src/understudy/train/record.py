"""What a run leaves on paper: training.jsonl, one line per step looked at, and training.json, plan against outcome."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.core.paths import write_atomically
from understudy.core.units import bytes_text, duration_text
from understudy.train.settings import PlanFacts

LOG_FILE, SUMMARY_FILE = "training.jsonl", "training.json"


class TrainingLog:
    """training.jsonl. Lines behind a checkpoint are dropped when it is resumed from, so each step stands there once."""

    def __init__(self, path: Path, resumed_step: int) -> None:
        kept = [line for line in _whole_lines(path) if json.loads(line)["step"] <= resumed_step]
        write_atomically(path, "".join(line + "\n" for line in kept))
        self._file = path.open("a", encoding="utf-8")

    def append(self, **values: Any) -> None:
        """Add one line, at once on disk's way."""
        self._file.write(json.dumps(values) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the run took and reached."""

    steps: int
    tokens: int
    seconds: float
    peak_memory_bytes: int
    tokens_per_second: float
    share_of_ceiling: float | None
    loss: float | None
    valid_bits_per_byte: float | None
    n_resumed: int
    n_skipped_steps: int
    shortened: dict[str, Any] | None


def summary(outcome: Outcome, plan: PlanFacts, facts: dict[str, Any]) -> dict[str, Any]:
    """The content of training.json."""
    actual = {name: getattr(outcome, name) for name in Outcome.__dataclass_fields__}
    planned = {"seconds": plan.seconds, "peak_memory_bytes": plan.peak_memory_bytes,
               "tokens_per_second": plan.tokens_per_second}  # fmt: skip
    return {**facts, "planned": planned, "actual": actual, "off_by": {
        "seconds": _off(outcome.seconds, plan.seconds),
        "peak_memory_bytes": _off(outcome.peak_memory_bytes, plan.peak_memory_bytes),
        "tokens_per_second": _off(outcome.tokens_per_second, plan.tokens_per_second),
    }}  # fmt: skip


def closing_note(outcome: Outcome, plan: PlanFacts) -> str:
    """One line: what it took, and how far off the plan was."""
    time = f"{outcome.tokens:,} tokens in {duration_text(outcome.seconds)}"
    memory = f"at most {bytes_text(outcome.peak_memory_bytes)} of memory"
    if plan.seconds and plan.peak_memory_bytes:
        time += f" (planned {duration_text(plan.seconds)}: {_signed(outcome.seconds / plan.seconds)})"
        ratio = _signed(outcome.peak_memory_bytes / plan.peak_memory_bytes)
        memory += f" (planned {bytes_text(plan.peak_memory_bytes)}: {ratio})"
    return f"{time}, {memory}"


def _off(actual: float, planned: float | None) -> float | None:
    return round(actual / planned - 1.0, 4) if planned else None


def _signed(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.0f} %"


def _whole_lines(path: Path) -> list[str]:
    """The lines of a log up to a torn last one, which a killed run may leave."""
    if not path.exists():
        return []
    lines = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            json.loads(line)["step"]
        except (ValueError, KeyError, TypeError):
            break
        lines.append(line)
    return lines
