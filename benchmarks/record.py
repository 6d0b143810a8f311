"""How every benchmark writes its numbers: beside them the machine, the versions, the commit and the date."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from understudy.core.hardware import Machine
from understudy.core.units import bytes_text

RESULTS = Path(__file__).parent / "results"


def _command(name: str) -> str:
    """As it was given, less where things lie on this machine."""
    words = ["PATH" if "/" in word or Path(word).exists() else word for word in sys.argv[1:]]
    return " ".join(["python", f"benchmarks/{name}.py", *words])


def write_result(name: str, measured: dict[str, Any], packages: tuple[str, ...] = ()) -> Path:
    """Write benchmarks/results/<name>.json and print it."""
    machine = Machine.here()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    result = {
        "benchmark": name,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": _command(name),
        "commit": commit,
        "machine": f"{machine.cpu}, {machine.cores} cores, {bytes_text(machine.memory_bytes)}, {machine.system}",
        "versions": {"python": machine.python}
        | {package: importlib.metadata.version(package) for package in ("torch", *packages)},
        "measured": measured,
    }
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"{name}.json"
    target.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(target.read_text(encoding="utf-8"))
    return target
