"""Worker processes are killed, crash, hang and fail; the stage neither hangs nor loses a batch."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from understudy.core.errors import Interrupted, ResourceError
from understudy.core.tracking import Events, silent
from understudy.data.compute import Checkpoints, Orders
from understudy.data.compute import crew as crew_module
from understudy.data.compute.crew import Crew, Task
from understudy.data.documents import Placed, working_batch
from understudy.data.listing import Entry
from understudy.data.sources.reading import raw_id
from understudy.data.steps import StepSetting

# A worker with one more step: it does to itself what the document's text says.
START = """
import json, os, signal, sys, time
sys.path[:] = json.loads(sys.argv[1])
from understudy.data import steps
from understudy.data.compute import worker
from understudy.data.steps.contract import JudgingStep

class Bomb(JudgingStep):
    name = "bomb"
    def judge(self, text, path, lang):
        if "crash" in text:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "hang" in text:
            time.sleep(1000)
        if "fail" in text:
            raise RuntimeError("a step with a mistake in it")
        if "print" in text:
            print("noise on the pipe")

steps.STEPS["bomb"] = steps.StepRow(Bomb, lambda recipe: {})
worker.main()
"""
STEPS = (StepSetting("read", {"limit": 1_000_000}), StepSetting("decode"), StepSetting("bomb"))
ORDERS = Orders(STEPS, "cleaning")


@pytest.fixture(autouse=True)
def bombs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew_module, "START", START)


def task(number: int, *texts: str) -> Task:
    rows = []
    for place, text in enumerate(texts):
        data = text.encode()
        entry = Entry("r", f"{place}.py", "python", len(data), "0", raw_id(data), "", "")
        rows.append(Placed(entry, data))
    return Task(str(number), 100, working_batch("archive", rows))


def outcome(folder: Path, task: Task) -> list[str | None]:
    facts = pq.read_table(Checkpoints(folder).facts(task.key))
    return facts["drop_reason"].to_pylist()  # type: ignore[no-any-return]


def run(folder: Path, tasks: list[Task], n_workers: int = 2, events: Events | None = None) -> list[int]:
    with Crew(n_workers, ORDERS, folder, events or silent()) as crew:
        return sorted(int(finished.key) for finished in crew.run(tasks))


def test_every_task_is_finished_once(tmp_path: Path) -> None:
    tasks = [task(number, "ordinary", "print") for number in range(9)]
    assert run(tmp_path, tasks) == list(range(9))
    assert [outcome(tmp_path, item) for item in tasks] == [[None, None]] * 9


def test_a_document_that_crashes_its_worker_is_set_aside_and_the_others_are_kept(tmp_path: Path) -> None:
    tasks = [task(0, "ordinary", "crash", "ordinary", "crash again"), task(1, "ordinary")]
    assert run(tmp_path, tasks) == [0, 1]
    assert [outcome(tmp_path, item) for item in tasks] == [[None, "deadly", None, "deadly"], [None]]


def test_a_document_that_hangs_its_worker_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew_module, "BATCH_SECONDS", 2.0)
    monkeypatch.setattr(crew_module, "ROW_SECONDS", 0.5)
    (item,) = tasks = [task(0, "ordinary", "hang", "ordinary")]
    assert run(tmp_path, tasks) == [0]
    assert outcome(tmp_path, item) == [None, "deadly", None]


def test_a_mistake_in_a_step_is_reported_and_not_repeated_for_ever(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="a step with a mistake in it"):
        run(tmp_path, [task(0, "fail")])


def test_a_checkpoint_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "0.arrow").mkdir()
    with pytest.raises(IsADirectoryError):
        run(tmp_path, [task(0, "ordinary")])


def test_a_stop_ends_a_crew_at_once_even_while_it_hangs(tmp_path: Path) -> None:
    events = silent()
    threading.Timer(1.0, events.stop.set).start()
    with pytest.raises(Interrupted):
        run(tmp_path, [task(number, "hang") for number in range(20)], events=events)
    assert not children()


def test_an_error_where_tasks_are_made_ends_the_crew(tmp_path: Path) -> None:
    def tasks() -> Iterator[Task]:
        yield task(0, "ordinary")
        raise ValueError("the source is broken")

    with pytest.raises(ValueError, match="the source is broken"):
        run(tmp_path, tasks())  # type: ignore[arg-type]
    assert not children()


def children() -> list[int]:
    """Worker processes of this process."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            is_worker = parent == os.getpid() and b"compute import worker" in (folder / "cmdline").read_bytes()
        except OSError:  # it ended while we looked
            continue
        if is_worker:
            found.append(int(folder.name))
    return found


def test_workers_killed_from_outside_change_nothing(
    library: Path, make_corpus: Callable[..., Any], undisturbed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    stop = threading.Event()
    killed: list[int] = []

    def disturb() -> None:
        while not stop.wait(0.25):
            for process in children()[:1]:
                os.kill(process, signal.SIGKILL)
                killed.append(process)
                if len(killed) == 6:
                    return

    thread = threading.Thread(target=disturb)
    thread.start()
    started = time.monotonic()
    try:
        disturbed = make_corpus(library, work="disturbed")
    finally:
        stop.set()
        thread.join()
    assert killed and time.monotonic() - started < 60
    assert disturbed.hashes() == undisturbed
