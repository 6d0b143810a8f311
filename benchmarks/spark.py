"""The data stage on this machine's cores and on Spark `local[2]`: the same files by hash, and what each costs.

At least 5,000 real files: archives of the folder UNDERSTUDY_SDISTS, or else the packages installed beside this Python.
Each engine runs in a process of its own; the processor time is that of all its processes, Java's and Spark's Pythons
among them, looked up five times a second.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

from record import write_result

LEAST_FILES = 5_000
ARCHIVES = ("sympy-1.12", "sympy-1.13.3", "Django-4.2.16", "Django-5.1.3", "sqlalchemy-1.4.54", "sqlalchemy-2.0.36")
LOOK_SECONDS = 0.2
RUN = """
import json, sys, time
from pathlib import Path
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import silent
from understudy.data import survey
from understudy.data.stage import STAGE
project = Project(Path(sys.argv[2]))
recipe = Recipe.model_validate({"name": "t", "data": json.loads(sys.argv[1])})
listed = survey(recipe, project, silent())
events, marks = silent(), {}
events.sinks = (lambda record: marks.setdefault(record.get("what") or record["event"], time.perf_counter()),)
start = time.perf_counter()
figures = STAGE.run(recipe, Inputs({}, project, listed), project.root / "work", events)
told = {name: round(when - start, 2) for name, when in marks.items()}
seconds = time.perf_counter() - start
print(json.dumps({"figures": figures, "n_bytes": listed.size_bytes, "seconds": seconds, "from": told}))
"""


def sources() -> list[dict[str, Any]]:
    folder = os.environ.get("UNDERSTUDY_SDISTS")
    if folder is None:
        return [{"dir": sysconfig.get_paths()["purelib"]}]
    return [{"archive": str(Path(folder, f"{name}.tar.gz"))} for name in ARCHIVES]


def family(root: int) -> dict[int, tuple[float, int]]:
    """Processor seconds and resident bytes of a process and all below it."""
    parents, values = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        parents[pid] = int(fields[1])
        ticks = int(fields[11]) + int(fields[12])
        values[pid] = (ticks / os.sysconf("SC_CLK_TCK"), int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))
    mine = {root}
    while more := {pid for pid, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return {pid: values[pid] for pid in mine if pid in values}


def run(engine: str, root: Path) -> dict[str, Any]:
    """One engine's figures: hashes, seconds, processor seconds, most memory."""
    data = {"compute": engine, "sources": sources(), "languages": ["python"]}
    if engine == "spark":
        data["spark"] = {"spark.master": "local[2,4]"}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, json.dumps(data), str(root)], stdout=subprocess.PIPE, text=True
    )
    cpu: dict[int, float] = {}
    most = 0
    while process.poll() is None:
        found = family(process.pid)
        cpu |= {pid: seconds for pid, (seconds, _) in found.items()}
        most = max(most, sum(size for _, size in found.values()))
        time.sleep(LOOK_SECONDS)
    told = json.loads(process.stdout.read().splitlines()[-1])  # type: ignore[union-attr]
    return told | {
        "cpu_seconds": round(sum(cpu.values()), 1),
        "peak_mb": round(most / 1e6),
        "hashes": hashes(root / "work"),
    }


def hashes(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "scratch" not in path.parts]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main() -> None:
    found = {}
    for engine in ("local", "spark"):
        with tempfile.TemporaryDirectory() as folder:
            found[engine] = run(engine, Path(folder))
    local, spark = found["local"], found["spark"]
    if local["figures"]["n_files_seen"] < LEAST_FILES:
        sys.exit(f"only {local['figures']['n_files_seen']} files: set UNDERSTUDY_SDISTS")
    measured: dict[str, Any] = {
        "n_files": local["figures"]["n_files_seen"],
        "size_mb": round(local["n_bytes"] / 1e6, 1),
        "published_files": len(local["hashes"]),
        "identical": local["hashes"] == spark["hashes"] and local["figures"] == spark["figures"],
    }
    for engine, told in found.items():
        mb = told["n_bytes"] / 1e6
        measured[engine] = {
            "seconds": round(told["seconds"], 1),
            "cpu_seconds": told["cpu_seconds"],
            "mb_per_second": round(mb / told["seconds"], 2),
            "mb_per_cpu_second": round(mb / told["cpu_seconds"], 2),
            "peak_mb": told["peak_mb"],
            "phases_from_second": told["from"],
        }
    measured["spark_cpu_over_local"] = round(spark["cpu_seconds"] / local["cpu_seconds"], 2)
    write_result("spark", measured, packages=("pyspark", "pyarrow", "duckdb"))


if __name__ == "__main__":
    main()
