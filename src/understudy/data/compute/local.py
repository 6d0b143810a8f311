"""The engine of one machine: a crew of processes for the steps, DuckDB for SQL, Arrow files as checkpoints."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa

from understudy.core.hardware import n_cores
from understudy.core.tracking import Events
from understudy.data.compute import Checkpoints, Orders, SqlTable
from understudy.data.compute.crew import Crew, Task
from understudy.data.portions import Load, read, without

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BYTES_FOR_A_WORKER = 1_000_000  # a process takes 0.3 s to start, and works off about this much in a tenth of that
SQL_MEMORY = "600MB"  # beyond it DuckDB goes on in files


class LocalCompute:
    """Runs on this machine's cores."""

    def __init__(self, checkpoints: Checkpoints, n_workers: int, events: Events) -> None:
        self._checkpoints, self._n_workers, self._events = checkpoints, n_workers, events
        self._connection: DuckDBPyConnection | None = None

    @property
    def checkpoints(self) -> Checkpoints:
        return self._checkpoints

    def map(self, loads: Iterable[Load], orders: Orders, total_bytes: int) -> None:
        work = iter(loads)
        first = next(work, None)
        if first is None:  # all is there already: no need for processes
            return
        done_bytes = 0
        with Crew(self._n_workers, orders, self._checkpoints.folder, self._events) as crew:
            for task in crew.run(self._tasks(chain([first], work))):
                done_bytes += task.size_bytes
                self._events.progress(orders.what, done_bytes, total_bytes, "B")

    def _tasks(self, loads: Iterable[Load]) -> Iterator[Task]:
        for load in loads:
            for portion in read(without(load, self._checkpoints)):
                yield Task(portion.key, portion.size_bytes, portion.batch)

    def sql(self, query: str, **tables: SqlTable) -> pa.Table:
        connection = self._connected()
        for name, table in tables.items():
            if isinstance(table, pa.Table):
                connection.register(name, table)
            else:
                connection.read_parquet([os.fspath(path) for path in table]).create_view(name)
        try:
            return connection.sql(query).to_arrow_table()
        finally:
            for name, table in tables.items():
                if isinstance(table, pa.Table):
                    connection.unregister(name)
                else:
                    connection.execute(f"DROP VIEW IF EXISTS {name}")

    def _connected(self) -> DuckDBPyConnection:
        if self._connection is None:
            import duckdb  # a tenth of a second; the workers have started meanwhile

            self._connection = duckdb.connect(":memory:", config=self._config())
        return self._connection

    def _config(self) -> dict[str, str | bool | int | float | list[str]]:
        folder = self._checkpoints.folder / "sql"
        return {"threads": n_cores(), "memory_limit": SQL_MEMORY, "temp_directory": os.fspath(folder)}

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def open_compute(checkpoints: Checkpoints, size_bytes: int, events: Events, _: Mapping[str, str]) -> LocalCompute:
    """This machine's engine; small inputs get fewer processes."""
    return LocalCompute(checkpoints, max(1, min(n_cores(), size_bytes // BYTES_FOR_A_WORKER)), events)
