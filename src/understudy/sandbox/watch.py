"""Watches one running child: collects what it writes, ends it when it takes too much, and leaves nothing running."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from understudy.sandbox.outcome import Limits, Status, too_much

LOOK_SECONDS = 0.02  # between two looks at the disk; a fast one takes some 40 MB in that time
DEEPEST_FOLDER = 32
CHUNK_BYTES = 65_536


class Ended(NamedTuple):
    """Why a child had to be ended, or was ended by a signal."""

    status: Status
    reason: str


@dataclass(slots=True)
class Watched:
    """All that is known of a child that is gone."""

    stdout: bytes = b""
    stderr: bytes = b""
    results: bytes = b""
    seconds: float = 0.0
    ended_by: Ended | None = None


@dataclass(slots=True)
class _Pipes:
    """The child's three pipes, and what came out of them so far."""

    limit: int
    names: dict[int, str]
    texts: dict[str, bytearray] = field(default_factory=dict)

    def read(self, descriptor: int) -> bool:
        """Take what is there; False at the end."""
        try:
            data = os.read(descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return True
        self.texts.setdefault(self.names[descriptor], bytearray()).extend(data)
        return bool(data)

    def overflow(self) -> str | None:
        """Which pipe gave more than the limit."""
        return next((name for name, text in self.texts.items() if len(text) > self.limit), None)


def watch(process: subprocess.Popen[bytes], results: int, folder: Path, limits: Limits) -> Watched:
    """Wait for a child, at most as long as its limits say; its whole group is dead when this returns."""
    assert process.stdout is not None and process.stderr is not None
    started = time.monotonic()
    pipes = _Pipes(
        limits.output_bytes, {process.stdout.fileno(): "stdout", process.stderr.fileno(): "stderr", results: "results"}
    )
    ended: Ended | None = None
    try:
        with selectors.DefaultSelector() as selector:
            for descriptor in pipes.names:
                os.set_blocking(descriptor, False)
                selector.register(descriptor, selectors.EVENT_READ)
            ended = _wait(process, selector, pipes, folder, limits, started + limits.wall_seconds)
    finally:
        signal_ended = _end(process, limits)
    for descriptor in pipes.names:  # what it wrote before it died
        while not pipes.overflow() and pipes.read(descriptor) and _has_more(descriptor):
            pass
    process.stdout.close()
    process.stderr.close()
    seconds = round(time.monotonic() - started, 4)
    kept = {name: bytes(text[: limits.output_bytes]) for name, text in pipes.texts.items()}
    return Watched(**kept, seconds=seconds, ended_by=ended or signal_ended)


def _wait(
    process: subprocess.Popen[bytes],
    selector: selectors.BaseSelector,
    pipes: _Pipes,
    folder: Path,
    limits: Limits,
    deadline: float,
) -> Ended | None:
    """Until the child is gone by itself (None), or a reason to end it."""
    handle = os.pidfd_open(process.pid)
    try:
        selector.register(handle, selectors.EVENT_READ)
        next_look = 0.0
        while True:
            now = time.monotonic()
            if now >= deadline:
                return Ended("timed-out", f"over {limits.wall_seconds:g} s")
            if now >= next_look:
                if _takes_too_much_disk(folder, limits):
                    return Ended("killed", too_much("files", limits.disk_bytes))
                next_look = now + LOOK_SECONDS
            for key, _ in selector.select(min(deadline, next_look) - now):
                if key.fd == handle:
                    return None
                if not pipes.read(key.fd):
                    selector.unregister(key.fd)
                if (name := pipes.overflow()) is not None:
                    return Ended("killed", too_much(name, limits.output_bytes))
    finally:
        os.close(handle)


def _end(process: subprocess.Popen[bytes], limits: Limits) -> Ended | None:
    """Kill the child's group, then take its leave; the reason if a signal had ended it before."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # before it is reaped: its number cannot be anybody else's yet
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    number = -process.returncode
    if number <= 0:
        return None
    if number == signal.SIGXCPU or usage.ru_utime + usage.ru_stime >= limits.cpu_seconds:
        return Ended("timed-out", f"over {limits.cpu_seconds} s of CPU time")
    return Ended("killed", signal.strsignal(number) or f"signal {number}")


def _has_more(descriptor: int) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(0))


def _takes_too_much_disk(folder: Path, limits: Limits) -> bool:
    """True if the files below are too many, too large in all, or nested too deeply to go on looking."""
    n_files, n_bytes, waiting = 0, 0, [(str(folder), 0)]
    while waiting:
        place, depth = waiting.pop()
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                n_files += 1
                with contextlib.suppress(OSError):
                    facts = entry.stat(follow_symlinks=False)
                    n_bytes += facts.st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
                if n_files > limits.n_files or n_bytes > limits.disk_bytes or depth > DEEPEST_FOLDER:
                    return True
    return False
