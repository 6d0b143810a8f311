"""The engine of one machine: a crew of processes for the steps, DuckDB for SQL, Arrow files as checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from understudy.core.hardware import n_cores
from understudy.core.tracking import Events
from understudy.data.compute import Portion
from understudy.data.compute.crew import Crew, Task
from understudy.data.steps import StepSetting

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BYTES_FOR_A_WORKER = 1_000_000  # a process takes 0.3 s to start, and works off about this much in a tenth of that


class LocalCompute:
    """Runs on this machine's cores."""

    def __init__(self, folder: Path, n_workers: int, events: Events) -> None:
        self._folder, self._n_workers, self._events = folder, n_workers, events
        self._connection: DuckDBPyConnection | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._done = {int(path.stem) for path in folder.glob("*.arrow") if _is_whole(path)}

    def map(self, portions: Iterable[Portion], steps: Sequence[StepSetting], total_bytes: int) -> None:
        done_bytes = 0
        with Crew(self._n_workers, steps, self._folder / "workers.log", self._events) as crew:
            for task in crew.run(self._tasks(portions)):
                self._done.add(task.number)
                done_bytes += task.size_bytes
                self._events.progress("cleaning", done_bytes, total_bytes, "B")

    def _tasks(self, portions: Iterable[Portion]) -> Iterator[Task]:
        for portion in portions:
            if portion.number not in self._done:
                yield Task(portion.number, portion.size_bytes, portion.batch, self.checkpoint(portion.number))

    def done(self) -> set[int]:
        return set(self._done)

    def checkpoint(self, number: int) -> Path:
        return self._folder / f"{number:06d}.arrow"

    def sql(self, query: str, **tables: pa.Table) -> pa.Table:
        connection = self._connected()
        for name, table in tables.items():
            connection.register(name, table)
        try:
            return connection.sql(query).to_arrow_table()
        finally:
            for name in tables:
                connection.unregister(name)

    def _connected(self) -> DuckDBPyConnection:
        if self._connection is None:
            import duckdb  # a tenth of a second; the workers have started meanwhile

            self._connection = duckdb.connect(":memory:", config={"threads": n_cores()})
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def open_compute(folder: Path, size_bytes: int, events: Events) -> LocalCompute:
    """This machine's engine; small inputs get fewer processes."""
    return LocalCompute(folder, max(1, min(n_cores(), size_bytes // BYTES_FOR_A_WORKER)), events)


def _is_whole(path: Path) -> bool:
    """False for a checkpoint cut short by a power failure: its rows end with a footer, or it is none."""
    try:
        with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
            return int(reader.num_record_batches) == 1
    except (OSError, pa.ArrowException):
        return False
