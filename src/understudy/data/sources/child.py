"""Runs a program that reads a source, and ends it at once when the person asks the run to stop."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import IO

from understudy.core.errors import Interrupted
from understudy.core.tracking import Events

LONGEST_WAIT_SECONDS = 0.05


def run_child(
    arguments: Sequence[str], output: IO[bytes], errors: IO[bytes], environment: Mapping[str, str], events: Events
) -> int:
    """The exit code. Raises FileNotFoundError where there is no such program, Interrupted when stopped."""
    process = subprocess.Popen(
        list(arguments), stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=environment, process_group=0
    )
    delay = 0.001
    try:
        while process.poll() is None:
            if events.should_stop:
                raise Interrupted("stopped while a source was being read", "run the same command to continue")
            time.sleep(delay)
            delay = min(delay * 1.5, LONGEST_WAIT_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    return process.returncode
