"""SIGKILL of the data stage at random moments of every phase, and of its workers: the corpus is the same to the byte.

Moments are counted from events, not from the start: so they fall into every phase, however fast the machine is.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from data_project import NOT_CONTENT, SIDE_FILES, published, write_everything
from small_project import command, environment

PHASES = ("survey", "stage_started", "cleaning", "comparing", "parsing", "writing")
CACHES = ("batches", "sources", "git", "listings", "contamination")
FINISH_SECONDS = 900  # on a machine that has much else to do
HANG_SECONDS = 10.0
KILLS_IN_A_ROW = 5


def events(project: Path, skip: set[str]) -> list[dict[str, Any]]:
    """What the runs that are not in `skip` have reported so far."""
    found = []
    for file in sorted((project / ".understudy" / "runs").glob("*/events.jsonl")):
        if file.parent.name not in skip:
            for line in file.read_text(errors="replace").splitlines():
                try:
                    found.append(json.loads(line))
                except ValueError:  # the line that is just being written
                    continue
    return found


def phase_of(event: dict[str, Any]) -> str:
    return "survey" if event["stage"] == "survey" else str(event.get("what") or event["event"])


def runs(project: Path) -> set[str]:
    return {folder.name for folder in (project / ".understudy" / "runs").glob("*")}


def start(project: Path, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("data", "recipe.yaml"),
        cwd=project,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def finish(project: Path) -> None:
    process = start(project)
    _, errors = process.communicate(timeout=FINISH_SECONDS)
    assert process.returncode == 0, errors


def spans(project: Path) -> dict[str, float]:
    """How long each phase took in the project's only run."""
    told = events(project, set())
    first = {}
    for event in told:
        first.setdefault(phase_of(event), event["time"])
    ends = [*sorted(first.values()), told[-1]["time"]]
    return {phase: next(end for end in ends if end > first[phase]) - first[phase] for phase in PHASES}


def kill_in(project: Path, phase: str, delay_seconds: float) -> str:
    """Run until so long after a phase began, kill the whole group; the last phase it was in, or `finished`.

    A phase with nothing left to do is never told of: then the next one counts.
    """
    earlier = runs(project)
    process = start(project)
    wanted = PHASES[PHASES.index(phase) :]
    try:
        while process.poll() is None and not any(phase_of(event) in wanted for event in events(project, earlier)):
            time.sleep(0.003)
        time.sleep(delay_seconds)
    finally:
        was_running = process.poll() is None
        if was_running:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=HANG_SECONDS)  # its workers hold the other end of the pipe: they die with it
    told = events(project, earlier)
    return phase_of(told[-1]) if was_running and told else "finished"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after one run that nobody disturbed."""
    project = tmp_path_factory.mktemp("undisturbed")
    write_everything(project)
    finish(project)
    return project


@pytest.fixture
def fresh(undisturbed: Path, tmp_path: Path) -> Path:
    """The same sources, at the same place in a project of their own, where nothing was made yet."""
    write_everything(tmp_path)
    return tmp_path


def names(project: Path) -> set[str]:
    return {name.split("/")[0] for name in published(project)}


def test_the_corpus_has_every_side_file_that_there_is(undisturbed: Path) -> None:
    assert names(undisturbed) == {"train", "valid", "rejected"} | SIDE_FILES
    (folder,) = (undisturbed / ".understudy/store/corpus").glob("*")
    assert all((folder / name).stat().st_size > 2 for name in SIDE_FILES)
    funnel = {step["step"]: step["n_dropped"] for step in json.loads((folder / "funnel.json").read_text())}
    assert all(funnel[step] for step in ("opted-out", "contaminated", "license", "near-duplicate", "unparsable"))
    assert not {path.name for path in folder.iterdir()} - names(undisturbed) - NOT_CONTENT


def torment(undisturbed: Path, project: Path, seed: int, n_kills: int) -> list[str]:
    """The phases in which so many kills fell, with runs to the end in between and after.

    Part of the caches goes after each end, and some batches after each kill, so that there is work left to disturb.
    A run that was faster than its killer is counted as none.
    """
    chance = random.Random(seed)
    length, expected = spans(undisturbed), published(undisturbed)
    hit: list[str] = []
    for number in itertools.count(seed):
        phase = PHASES[number % len(PHASES)]
        fell = kill_in(project, phase, chance.random() ** 2 * length[phase])  # a resumed phase is shorter
        hit += [fell] if fell != "finished" else []
        if len(hit) < n_kills and len(hit) % KILLS_IN_A_ROW:
            for batch in sorted((project / ".understudy" / "cache" / "batches").glob("*.*"))[:: chance.randint(1, 3)]:
                batch.unlink()
            if fell == "finished":
                shutil.rmtree(project / ".understudy" / "store", ignore_errors=True)
            continue
        finish(project)
        assert published(project) == expected, f"after {hit[-KILLS_IN_A_ROW:]}"
        if len(hit) >= n_kills:
            return hit
        shutil.rmtree(project / ".understudy" / "store")
        for cache in chance.sample(CACHES, chance.choice([2, len(CACHES)])):
            shutil.rmtree(project / ".understudy" / "cache" / cache, ignore_errors=True)
    raise AssertionError("never")


def test_ten_kills_in_all_phases_change_nothing(undisturbed: Path, fresh: Path) -> None:
    hit = torment(undisturbed, fresh, seed=1, n_kills=10)
    assert len(set(hit)) >= 3, hit


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(10))
def test_a_hundred_kills_in_all_phases_change_nothing(undisturbed: Path, fresh: Path, seed: int) -> None:
    hit = torment(undisturbed, fresh, seed=100 + seed, n_kills=10)
    print(f"seed {seed}: killed in {hit}")
    assert len(hit) == 10


def workers_of(parent: int) -> list[int]:
    """Worker processes of a process."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            mine = int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            if mine and b"compute import worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it ended while we looked
            continue
    return found


def kill_workers(project: Path, chance: random.Random, n_kills: int, expected: dict[str, str]) -> int:
    """Kill single workers of one run, and see that it ends well; how many were killed."""
    killed = 0
    process = start(project)
    try:
        while process.poll() is None and killed < n_kills:
            time.sleep(chance.random() * 0.6)
            for worker in workers_of(process.pid)[: chance.randint(1, 2)]:
                os.kill(worker, signal.SIGKILL)
                killed += 1
        _, errors = process.communicate(timeout=FINISH_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert published(project) == expected
    shutil.rmtree(project / ".understudy")
    return killed


def test_killed_workers_change_nothing(undisturbed: Path, fresh: Path) -> None:
    assert kill_workers(fresh, random.Random(5), 5, published(undisturbed)) >= 3


@pytest.mark.torture
def test_fifty_killed_workers_change_nothing(undisturbed: Path, fresh: Path) -> None:
    chance, killed = random.Random(6), 0
    while killed < 50:
        killed += kill_workers(fresh, chance, min(6, 50 - killed), published(undisturbed))


def test_workers_end_when_the_stage_is_killed(fresh: Path) -> None:
    process = start(fresh)
    while not (workers := workers_of(process.pid)):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=HANG_SECONDS)
    give_up = time.monotonic() + HANG_SECONDS
    while any(is_alive(worker) for worker in workers):
        assert time.monotonic() < give_up, "a worker outlives its stage"
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
