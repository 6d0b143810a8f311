"""A real server on a free port, in a thread: what goes over the socket is what users get."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from understudy.core.recipe import Serve
from understudy.engines import open_engine
from understudy.engines.local import LocalEngine
from understudy.serve.app import create_app
from understudy.serve.server import Server, listen


@dataclass
class Running:
    """A server that runs, and ways to talk to it."""

    engine: LocalEngine
    port: int

    @property
    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key="none", max_retries=0, timeout=30)

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON of one plain HTTP request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, json.loads(text)

    def post(self, **fields: Any) -> tuple[int, dict[str, str], Any]:
        return self.send("POST", "/v1/completions", json.dumps(fields).encode())

    def raw(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def stats(self) -> dict[str, Any]:
        return self.engine.stats()

    def wait_until(self, is_so: Callable[[dict[str, Any]], bool]) -> None:
        deadline = time.monotonic() + 20
        while not is_so(self.stats()):
            assert time.monotonic() < deadline, self.stats()
            time.sleep(0.002)


Start = Callable[..., Running]


@pytest.fixture
def start(tiny_model: Path) -> Iterator[Start]:
    """Starts servers over the tiny model; all are stopped at the end."""
    running: list[tuple[Server, threading.Thread, LocalEngine]] = []

    def run(n_slots: int = 2, **settings: Any) -> Running:
        listener = listen("127.0.0.1", 0)
        engine = open_engine(tiny_model, n_slots=n_slots, precision="fp32", threads=1)
        server = Server(create_app(engine, "tiny", Serve(**settings), engine.decode))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        running.append((server, thread, engine))
        return Running(engine, listener.getsockname()[1])

    yield run
    for server, thread, engine in running:
        server.should_exit = True
        thread.join()
        engine.close()


@pytest.fixture
def server(start: Start) -> Running:
    return start()
