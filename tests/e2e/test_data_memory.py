"""Memory does not grow with the corpus: four times the code, and hardly more of it in any process.

Ten gigabytes are the benchmark's (benchmarks/memory.py); here the slope is measured, on what takes seconds.
"""

from __future__ import annotations

import random
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from small_project import command, environment

FUNCTION = '''def {name}_{n}({first}, {second}={n}):
    """Return what {first} and {second} have of {third} in common, {n} at most."""
    {third} = [{first}.{name}({second} + {n})]
    for {name} in range({n}):
        if {third}[-1] > {name} * {n}:
            {third}.append({first}.{second}({name}, {third}={n}))
    return {third} or "{first} {second} {third} {n}"


'''
WORDS = "load parse index cache queue token frame batch model query write shard route merge split parcel order".split()
FUNCTIONS_IN_A_FILE = 30
SMALL_BYTES, LARGE_BYTES = 40_000_000, 160_000_000
MORE_IN_THE_STAGE = 60_000_000
MORE_IN_A_WORKER = 40_000_000
IN_ALL = 2_000_000_000


def files(size_bytes: int) -> Iterator[str]:
    """Source files of so many bytes in all, the same every time; one in five is nearly one of the last."""
    chance, written = random.Random(17), 0
    last: list[list[str]] = []
    while written < size_bytes:
        if last and chance.random() < 0.2:
            functions = [*chance.choice(last)]
            functions[chance.randrange(len(functions))] = function(chance)
        else:
            functions = [function(chance) for _ in range(FUNCTIONS_IN_A_FILE)]
            last = [*last[-200:], functions]
        text = "".join(functions)
        written += len(text)
        yield text


def function(chance: random.Random) -> str:
    name, first, second, third = (f"{chance.choice(WORDS)}{chance.randrange(1000)}" for _ in range(4))
    return FUNCTION.format(name=name, first=first, second=second, third=third, n=chance.randrange(100_000))


class Peak(NamedTuple):
    """The most memory that the stage and any of its workers had, in bytes, and how many workers there were at once."""

    stage: int
    worker: int
    n_workers: int


def peak_of(folder: Path, size_bytes: int) -> Peak:
    """Make the corpus, run the stage on it, and watch."""
    for number, text in enumerate(files(size_bytes)):
        path = folder / "code" / f"r{number // 100}" / f"f{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "recipe.yaml").write_text("name: memory\ndata: {sources: [{dir: code}]}\n")
    with (folder / "errors").open("w") as errors:
        process = subprocess.Popen(
            command("data", "recipe.yaml"), cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=errors
        )
        peaks: dict[int, int] = {}
        n_workers = 0
        while process.poll() is None:
            workers = children(process.pid)
            n_workers = max(n_workers, len(workers))
            for pid in (process.pid, *workers):
                peaks[pid] = max(peaks.get(pid, 0), high_water(pid))
            time.sleep(0.05)
    assert process.returncode == 0, (folder / "errors").read_text()
    stage = peaks.pop(process.pid)
    return Peak(stage, max(peaks.values()), n_workers)


def children(parent: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            found += [int(pid) for pid in task.read_text().split()]
        except OSError:  # a thread that ended while we looked
            continue
    return found


def high_water(pid: int) -> int:
    """The most memory that a process had so far; 0 for one that is gone."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return 1024 * int(found[1]) if found else 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from /proc")
def test_memory_hardly_grows_with_the_corpus(tmp_path: Path) -> None:
    small, large = (peak_of(tmp_path / str(size), size) for size in (SMALL_BYTES, LARGE_BYTES))
    told = f"{small} for {SMALL_BYTES:,} bytes of code, {large} for {LARGE_BYTES:,}"
    assert large.stage - small.stage < MORE_IN_THE_STAGE, told
    assert large.worker - small.worker < MORE_IN_A_WORKER, told
    assert large.stage + large.n_workers * large.worker < IN_ALL, told
    print(told)
