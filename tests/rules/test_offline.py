"""`offline: true` refuses connections that leave this machine, whoever asks, and allows those that do not."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import socket
from understudy.core.errors import ResourceError
from understudy.core.network import go_offline, go_online

go_offline()
for refused in (
    lambda: socket.create_connection(("192.0.2.1", 80), timeout=0.2),
    lambda: socket.getaddrinfo("example.org", 443),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)),
    lambda: socket.create_connection(("2001:db8::1", 80), timeout=0.2),
):
    try:
        refused()
    except ResourceError as error:
        assert "offline" in error.message, error.message
    else:
        raise SystemExit("a connection was allowed")

server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
left, right = socket.socketpair()
left.send(b"x")
socket.getaddrinfo("localhost", 80)

go_online()
try:
    socket.create_connection(("127.0.0.1", 1), timeout=0.2)
except OSError:
    print("as it should be")
"""


def test_connections_leave_the_machine_only_when_allowed() -> None:
    # In a process of its own: the guard is an audit hook, and those cannot be taken out again.
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("as it should be", "")


def test_a_recipe_is_offline_unless_it_says_otherwise() -> None:
    from understudy.core.recipe import Recipe

    assert Recipe.model_validate({"name": "x"}).offline is True
