"""The contract between the data stage and whatever runs it: processes on this machine, or a Spark cluster.

An engine is one module here with an `open_compute` function; the recipe's `data.compute` names the module. Steps and
SQL are the same on every engine, so that the same rows come out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import pyarrow as pa

from understudy.core.tracking import Events
from understudy.data.compute.checkpoints import Checkpoints
from understudy.data.steps import StepSetting

if TYPE_CHECKING:
    from understudy.data.portions import Load

SqlTable: TypeAlias = pa.Table | Sequence[Path]
"""What a query reads: a table in memory, or Parquet files of one schema."""


@dataclass(frozen=True, slots=True)
class Portion:
    """A batch on its way to the steps. Its key names its checkpoint."""

    key: str
    size_bytes: int
    batch: pa.RecordBatch


@dataclass(frozen=True, slots=True)
class Orders:
    """What is done with every batch. `what` names it for the eye; results may do without the contents."""

    steps: tuple[StepSetting, ...]
    what: str
    keeps_contents: bool = True


class Compute(Protocol):
    """What an engine can do."""

    def map(self, loads: Iterable[Load], orders: Orders, total_bytes: int) -> None:
        """Read each load, carry out the orders on its batches, and keep each result as a checkpoint."""

    @property
    def checkpoints(self) -> Checkpoints:
        """Where the results are."""

    def sql(self, query: str, **tables: SqlTable) -> pa.Table:
        """The result of a query in the SQL that all engines share. Only ORDER BY makes an order."""

    def close(self) -> None:
        """Give back processes and memory. Checkpoints stay."""


def open_compute(
    name: str, checkpoints: Checkpoints, size_bytes: int, events: Events, settings: Mapping[str, str]
) -> Compute:
    """The engine of this name, sized for so much input. `settings` are its own (the recipe's `data.spark`)."""
    module = import_module(f"understudy.data.compute.{name}")
    engine: Compute = module.open_compute(checkpoints, size_bytes, events, settings)
    return engine


__all__ = ["Checkpoints", "Compute", "Orders", "Portion", "SqlTable", "open_compute"]
