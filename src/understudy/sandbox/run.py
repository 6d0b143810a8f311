"""Starts a program in the sandbox, watches it, ends it, and tells what came of it.

    Sandbox.probe() ─▶ the strongest level here, attacked before it is trusted ─▶ Sandbox.run(program) ─▶ Outcome

Linux only. A run is one fresh process: nothing of one program is there for the next.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Literal

from understudy.core.errors import ResourceError
from understudy.sandbox.outcome import Limits, Outcome, read_values
from understudy.sandbox.watch import Watched, watch

Level = Literal["landlock+seccomp", "landlock", "seccomp", "rlimits only"]
CHILD = Path(__file__).with_name("child.py")
# What an interpreter without packages reads after its start: its library, shared libraries, time zones.
SYSTEM = ("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo", "/dev/urandom")
HINT = "a Linux kernel from 6.2 on with Landlock and seccomp is needed, or do without running programs"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs untrusted Python. `probe` gives the one to use; a weaker level is for measuring what it lets through.

    `packages` are folders that the programs may import from; they become readable.
    """

    level: Level
    packages: tuple[str, ...] = ()

    @classmethod
    def probe(cls, packages: Sequence[Path | str] = ()) -> Sandbox:
        """The strongest sandbox here. Raises ResourceError where none contains every attack of the self-check."""
        sandbox = cls(available_level(), tuple(str(path) for path in packages))
        leaks = _leaks(sandbox.level)
        if leaks:
            raise ResourceError(
                f"the sandbox of this machine ({sandbox.level}) does not contain: {', '.join(leaks)}", HINT
            )
        return sandbox

    def run(
        self, program: str, expressions: Sequence[str] = (), stdin: str = "", limits: Limits | None = None
    ) -> Outcome:
        """Run a program, then evaluate expressions in its names; their values come back if they are of builtin types.

        Raises ResourceError when the sandbox itself fails; whatever the program does is in the outcome.
        """
        limits = limits or Limits()
        request = {
            "level": self.level,
            "rlimits": _rlimits(limits),
            "readable": [*_library(), *SYSTEM, *self.packages],
            "packages": list(self.packages),
            "program": program,
            "expressions": list(expressions),
        }
        folder = Path(tempfile.mkdtemp(prefix="understudy-sandbox-"))
        try:
            watched = _run_child(request, stdin, folder, limits)
        finally:
            _remove(folder)
        return self._outcome(watched, len(expressions))

    def _outcome(self, watched: Watched, n_expressions: int) -> Outcome:
        lines = watched.results.split(b"\n")
        has_started = lines[0] == b"started"
        if not has_started and not watched.ended_by:
            raise ResourceError(f"the sandbox did not start: {_text(watched.stderr)[-500:]}", HINT)
        whole = lines[1:-1]  # the last is what stands behind the last line's end
        values, reason = read_values(whole, n_expressions)
        status: Any = "failed" if reason else "passed"
        if watched.ended_by:
            status, reason, values = watched.ended_by.status, watched.ended_by.reason, ()
        return Outcome(
            status, values, _text(watched.stdout), _text(watched.stderr), watched.seconds, reason, self.level
        )


@lru_cache(maxsize=1)
def available_level() -> Level:
    """The strongest level that this kernel has the parts for. Raises ResourceError where it is not Linux."""
    if sys.platform != "linux":
        raise ResourceError(f"untrusted programs run on Linux only, and this is {sys.platform}", HINT)
    from understudy.sandbox import kernel

    parts = []
    if kernel.landlock_version() >= kernel.LEAST_LANDLOCK:
        parts.append("landlock")
    if kernel.has_seccomp():
        parts.append("seccomp")
    return "+".join(parts) or "rlimits only"  # type: ignore[return-value]


@lru_cache(maxsize=4)
def _leaks(level: Level) -> tuple[str, ...]:
    from understudy.sandbox.attacks import leaks

    return leaks(Sandbox(level))


def _run_child(request: dict[str, Any], stdin: str, folder: Path, limits: Limits) -> Watched:
    results, results_in_child = os.pipe()
    try:
        with _file(marshal.dumps(request)) as question, _file(stdin.encode("utf-8", "surrogatepass")) as input_file:
            descriptors = (question.fileno(), results_in_child)
            # `-I` would be the same and ignore PYTHONHASHSEED: with it the order of a set is the same in every run.
            command = [sys.executable, *"-P -s -S -B -X utf8".split(), str(CHILD), *map(str, descriptors)]
            process = subprocess.Popen(
                command,
                stdin=input_file,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env={"PYTHONHASHSEED": "0"},
                pass_fds=descriptors,
                start_new_session=True,
            )
            os.close(results_in_child)
            results_in_child = -1
            return watch(process, results, folder, limits)
    finally:
        os.close(results)
        if results_in_child >= 0:
            os.close(results_in_child)


def _file(data: bytes) -> BinaryIO:
    """An open file without a name that holds `data`."""
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(data)
    file.seek(0)
    return file


def _rlimits(limits: Limits) -> list[tuple[str, int, int]]:
    """The kernel's limits: name, soft, hard. The CPU's hard limit lies a second later, for who ignores the signal."""
    same = {
        "RLIMIT_AS": limits.memory_bytes,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NOFILE": limits.n_open,
        "RLIMIT_NPROC": 1,
        "RLIMIT_CORE": 0,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
    }
    rows = [(name, value, value) for name, value in same.items()]
    return [*rows, ("RLIMIT_CPU", limits.cpu_seconds, limits.cpu_seconds + 1)]


def _library() -> tuple[str, ...]:
    """Where the interpreter's own modules lie. Packages installed beside them are not meant to be secret."""
    paths = sysconfig.get_paths()
    places = {paths["stdlib"], paths["platstdlib"], sys.base_prefix + "/lib"}
    return tuple(sorted(places))


def _remove(folder: Path) -> None:
    """Delete what a program left, however it made it hard."""
    with contextlib.suppress(OSError, RecursionError):
        shutil.rmtree(folder)
        return
    for command in (["chmod", "-R", "u+rwx", "--"], ["rm", "-rf", "--"]):
        subprocess.run([*command, str(folder)], check=False, stderr=subprocess.DEVNULL)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
