"""Bad input over a real socket: the right status, an error object, and a server that goes on serving."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.serve.conftest import Running

BAD_VALUES: list[tuple[dict[str, Any], int, str]] = [
    ({"max_tokens": -1}, 422, "max_tokens"),
    ({"max_tokens": 0}, 422, "max_tokens"),
    ({"max_tokens": 1_000_000_000}, 422, "max_tokens"),
    ({"max_tokens": 10**4000}, 422, "max_tokens"),
    ({"max_tokens": "5"}, 422, "max_tokens"),
    ({"max_tokens": True}, 422, "max_tokens"),
    ({"temperature": float("nan")}, 422, "temperature"),
    ({"temperature": float("inf")}, 422, "temperature"),
    ({"temperature": 2.5}, 422, "temperature"),
    ({"top_p": 0}, 422, "top_p"),
    ({"top_k": 0}, 422, "top_k"),
    ({"seed": 2**70}, 422, "seed"),
    ({"n": 1_000_000}, 422, "n"),
    ({"stop": ["x"] * 10_000}, 422, "stop"),
    ({"stop": [""]}, 422, "stop"),
    ({"stop": "x" * 100_000}, 422, "stop"),
    ({"path": "a\n<|fim_middle|>"}, 422, "path"),
    ({"prompt": []}, 422, "prompt"),
    ({"prompt": {"a": 1}}, 422, "prompt"),
    ({"prompt": [10**9]}, 422, "prompt"),
    ({"prompt": [-1]}, 422, "prompt"),
    ({"prompt": ["x"] * 1000}, 422, "prompt"),
    ({"prompt": ["x"] * 60, "n": 8}, 422, "prompt"),
    ({"max_token": 5}, 422, "max_token"),
    ({"model": "../tiny"}, 404, "model"),
    ({"logit_bias": {"99999999": 1}}, 400, "logit_bias"),
    ({"best_of": 5}, 400, "best_of"),
    ({"suffix": "x", "echo": True}, 400, "echo"),
]


def test_values_out_of_bounds_are_refused_by_name(server: Running) -> None:
    for fields, status, param in BAD_VALUES:
        got, _, body = server.post(**{"model": "tiny", "prompt": "x", **fields})
        assert (got, body["error"]["param"]) == (status, param), fields
        assert len(body["error"]["message"]) < 500
    assert server.stats()["n_requests"] == 0
    assert server.post(prompt="x", max_tokens=1)[0] == 200


def test_an_unknown_key_names_the_nearest_one(server: Running) -> None:
    _, _, body = server.post(prompt="x", max_token=5)
    assert "did you mean max_tokens?" in body["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1, 2]",
        b'"text"',
        b'{"prompt": "\xff\xfe"}',
        b'{"prompt": "\\ud800"}',
        b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"\x00\x01\x02",
    ],
    ids=["empty", "cut", "list", "string", "no utf-8", "lone surrogate", "deep", "binary"],
)
def test_what_is_no_json_object_is_a_bad_request(server: Running, body: bytes) -> None:
    status, _, answer = server.send("POST", "/v1/completions", body)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"


def test_a_prompt_of_ten_megabytes_is_refused_before_it_is_read(server: Running) -> None:
    with server.raw() as connection:
        connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_without_a_length_is_cut_off_at_the_limit(server: Running) -> None:
    with server.raw() as connection:
        connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(50):
            connection.sendall(b"19000\r\n" + b" " * 0x19000 + b"\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_a_prompt_near_the_limit_is_cut_to_the_context_and_answered(server: Running) -> None:
    status, _, body = server.post(prompt="x = 1\n" * 500_000, max_tokens=2)
    assert status == 200
    assert body["usage"]["prompt_tokens"] <= 256


def test_headers_without_end_are_refused(server: Running) -> None:
    with server.raw() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: b\r\n" * 20_000)
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


def test_what_is_no_http_is_refused(server: Running) -> None:
    with server.raw() as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10 + b"\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


def test_other_host_names_and_origins_are_refused(server: Running) -> None:
    for headers in ({"Host": "evil.example"}, {"Host": "evil.example:8008"}, {"Origin": "https://evil.example"},
                    {"Origin": "null"}, {"Host": "127.0.0.1.evil.example"}, {"Host": "[::1"}):  # fmt: skip
        status, _, body = server.send("GET", "/v1/models", headers=headers)
        assert (status, body["error"]["param"]) == (403, None), headers
    for headers in (
        {"Host": "localhost"},
        {"Host": "LOCALHOST:80"},
        {"Host": "[::1]:9"},
        {"Origin": "http://localhost:3000"},
    ):
        assert server.send("GET", "/v1/models", headers=headers)[0] == 200, headers


def test_wrong_addresses_and_methods_get_error_objects(server: Running) -> None:
    assert server.send("GET", "/v2/nothing")[2]["error"]["type"] == "not_found_error"
    status, headers, body = server.send("GET", "/v1/completions")
    assert (status, headers["allow"]) == (405, "POST")
    assert "error" in body


def test_health_and_readiness_follow_the_engine(server: Running) -> None:
    assert server.send("GET", "/health")[2]["status"] == "ok"
    assert server.send("GET", "/ready")[0] == 200
    server.engine.close()
    assert server.send("GET", "/health")[0] == 503
    status, headers, body = server.send("GET", "/ready")
    assert (status, body["error"]["code"]) == (503, "unavailable")
    status, headers, _ = server.send("POST", "/v1/completions", json.dumps({"prompt": "x"}).encode())
    assert (status, headers["retry-after"]) == (503, "5")
