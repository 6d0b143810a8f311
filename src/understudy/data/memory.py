"""Gives back to the machine what allocators keep for later: after a large piece of work, that is most of a process."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from pathlib import Path

import pyarrow as pa

STATM = Path("/proc/self/statm")


def give_back() -> None:
    """Free what Arrow's and the C library's allocators hold unused. Some milliseconds."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl does not
        if trim is not None:
            trim(0)


def resident_bytes() -> int:
    """Memory that this process takes now; 0 where the system does not say."""
    try:
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
