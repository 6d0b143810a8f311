"""Runs the application: takes the port first, then loads the model, and leaves in good order on Ctrl-C or SIGTERM."""

from __future__ import annotations

import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from understudy.core.errors import ResourceError
from understudy.core.recipe import Serve
from understudy.core.tracking import Events
from understudy.engines import open_engine
from understudy.serve.app import create_app

HEADER_SECONDS = 10  # a client that has not sent its headers by then never will
GRACE_SECONDS = 5  # what runs may end; a completion takes well under a second
MAX_CONNECTIONS = 512


def serve(model_folder: Path | Callable[[], Path], settings: Serve, events: Events) -> None:
    """Serves the model until Ctrl-C, SIGTERM or `events.should_stop`; then returns.

    `model_folder` may be a function that finds or makes the model. Raises ResourceError when the port cannot be had,
    before anything is made or loaded, and InputDataError for a bad folder.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(closing(listen(settings.host, settings.port)))
        folder = model_folder() if callable(model_folder) else model_folder
        engine = stack.enter_context(open_engine(folder))
        name = engine.capabilities().name
        app = create_app(engine, name, settings, engine.decode)
        address = f"http://{_in_url(settings.host)}:{listener.getsockname()[1]}"
        events.note(f"serving {name} on {address}/v1 (Ctrl-C stops)", address=address, model=name)
        Server(app, lambda: events.should_stop).run(sockets=[listener])
        stats = engine.stats()
        events.note(f"stopped after {stats['n_requests']} completions, {stats['n_completion_tokens']} tokens", **stats)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on the port, 0 for any free one. Raises ResourceError naming the port and a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)  # at once: two sockets may be bound to one port as long as neither listens
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error) from error
    listener.setblocking(False)
    return listener


def _cannot_listen(host: str, port: int, error: OSError) -> ResourceError:
    if error.errno == errno.EADDRINUSE:
        hint = f"the same command with --port {_free_port(host, port)}"
        return ResourceError(f"port {port} on {host} is already in use", hint)
    if error.errno == errno.EACCES:
        return ResourceError(f"port {port} on {host} is not allowed for this user", "the same command with --port 8008")
    return ResourceError(f"cannot listen on {host}, port {port}: {error.strerror}", "set serve.host in the recipe")


def _free_port(host: str, port: int) -> int:
    """The next port that is free now, or any at all."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in (*range(port + 1, min(port + 20, 65_536)), 0):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return 0


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class PromptProtocol(H11Protocol):
    """HTTP, closing connections on which no request has arrived in time (uvicorn would wait forever)."""

    def connection_made(self, transport: Any) -> None:
        """A client connected."""
        super().connection_made(transport)
        self.loop.call_later(HEADER_SECONDS, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if not self.cycle and not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """uvicorn that stops on signals without raising them again, and refuses new work while it finishes the old."""

    def __init__(self, app: Starlette, should_stop: Callable[[], bool] = lambda: False) -> None:
        self._admission = app.state.admission
        self._should_stop = should_stop
        config = uvicorn.Config(
            app,
            http=PromptProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        super().__init__(config)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: is it time to leave?"""
        if self._should_stop():
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """New requests on open connections get 503; running ones may end."""
        self._admission.is_draining = True
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handles Ctrl-C and SIGTERM while serving. Stopping a server is no failure, so nothing is raised after it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        earlier = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.handle_exit(number, frame)
