"""The engine of a Spark cluster: the same steps in the same worker processes, one beside each of Spark's own.

A Spark task is a load. It reads the load's batches and hands them to a worker process as a crew does (`crew.Worker`):
a file that crashes or hangs a parser is found and set aside in the same way, and Spark never sees it. Results are the
same checkpoints, in a folder that all machines see; nothing but sizes comes back to the driver.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from understudy.clusters.spark import SparkCluster
from understudy.core.tracking import Events
from understudy.data.compute import Checkpoints, Orders, SqlTable
from understudy.data.compute.crew import Task, Worker
from understudy.data.portions import Load, read, without

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WATCH_SECONDS = 0.5
SEEN_BY_SPARK = ("/Volumes/", "/dbfs/")  # paths that Databricks gives Spark as they are


@dataclass(frozen=True, slots=True)
class LoadOrder:
    """What an executor needs for one task."""

    folder: str  # of the checkpoints
    orders: Orders
    load: Load


class SparkCompute:
    """Runs on the session that is open, or one of its own."""

    def __init__(self, checkpoints: Checkpoints, events: Events, settings: Mapping[str, str]) -> None:
        self._checkpoints, self._events = checkpoints, events
        self._scratch = checkpoints.folder / "spark"
        self._cluster = SparkCluster(self._scratch, settings, lambda: events.should_stop)

    @property
    def checkpoints(self) -> Checkpoints:
        return self._checkpoints

    def map(self, loads: Iterable[Load], orders: Orders, total_bytes: int) -> None:
        done_bytes = 0
        self._events.progress(orders.what, 0, total_bytes, "B")
        for size_bytes in self._cluster.run(work_off, self._orders(loads, orders)):
            done_bytes += size_bytes
            self._events.progress(orders.what, done_bytes, total_bytes, "B")

    def _orders(self, loads: Iterable[Load], orders: Orders) -> Iterator[LoadOrder]:
        folder = os.fspath(self._checkpoints.folder)
        return (LoadOrder(folder, orders, load) for load in loads)

    def sql(self, query: str, **tables: SqlTable) -> pa.Table:
        session, copies = self._cluster.session, []
        try:
            for name, table in tables.items():
                if isinstance(table, pa.Table):
                    copies.append(self._written(name, table))
                    table = copies[-1:]
                session.read.parquet(*map(address, table)).createOrReplaceTempView(name)
            return _collected(session.sql(query))
        finally:
            for name in tables:
                session.catalog.dropTempView(name)
            for copy in copies:
                copy.unlink(missing_ok=True)

    def _written(self, name: str, table: pa.Table) -> Path:
        """The table as a file: the one way in that every version of Spark has, and the size of which has no limit."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        path = self._scratch / f"{name}-{os.getpid()}-{time.monotonic_ns()}.parquet"
        pq.write_table(table, path)
        return path

    def close(self) -> None:
        self._cluster.close()


def work_off(order: LoadOrder) -> int:
    """On an executor: make the checkpoints that this load still lacks; returns the bytes of source text in it."""
    worker = _worker(order.orders, order.folder)
    for portion in read(without(order.load, Checkpoints(Path(order.folder)))):
        worker.carry_out(Task(portion.key, portion.size_bytes, portion.batch))
    return sum(cut.size_bytes for cut in order.load.cuts)


_workers: dict[str, Worker] = {}


def _worker(orders: Orders, folder: str) -> Worker:
    """The worker process of this Python of Spark's, which carries out one task after the other and is kept meanwhile.

    It ends with this process, whatever ends that.
    """
    wanted = repr((orders, folder))
    if wanted not in _workers:
        for worker in _workers.values():
            worker.bury()
        _workers.clear()
        log = Path(tempfile.gettempdir(), f"understudy-worker-{os.getpid()}.log")
        _workers[wanted] = Worker(orders, Path(folder), log)
        threading.Thread(target=_watch, args=(wanted,), daemon=True).start()
    return _workers[wanted]


def _watch(name: str) -> None:
    while (worker := _workers.get(name)) is not None:
        worker.kill_if_late()
        time.sleep(WATCH_SECONDS)


def address(path: Path) -> str:
    """What Spark calls a file that Python sees under this path."""
    text = os.fspath(path.absolute())
    return text if text.startswith(SEEN_BY_SPARK) else path.absolute().as_uri()


def _collected(frame: DataFrame) -> pa.Table:
    if hasattr(frame, "toArrow"):
        table = frame.toArrow()
    else:  # Spark 3
        from pyspark.sql.pandas.types import to_arrow_schema

        table = pa.Table.from_pylist([row.asDict() for row in frame.collect()], to_arrow_schema(frame.schema))
    return table.cast(pa.schema([field.with_nullable(True).remove_metadata() for field in table.schema]))


def open_compute(
    checkpoints: Checkpoints, size_bytes: int, events: Events, settings: Mapping[str, str]
) -> SparkCompute:
    """The cluster's engine, whatever the size."""
    return SparkCompute(checkpoints, events, settings)
