"""The contract between the data stage and whatever runs it: processes on this machine now, a cluster later.

An engine is one module here with an `open_compute` function; the recipe's `data.compute` names the module. Steps and
SQL are the same on every engine, so that the same rows come out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from understudy.core.tracking import Events
from understudy.data.steps import StepSetting


@dataclass(frozen=True, slots=True)
class Portion:
    """A batch on its way to the steps. Its number names its checkpoint; numbers are counted in a fixed order."""

    number: int
    size_bytes: int
    batch: pa.RecordBatch


class Compute(Protocol):
    """What an engine can do."""

    def map(self, portions: Iterable[Portion], steps: Sequence[StepSetting], total_bytes: int) -> None:
        """Run the steps over every portion and keep each result as a checkpoint; what has one is not redone."""

    def done(self) -> set[int]:
        """Numbers of the portions that have a checkpoint."""

    def checkpoint(self, number: int) -> Path:
        """The Arrow file with the result of a portion."""

    def sql(self, query: str, **tables: pa.Table) -> pa.Table:
        """The result of a query in the SQL that all engines share. Only ORDER BY makes an order."""

    def close(self) -> None:
        """Give back processes and memory. Checkpoints stay."""


def open_compute(name: str, folder: Path, size_bytes: int, events: Events) -> Compute:
    """The engine of this name, with its checkpoints in `folder`, sized for so much input."""
    engine: Compute = import_module(f"understudy.data.compute.{name}").open_compute(folder, size_bytes, events)
    return engine
