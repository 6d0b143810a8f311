"""Drives the worker processes: hands out batches, replaces workers that die, finds the file that kills them.

Each thread here drives one process, so the code reads straight on: send, wait, and on silence start over. A batch that
kills its worker is sent again; from the third time on the worker names each row before it works on it, and a row that
it died of twice is set aside.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

import understudy
from understudy.core.errors import Interrupted, ResourceError
from understudy.core.tracking import Events
from understudy.data.compute import Orders
from understudy.data.compute.frames import Frame, receive, send

BATCH_SECONDS = 300.0  # a batch takes about a second; only a parser that hangs takes this long
ROW_SECONDS = 30.0
POLL_SECONDS = 0.05  # how soon a stop is noticed
EXIT_SECONDS = 2.0  # for a process that closed its pipes to be gone
MAX_FAILED_STARTS = 3
FINISHED = -2
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from understudy.data.compute import worker; worker.main()"
)


@dataclass(frozen=True, slots=True)
class Task:
    """A batch to work on; its key names the checkpoint that it becomes."""

    key: str
    size_bytes: int
    batch: pa.RecordBatch


class Crew:
    """A fixed number of worker processes, for use in a `with`: leaving it ends them."""

    def __init__(self, n_workers: int, orders: Orders, folder: Path, events: Events) -> None:
        """Starts the processes at once: they load their libraries while the first batches are made."""
        self._events = events
        self._tasks: queue.Queue[Task | None] = queue.Queue(maxsize=n_workers + 1)
        self._results: queue.Queue[Task | BaseException] = queue.Queue()
        self._workers = [Worker(orders, folder) for _ in range(n_workers)]
        self._threads = [threading.Thread(target=self._drive, args=(worker,)) for worker in self._workers]

    def __enter__(self) -> Crew:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()
        with contextlib.suppress(queue.Empty):
            while True:
                self._tasks.get_nowait()
        for _thread in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        for worker in self._workers:
            worker.bury()

    def run(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """Each task when its checkpoint is written, in the order they finish. Raises what a worker's driver raised."""
        n_open = 0
        for task in tasks:
            while not self._offered(task):
                yield self._wait()
                n_open -= 1
            n_open += 1
        for _ in range(n_open):
            yield self._wait()

    def _offered(self, task: Task) -> bool:
        try:
            self._tasks.put_nowait(task)
        except queue.Full:
            return False
        return True

    def _wait(self) -> Task:
        """The next finished task. Watches meanwhile for a stop and for workers that hang."""
        while True:
            if self._events.should_stop:
                raise Interrupted("stopped; what is finished of the corpus is kept", "run the same command to continue")
            for worker in self._workers:
                worker.kill_if_late()
            with contextlib.suppress(queue.Empty):
                result = self._results.get(timeout=POLL_SECONDS)
                if isinstance(result, BaseException):
                    raise result
                return result

    def _drive(self, worker: Worker) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                worker.carry_out(task)
            except BaseException as error:  # whatever it is, the stage must hear of it instead of waiting
                self._results.put(error)
                return
            self._results.put(task)


class Worker:
    """One process and the pipes to it. Its own thread calls `carry_out`; any thread may call `end`."""

    def __init__(self, orders: Orders, folder: Path, log: Path | None = None) -> None:
        steps = [[step.name, step.settings] for step in orders.steps]
        where = {"checkpoints": os.fspath(folder), "keeps_contents": orders.keeps_contents}
        self._hello = Frame({"steps": steps, **where})
        self._folder, self._log = folder, log or folder / "workers.log"
        self._late_at: float | None = None
        self._is_over = False
        self._n_failed_starts = 0
        self._process = self._started()

    def carry_out(self, task: Task) -> None:
        """Return when the task's checkpoint is there, whatever happens to the process meanwhile."""
        deaths: Counter[int] = Counter()
        body = _as_bytes(task.batch)
        for attempt in range(3 + 2 * len(task.batch)):
            deadly = [row for row, n in deaths.items() if n >= 2]
            header = {"key": task.key, "deadly": deadly, "one_by_one": attempt >= 2}
            row = self._attempt(Frame(header, body))
            if row == FINISHED:
                return
            deaths[row] += row >= 0
            self._replace()
        raise ResourceError("the worker processes die again and again", f"their messages are in {self._log}")

    def _attempt(self, frame: Frame) -> int:
        """FINISHED, or the last row that the process named before it died (-1: none).

        Raises the OSError that kept the process from writing the checkpoint.
        """
        row = -1
        self._late_at = time.monotonic() + BATCH_SECONDS
        try:
            for answer in self._answers(frame):
                if "errno" in answer.header:
                    number = int(answer.header["errno"])
                    raise OSError(number, os.strerror(number), os.fspath(self._folder))
                if "done" in answer.header:
                    self._n_failed_starts = 0
                    return FINISHED
                row = int(answer.header["row"])
                self._late_at = time.monotonic() + ROW_SECONDS
        finally:
            self._late_at = None
        return row

    def _answers(self, frame: Frame) -> Iterator[Frame]:
        """What the process answers, until it is done or dead."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(OSError):  # it died while we were writing
            send(self._process.stdin, frame)
            while (answer := receive(self._process.stdout)) is not None:
                yield answer

    def kill_if_late(self) -> None:
        """End a process that has been silent for longer than any honest file takes; its driver starts another."""
        late_at = self._late_at
        if late_at is not None and time.monotonic() > late_at:
            self._process.kill()

    def end(self) -> None:
        """End the process for good."""
        self._is_over = True
        self._process.kill()

    def bury(self) -> None:
        """Wait for the ended process to be gone, when no thread uses it any more."""
        self._process.kill()
        self._process.wait()
        self._close_pipes()

    def _replace(self) -> None:
        self._close_pipes()
        try:
            code = self._process.wait(timeout=EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        if self._is_over:
            raise Interrupted("stopped", "run the same command to continue")
        self._n_failed_starts = self._n_failed_starts + 1 if code > 0 else 0  # a code, not a signal: Python gave up
        if self._n_failed_starts >= MAX_FAILED_STARTS:
            raise ResourceError(f"a worker process failed {MAX_FAILED_STARTS} times: {self._last_words()}")
        self._process = self._started()
        self._end_if_over()  # `end` may have come between the check and the start

    def _end_if_over(self) -> None:
        if self._is_over:
            self._process.kill()

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"

    def _started(self) -> subprocess.Popen[bytes]:
        """A fresh interpreter with this one's import path: no fork of our threads, no import of the caller's script."""
        home = os.fspath(Path(understudy.__file__).parents[1])
        path = json.dumps([home, *(part for part in sys.path if part)])
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", START, path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                process_group=None if sys.platform == "win32" else 0,
            )
        with contextlib.suppress(OSError):  # it died at once: the first task will notice
            assert process.stdin is not None
            send(process.stdin, self._hello)
        return process

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _as_bytes(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]
