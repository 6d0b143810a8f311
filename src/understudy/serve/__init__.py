"""Serving: OpenAI's completions API over any engine.

server (port, signals) ─▶ app (routes) ─▶ gate ─▶ openai (the wire format) ─▶ admission ─▶ streams ─▶ engine
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.core.recipe import Serve
    from understudy.core.tracking import Events

__all__ = ["serve"]


def serve(model_folder: Path | Callable[[], Path], settings: Serve, events: Events) -> None:
    """Serves a model until Ctrl-C, SIGTERM or `events.should_stop`; `server.serve` tells the rest."""
    from understudy.serve import server  # brings torch and the web framework, which `--help` must not

    server.serve(model_folder, settings, events)
