"""One run of the data stage in a process of its own, watched: seconds and CPU by phase, memory of it and its workers.

The run tells at each change of phase what it and its finished workers have used (`getrusage`); meanwhile this side
reads every process's share of memory from /proc. Pages that processes share are counted once among them (PSS), so
that the sum is what the machine needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from understudy.core.artifact import Artifact

SAMPLE_SECONDS = 0.5
FIRST = "looking at the sources"
LAST = "publishing"  # after the last sign of the stage: the corpus is hashed and moved to its place


@dataclass
class Seen:
    """What was seen of one run: seconds, CPU-seconds of main process and workers by phase, megabytes at most."""

    seconds: float
    load_average: float
    phases: dict[str, dict[str, float]]
    peak_mb: dict[str, float] = field(default_factory=dict)
    peak_mb_by_phase: dict[str, float] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)  # what the stage says of its corpus

    @property
    def cpu(self) -> float:
        """CPU-seconds of all processes."""
        return sum(phase["main_cpu"] + phase["workers_cpu"] for phase in self.phases.values())

    def as_json(self, n_bytes: int) -> dict[str, Any]:
        """Rounded, with rates for so many bytes of input."""
        return {
            "seconds": round(self.seconds, 1),
            "cpu_seconds": round(self.cpu, 1),
            "mb_per_second": round(n_bytes / 1e6 / self.seconds, 1),
            "mb_per_cpu_second": round(n_bytes / 1e6 / self.cpu, 1),
            "load_average": self.load_average,
            "phases": {
                name: {key: round(value, 1) for key, value in phase.items()} for name, phase in self.phases.items()
            },
            "peak_mb": _rounded(self.peak_mb, None),
            "peak_mb_by_phase": _rounded(self.peak_mb_by_phase, None),
            "told": self.told,
        }


def _rounded(values: Mapping[str, float], digits: int | None = 1) -> dict[str, float]:
    return {name: round(value, digits) for name, value in values.items()}


def observed(recipe: Path, project: Path) -> Seen:
    """Run `understudy data RECIPE` in this project and watch it. Raises CalledProcessError where it fails."""
    report = project / "observed.json"
    project.mkdir(parents=True, exist_ok=True)
    (project / "phase").write_text(FIRST)
    process = subprocess.Popen([sys.executable, __file__, str(recipe), str(project), str(report)])
    peak: dict[str, float] = defaultdict(float)
    by_phase: dict[str, float] = defaultdict(float)
    while process.poll() is None:
        main, workers = memory_mb(process.pid)
        phase = (project / "phase").read_text() or FIRST
        for name, value in (("main", main), ("workers", workers), ("sum", main + workers)):
            peak[name] = max(peak[name], value)
        by_phase[phase] = max(by_phase[phase], main + workers)
        time.sleep(SAMPLE_SECONDS)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "understudy data")
    values = json.loads(report.read_text())
    return Seen(**values, peak_mb=dict(peak), peak_mb_by_phase=dict(by_phase))


def memory_mb(pid: int) -> tuple[float, float]:
    """Megabytes of a process, and of all processes below it."""
    below, waiting = [], [pid]
    while waiting:
        mine = _children(waiting.pop())
        below += mine
        waiting += mine
    return _pss_mb(pid), sum(map(_pss_mb, below))


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def _pss_mb(pid: int) -> float:
    with contextlib.suppress(OSError, ValueError, IndexError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(text.partition("\nPss:")[2].split()[0]) * 1024 / 1e6
    return 0.0


class Phases:
    """A sink of events that notes what was used when the phase changes."""

    def __init__(self, project: Path) -> None:
        self._file = project / "phase"
        self._now, self._at = FIRST, _used()
        self.phases: dict[str, dict[str, float]] = {}
        self.told: dict[str, Any] = {}

    def __call__(self, record: dict[str, Any]) -> None:
        if record["event"] == "progress":
            is_last = record["what"] == "writing" and record["done"] == record["total"]
            self.change(LAST if is_last else record["what"])

    def change(self, phase: str) -> None:
        """What was used since the last change belongs to the phase that ends."""
        if phase == self._now:
            return
        now = _used()
        known = self.phases.setdefault(self._now, dict.fromkeys(now, 0.0))
        for name, value in now.items():
            known[name] += value - self._at[name]
        self._now, self._at = phase, now
        self._file.write_text(phase)


def _used() -> dict[str, float]:
    mine, workers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": time.perf_counter(),
        "main_cpu": mine.ru_utime + mine.ru_stime,
        "workers_cpu": workers.ru_utime + workers.ru_stime,
    }


def main(recipe: str, project: str, report: str) -> None:
    """Make the corpus, and write what it took."""
    from understudy import api
    from understudy.core.paths import Project
    from understudy.core.tracking import Events

    start = time.perf_counter()
    phases = Phases(Path(project))
    steps = api.run(recipe, target="data", project=Project(Path(project)), events=Events((phases,)))
    phases.change("end")
    made = next(step.artifact for step in steps if step.stage == "data")
    told = _told(made) if made else {}
    values = {
        "seconds": time.perf_counter() - start,
        "load_average": round(os.getloadavg()[0], 1),
        "phases": phases.phases,
    }
    Path(report).write_text(json.dumps(values | {"told": told}))


def _told(made: Artifact) -> dict[str, Any]:
    """Figures of the corpus. Usable is what is of a wanted language, whatever becomes of it."""
    first = json.loads((made.path / "funnel.json").read_text())[0]
    told = {name: made.metrics[name] for name in ("n_files_seen", "n_train", "n_valid", "n_rejected")}
    return told | {"usable_bytes": first["size_bytes_in"] - first["size_bytes_dropped"]}


if __name__ == "__main__":
    main(*sys.argv[1:])
