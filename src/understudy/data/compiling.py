"""How the inner loops are compiled: once for each machine and version, and kept in the user's cache."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import config

Function = TypeVar("Function", bound=Callable[..., Any])


def cache_folder() -> Path | None:
    """Where compiled code is kept: `NUMBA_CACHE_DIR`, else the user's cache; None where nothing can be written.

    Never a folder that others may write to: what lies there is machine code that we would run.
    """
    for folder in (config.CACHE_DIR, _user_cache()):  # type: ignore[attr-defined]
        if folder and _is_writable(Path(folder)):
            return Path(folder)
    return None


def _user_cache() -> Path:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # Path.home() raises where there is none
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "understudy" / "compiled"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "understudy" / "compiled"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "understudy" / "compiled"


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


_FOLDER = cache_folder()


def compiled(signature: Any) -> Callable[[Function], Function]:
    """The function as machine code for exactly these types. It does not hold the interpreter's lock."""

    def compile_function(function: Function) -> Function:
        before = config.CACHE_DIR  # type: ignore[attr-defined]
        try:
            config.CACHE_DIR = os.fspath(_FOLDER or "")  # type: ignore[attr-defined]  # read when a function is made
            made: Function = numba.njit(signature, cache=_FOLDER is not None, nogil=True, error_model="numpy")(function)
            return made
        finally:
            config.CACHE_DIR = before  # type: ignore[attr-defined]

    return compile_function
