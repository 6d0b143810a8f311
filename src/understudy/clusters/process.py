"""A process that carries out tasks: orders on its standard input, answers on its standard output."""

from __future__ import annotations

import os
import pickle
import signal
import sys

from understudy.clusters.answers import carried_out

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve until the other side closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole terminal; the stage decides what ends
    end_with_parent()
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not break the protocol
    while len(size := inbox.read(8)) == 8:
        task, order = pickle.loads(inbox.read(int.from_bytes(size, "little")))
        outbox.write(carried_out(task, order).encode() + b"\n")
        outbox.flush()


def end_with_parent() -> None:
    """Have this process killed when the one that started it dies; elsewhere than on Linux a closed pipe must do."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
