"""Seconds of the demo by stage on a fresh project, and of an `up` that finds everything done, beside `dvc repro`'s.

DVC is what people use to skip stages whose inputs did not change; its pipeline here has the same number of stages over
the same source files, and each stage only copies a file, so that what is compared is finding out that nothing is to do.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from clock import Spent, timed
from record import RESULTS, write_result

from understudy.core.artifact import Store
from understudy.core.paths import Project

ROOT = Path(__file__).parents[1]
STAGES = ("plan", "data", "tokenizer", "tokens", "train", "eval")
N_REPEATS = 5


def run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> tuple[Spent, str]:
    """What a command takes, and its stdout."""
    return timed(
        lambda: subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, env=environment).stdout
    )


def medians(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> Spent:
    """The medians of several runs of a command."""
    wall, cpu = zip(*(run(command, folder, environment)[0] for _ in range(N_REPEATS)), strict=True)
    return Spent(round(statistics.median(wall), 3), round(statistics.median(cpu), 3))


def demo(project: Path) -> dict[str, Any]:
    """The demo on a fresh project, then again with nothing to do. What it printed goes to results/demo.txt."""
    command = [sys.executable, "-m", "understudy", "up", "recipes/demo.yaml", "--project", str(project)]
    spent, printed = run(command, ROOT)
    here = printed.replace(f"{project}/", "").replace(f" --project {project}", "")
    shown = "\n".join(line.rstrip() for line in here.splitlines()).strip()
    (RESULTS / "demo.txt").write_text(shown + "\n", encoding="utf-8")
    again = medians(command, ROOT)
    made = {artifact.made_by["stage"]: artifact.made_by["seconds"] for artifact in Store(Project(project)).all()}
    return {
        "demo_seconds": round(spent.wall, 1),
        "demo_cpu_seconds": round(spent.cpu, 1),
        "demo_seconds_by_stage": made,
        "demo_seconds_outside_stages": round(spent.wall - sum(made.values()), 1),
        "no_op_seconds_median": again.wall,
        "no_op_cpu_seconds_median": again.cpu,
    }


def dvc(folder: Path) -> dict[str, Any]:
    """`dvc repro` with nothing to do, over the same source files; empty where dvc is not installed."""
    program = shutil.which("dvc")
    if program is None:
        return {"dvc": "not installed (pipx install dvc)"}
    library = Path(sysconfig.get_paths()["stdlib"])
    shutil.copytree(
        library, folder / "source", ignore=shutil.ignore_patterns("site-packages", "__pycache__", "*.so", "*.a")
    )
    previous, stages = "source", []
    for name in STAGES:
        stages.append(f"  {name}:\n    cmd: echo {name} > {name}.txt\n    deps: [{previous}]\n    outs: [{name}.txt]\n")
        previous = f"{name}.txt"
    (folder / "dvc.yaml").write_text("stages:\n" + "".join(stages))
    environment = os.environ | {"DVC_NO_ANALYTICS": "1"}
    for command in (["init", "--no-scm", "-q"], ["repro", "-q"]):
        subprocess.run([program, *command], cwd=folder, check=True, env=environment, capture_output=True)
    again = medians([program, "repro"], folder, environment)
    return {
        "dvc_no_op_seconds_median": again.wall,
        "dvc_no_op_cpu_seconds_median": again.cpu,
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as project, tempfile.TemporaryDirectory() as folder:
        measured = demo(Path(project)) | dvc(Path(folder))
    if "dvc_no_op_cpu_seconds_median" in measured:
        ratio = measured["dvc_no_op_cpu_seconds_median"] / measured["no_op_cpu_seconds_median"]
        measured["no_op_cpu_times_faster_than_dvc"] = round(ratio, 2)
    write_result("river", measured)


if __name__ == "__main__":
    main()
