"""Serving: OpenAI's completions API over any engine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.serve.app import create_app as create_app
    from understudy.serve.server import serve as serve

__all__ = ["create_app", "serve"]
_HOMES = {"create_app": "understudy.serve.app", "serve": "understudy.serve.server"}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value: object = getattr(import_module(_HOMES[name]), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
