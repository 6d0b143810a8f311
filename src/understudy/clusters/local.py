"""Tasks on this machine: a few processes, each driven by a thread; one that dies is replaced, its order given again."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import understudy
from understudy.clusters import Task
from understudy.clusters.answers import answer_in, carried_out
from understudy.core.errors import Interrupted, ResourceError
from understudy.core.hardware import n_cores

POLL_SECONDS = 0.05
TRIES = 4
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from understudy.clusters import process; process.main()"
)


class LocalCluster:
    """Runs tasks on this machine's cores. A single order is carried out here, without a process."""

    def __init__(self, should_stop: Callable[[], bool], n_workers: int) -> None:
        self._should_stop, self._n_workers = should_stop, min(n_workers, n_cores())

    def run(self, task: Task, orders: Iterable[Any]) -> Iterator[Any]:
        """The answers, as tasks finish."""
        listed = list(orders)
        n_workers = min(self._n_workers, len(listed))
        if n_workers > 1:
            yield from _in_processes(task, listed, n_workers, self._check_stop)
            return
        for order in listed:
            self._check_stop()
            yield answer_in(carried_out(task, order))

    def close(self) -> None:
        """Nothing is left: processes end with the run that needed them."""

    def _check_stop(self) -> None:
        if self._should_stop():
            raise Interrupted("stopped; what is finished is kept", "run the same command to continue")


def _in_processes(task: Task, orders: list[Any], n_workers: int, check_stop: Callable[[], None]) -> Iterator[Any]:
    workers = [_Process() for _ in range(n_workers)]
    idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def carry_out(order: Any) -> str:
        worker = idle.get()
        try:
            return worker.carry_out(pickle.dumps((task, order)))
        finally:
            idle.put(worker)

    with ThreadPoolExecutor(n_workers) as threads:
        waiting: set[Future[str]] = {threads.submit(carry_out, order) for order in orders}
        try:
            while waiting:
                check_stop()
                done, waiting = wait(waiting, POLL_SECONDS, FIRST_COMPLETED)
                yield from (answer_in(future.result()) for future in done)
        finally:
            for future in waiting:
                future.cancel()
            for worker in workers:
                worker.end()


class _Process:
    """One process and the pipes to it: an order goes in, a line of JSON comes out."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_over = False
        self._lock = threading.Lock()  # between the thread that starts it and the one that ends it

    def carry_out(self, order: bytes) -> str:
        """The answer, even if a process dies of it or is killed; not if that happens again and again."""
        for _ in range(TRIES):
            process = self._started()
            assert process.stdin is not None and process.stdout is not None
            with contextlib.suppress(OSError):
                process.stdin.write(len(order).to_bytes(8, "little") + order)
                process.stdin.flush()
                if (line := process.stdout.readline()).endswith(b"\n"):
                    return line.decode()
            self._bury(process)
        raise ResourceError(f"a process that worked for this stage died {TRIES} times", "is there enough memory?")

    def end(self) -> None:
        """End it for good."""
        with self._lock:
            self._is_over = True
            if self._process is not None:
                self._process.kill()
                self._bury(self._process)

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_over:
                raise Interrupted("stopped", "run the same command to continue")
            if self._process is None or self._process.poll() is not None:
                self._process = _start()
            return self._process

    @staticmethod
    def _bury(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _start() -> subprocess.Popen[bytes]:
    """A fresh interpreter with this one's import path: no fork of our threads, no import of the caller's script."""
    home = os.fspath(Path(understudy.__file__).parents[1])
    path = json.dumps([home, *(part for part in sys.path if part)])
    command = [sys.executable, "-I", "-S", "-c", START, path]
    group = None if sys.platform == "win32" else 0
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=group)
