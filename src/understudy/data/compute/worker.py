"""A worker process: takes batches from its standard input, runs the steps, keeps the results as Arrow files.

It may die of any file at any moment; what it has finished is on disk, and the crew that drives it sends the rest again.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import IO

import pyarrow as pa

from understudy.clusters.process import end_with_parent
from understudy.data.compute.checkpoints import Checkpoints
from understudy.data.compute.frames import Frame, receive, send
from understudy.data.documents import Verdict, dropped
from understudy.data.memory import give_back, resident_bytes
from understudy.data.steps import Step, StepSetting, make_step

DEADLY = "deadly"
LARGE_BYTES = 250_000_000  # for a process that has all its libraries and one batch
MEMORY_BYTES = 8_000_000_000  # parsing takes up to 200 times the size of a file, and files are a megabyte or less
DEADLY_EVIDENCE = "the process that read it crashed or hung, twice"


class _WithoutPandas(MetaPathFinder):
    """Arrow loads pandas where it finds it: 0.4 seconds and 30 MB for nothing. So it does not find it."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("workers do without pandas", name="pandas")


def main() -> None:
    """Serve until the other side closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole terminal; the stage decides what ends
    _within_limits()
    sys.meta_path.insert(0, _WithoutPandas())
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    gc.set_threshold(100_000)  # parsing makes many small objects and hardly a cycle
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not break the protocol
    hello = receive(inbox)
    if hello is None:
        return
    checkpoints = Checkpoints(Path(hello.header["checkpoints"]))
    save = partial(checkpoints.save, keeps_contents=hello.header["keeps_contents"])
    steps = [make_step(StepSetting(name, settings)) for name, settings in hello.header["steps"]]
    while (task := receive(inbox)) is not None:
        _work(task, steps, save, outbox)
        if resident_bytes() > LARGE_BYTES:  # after a file that takes much to parse
            give_back()


def _work(task: Frame, steps: list[Step], save: Callable[[str, pa.RecordBatch], None], outbox: IO[bytes]) -> None:
    with pa.ipc.open_stream(task.body) as reader:
        batch = reader.read_next_batch()
    deadly = {row: Verdict(DEADLY, DEADLY_EVIDENCE) for row in task.header["deadly"]}
    batch = dropped(batch, "read", deadly)
    if task.header["one_by_one"]:
        batch = _one_by_one(batch, steps, outbox)
    else:
        batch = _through(batch, steps)
    try:
        save(task.header["key"], batch)
    except OSError as error:  # a full disk is the stage's to report, and no reason to try again
        send(outbox, Frame({"errno": error.errno or errno.EIO}))
    else:
        send(outbox, Frame({"done": True}))


def _through(batch: pa.RecordBatch, steps: list[Step]) -> pa.RecordBatch:
    for step in steps:
        batch = step(batch)
    return batch


def _one_by_one(batch: pa.RecordBatch, steps: list[Step], outbox: IO[bytes]) -> pa.RecordBatch:
    """The same, saying before each row which one it is: the last one named is the one that killed us."""
    results = []
    for row in range(len(batch)):
        send(outbox, Frame({"row": row}))
        results.append(_through(batch.slice(row, 1), steps))
    return pa.concat_batches(results)


def _within_limits() -> None:
    """No core dumps, no more memory than any honest file needs, and no life after the stage's."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most == resource.RLIM_INFINITY or most > MEMORY_BYTES:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, most))
    end_with_parent()  # a process that hangs in a parser does not notice that its pipe is closed
