"""`understudy doctor`: a self-test of ten seconds, which says what this machine can do and what is missing."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from understudy.cli.session import Session, verb

NEEDED = (
    "torch",
    "numpy",
    "pyarrow",
    "duckdb",
    "xxhash",
    "google-re2",
    "tokenizers",
    "tiktoken",
    "safetensors",
    "pydantic",
)
MINIMUM_FREE_BYTES = 2_000_000_000


@verb
def doctor(session: Session) -> None:
    """Check in ten seconds that this machine can do every stage.

    Python, packages, disk, memory, compiler, matrix products, and a tiny model from its plan to its scores.

    Example:\n
      understudy doctor --json
    """
    from understudy.core.errors import ResourceError

    checks: list[tuple[str, Callable[[Session], tuple[bool, str]]]] = [
        ("python", _python),
        ("packages", _packages),
        ("machine", _machine),
        ("disk", _disk),
        ("compiler", _compiler),
        ("matrix products", _ceiling),
        ("river", _river),
    ]
    rows: list[dict[str, Any]] = []
    for name, check in checks:
        try:
            is_good, text = check(session)
        except Exception as error:
            is_good, text = False, f"{type(error).__name__}: {error}"
        rows.append({"check": name, "ok": is_good, "found": text})
        if not session.as_json:
            session.print(f"{'ok' if is_good else 'FAILED':<7} {name:<16} {text}")
    if session.as_json:
        session.answer(rows)
    failed = [row["check"] for row in rows if not row["ok"]]
    if failed:
        raise ResourceError(f"doctor found a problem with {', '.join(failed)}", "see the lines above")


def _python(_: Session) -> tuple[bool, str]:
    return sys.version_info >= (3, 11), f"{sys.version.split()[0]} (3.11 or newer is needed)"


def _packages(_: Session) -> tuple[bool, str]:
    found = {name: _version(name) for name in NEEDED}
    missing = [name for name, version in found.items() if version is None]
    return not missing, f"missing: {', '.join(missing)}" if missing else f"all {len(NEEDED)}, torch {found['torch']}"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _machine(_: Session) -> tuple[bool, str]:
    from understudy.core.hardware import Machine
    from understudy.core.units import bytes_text

    machine = Machine.here()
    return True, f"{machine.cpu}, {machine.cores} cores, {bytes_text(machine.memory_bytes)}"


def _disk(session: Session) -> tuple[bool, str]:
    from understudy.core.hardware import free_disk_bytes
    from understudy.core.units import bytes_text

    free = free_disk_bytes(session.project.home)
    return free > MINIMUM_FREE_BYTES, f"{bytes_text(free)} free for {session.project.home}"


def _compiler(_: Session) -> tuple[bool, str]:
    found = shutil.which("g++") or shutil.which("clang++")
    return True, found or "no C++ compiler: training works, about 1.5 times slower (install g++)"


def _ceiling(_: Session) -> tuple[bool, str]:
    from understudy import api
    from understudy.core.units import rate_text

    rates = api.matmul_ceilings()
    return True, ", ".join(f"{name} {rate_text(rate)}" for name, rate in rates.items())


def _river(_: Session) -> tuple[bool, str]:
    """Every stage for real, on a few small files, in a throwaway project."""
    from understudy import api
    from understudy.core.paths import Project
    from understudy.core.units import duration_text

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_sample(folder)
        steps = api.run(folder / "recipe.yaml", project=Project(folder))
    seconds = sum(step.seconds for step in steps)
    return all(step.is_done for step in steps), f"{len(steps)} stages in {duration_text(seconds)}"


def _write_sample(folder: Path) -> None:
    """A recipe and a dozen small files that differ."""
    code = folder / "code"
    code.mkdir()
    for number in range(12):
        body = "\n".join(f"    total += {number} * value + {line}" for line in range(30))
        (code / f"part_{number}.py").write_text(f"def part_{number}(value):\n    total = 0\n{body}\n    return total\n")
    (folder / "recipe.yaml").write_text(
        "name: doctor\n"
        "data: {sources: [{dir: code}], split: {valid: 0.2}}\n"
        "tokenizer: {train: {vocabulary: 300}}\n"
        "model: {scratch: {layers: 1, hidden: 32}}\n"
        "train: [{context: 64, tokens: 4096, batch_tokens: 512, compile: false}]\n"
        "eval: {samples: 2, max_tokens: 4}\n"
    )
