"""Keep freed memory instead of handing it back: on CPU, page faults of large activations cost a quarter of a step.

glibc returns large blocks to the system when they are freed, and faults every page of them in again for the next
micro-batch. tcmalloc does not, but has to be installed and preloaded; three calls of `mallopt` do the same here.
"""

from __future__ import annotations

import ctypes
import platform

# malloc.h
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -2, -3, -4
_LARGE = 2**31 - 1


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed blocks for reuse; False where there is no glibc. Harmless when called again."""
    if platform.system() != "Linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    accepted = mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, _LARGE) and mallopt(_M_TOP_PAD, 64 << 20)
    return bool(accepted)
