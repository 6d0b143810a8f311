"""A client that goes away stops costing compute: seen in the engine, over real sockets."""

from __future__ import annotations

import json

import pytest
from tests.unit.serve.conftest import Running, Start


def request(**fields: object) -> bytes:
    body = json.dumps({"prompt": "def f(self):\n", "max_tokens": 250, **fields}).encode()
    head = f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize("fields", [{"stream": True}, {}, {"n": 2}], ids=["stream", "whole", "two choices"])
def test_closing_the_socket_frees_the_slot_before_the_completion_would_end(
    server: Running, fields: dict[str, object]
) -> None:
    for round_ in range(5):
        connection = server.raw()
        connection.sendall(request(**fields))
        n = 2 if "n" in fields else 1
        server.wait_until(lambda stats, n=n: stats["n_running"] == n)
        if fields.get("stream"):
            assert b"200 OK" in connection.recv(4096)
        connection.close()
        server.wait_until(lambda stats: stats["n_running"] == 0)
        assert server.stats()["n_aborted"] == n * (round_ + 1)
    assert server.post(prompt="x", max_tokens=1)[0] == 200


def test_a_client_that_leaves_while_waiting_never_runs(start: Start) -> None:
    server = start(n_slots=1)
    running = server.raw()
    running.sendall(request(stream=True))
    server.wait_until(lambda stats: stats["n_running"] == 1)
    waiting = server.raw()
    waiting.sendall(request())
    server.wait_until(lambda stats: stats["n_waiting"] == 1)
    waiting.close()
    server.wait_until(lambda stats: stats["n_waiting"] == 0)
    assert server.stats()["n_aborted"] >= 1
    running.close()
    server.wait_until(lambda stats: stats["n_running"] == 0)


def test_the_room_of_those_who_left_is_given_back(start: Start) -> None:
    server = start(n_slots=1, queue=1)
    for _ in range(10):
        connections = [server.raw() for _ in range(2)]
        for connection in connections:
            connection.sendall(request(stream=True))
        for connection in connections:
            connection.close()
    server.wait_until(lambda stats: stats["n_running"] + stats["n_waiting"] == 0)
    for _ in range(100):
        if server.post(prompt="x", max_tokens=1)[0] == 200:
            return
    raise AssertionError("the server still refuses")
