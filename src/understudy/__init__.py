"""Understudy: train, measure, serve and keep improving a code-completion model that knows your lines.

Importing this package does no work. The names below are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.api import engine as engine
    from understudy.api import plan as plan
    from understudy.api import run as run

__version__ = "0.1.0"
__all__ = ["__version__", "engine", "plan", "run"]


def __getattr__(name: str) -> object:
    if name in {"engine", "plan", "run"}:
        # `import understudy.plan` (the stage's folder) must not shadow the function of the same name.
        value: object = getattr(import_module("understudy.api"), name)
        return value
    raise AttributeError(f"module 'understudy' has no attribute {name!r}")
