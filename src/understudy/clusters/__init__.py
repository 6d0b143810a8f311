"""Where tasks run: processes on this machine, or a Spark cluster. A task is a function of one order.

The function stands at the top of a module, so that it travels by name. Orders are plain values. Answers are JSON, and
small: what a task makes it writes to disk itself, whole or not at all, because any task may run twice, on two machines
at once even, or be cut short anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

Task = Callable[[Any], Any]


class Cluster(Protocol):
    """What carries out tasks."""

    def run(self, task: Task, orders: Iterable[Any]) -> Iterator[Any]:
        """The answer to each order, as they come. Raises what a task raised, and Interrupted on a stop."""

    def close(self) -> None:
        """Give back what was taken for it. A session that was open before stays open."""


def open_cluster(
    name: str, settings: Mapping[str, str], folder: Path, should_stop: Callable[[], bool], n_workers: int
) -> Cluster:
    """`local`: this machine's cores, `n_workers` at most; `spark`: `settings`, and a `folder` that all machines see."""
    if name == "spark":
        from understudy.clusters.spark import SparkCluster

        return SparkCluster(folder, settings, should_stop)
    from understudy.clusters.local import LocalCluster

    return LocalCluster(should_stop, n_workers)


def require_cluster(name: str) -> None:
    """Raises ResourceError where this machine cannot open a cluster of this name."""
    if name == "spark":
        from understudy.clusters.spark import require_spark

        require_spark()


__all__ = ["Cluster", "Task", "open_cluster", "require_cluster"]
