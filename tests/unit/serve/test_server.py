"""The process: taking the port, starting, and leaving on signals."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from understudy.core.errors import ResourceError
from understudy.core.recipe import Serve
from understudy.core.tracking import silent
from understudy.serve import serve
from understudy.serve.server import listen

PROGRAM = """
import sys
from pathlib import Path
from understudy.core.recipe import Serve
from understudy.core.tracking import Events
from understudy.serve import serve
import json
serve(Path(sys.argv[1]), Serve(port=0), Events(sinks=(lambda record: print(json.dumps(record), flush=True),)))
print("left in good order", flush=True)
"""


def test_a_port_in_use_is_said_with_a_free_one_before_the_model_is_looked_at(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ResourceError, match=f"port {port} on 127.0.0.1 is already in use") as refused:
            serve(tmp_path / "no model here", Serve(port=port), silent())
    assert refused.value.exit_code == 5
    assert refused.value.hint is not None
    free = int(refused.value.hint.rsplit(" ", 1)[1])
    assert free != port
    listen("127.0.0.1", free).close()


def test_an_address_that_is_not_ours_is_a_resource_error() -> None:
    with pytest.raises(ResourceError, match="cannot listen on"):
        listen("203.0.113.1", 0)
    with pytest.raises(ResourceError, match="cannot listen on"):
        listen("no-such-name.invalid", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_after_what_runs_and_without_a_traceback(
    tiny_model: Path, number: signal.Signals
) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tiny_model)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        address = json.loads(process.stdout.readline())["facts"]["address"]
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
        connection.request("POST", "/v1/completions", json.dumps({"prompt": "", "max_tokens": 250, "stream": True}))
        response = connection.getresponse()
        response.read1(10)
        process.send_signal(number)
        assert response.read().endswith(b"data: [DONE]\n\n")
        connection.close()
        output, errors = process.communicate(timeout=30)
        assert process.returncode == 0
        assert output.splitlines()[-1] == "left in good order"
        assert "Traceback" not in errors
    finally:
        process.kill()
        process.wait()


def test_a_stop_asked_for_through_events_ends_the_server(tiny_model: Path) -> None:
    events = silent()
    events.stop.set()
    serve(tiny_model, Serve(port=0), events)
    assert [record["event"] for record in events.records] == ["note", "note"]
