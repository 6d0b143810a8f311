"""`offline: true` is enforced here and nowhere else: connections that leave this machine are refused."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from understudy.core.errors import ResourceError

_refusing = False
_hook_installed = False

# Libraries that would otherwise try, wait and fail ask these first.
OFFLINE_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "WANDB_MODE": "offline",
}


def go_offline() -> None:
    """Refuse every connection of this process that is not to this machine itself, from now on.

    Uses Python's audit events, so libraries cannot forget to ask. Child processes get the environment's hints only;
    the git command, which reads the recipe's own sources, is the one that may leave.
    """
    global _refusing, _hook_installed
    os.environ.update(OFFLINE_ENVIRONMENT)
    _refusing = True
    if not _hook_installed:
        sys.addaudithook(_audit)
        _hook_installed = True


def go_online() -> None:
    """Allow connections again (a recipe with `offline: false`)."""
    global _refusing
    _refusing = False


@contextmanager
def connections_for_sources() -> Iterator[None]:
    """Connections are allowed inside of this: data.sources is what an offline recipe may use the network for."""
    global _refusing
    before, _refusing = _refusing, False
    try:
        yield
    finally:
        _refusing = before


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _refusing or event not in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        return
    host = arguments[0] if event == "socket.getaddrinfo" else _host(arguments[1])
    if not is_local(host):
        raise ResourceError(
            f"a connection to {host} was refused: the recipe says offline",
            "set offline: false in the recipe to allow it",
        )


def _host(address: Any) -> Any:
    return address[0] if isinstance(address, tuple) and address else None  # Unix sockets have a path, not a tuple


def is_local(host: Any) -> bool:
    """True for this machine's own names and addresses, and for sockets without a host."""
    if host is None or isinstance(host, int):
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if name in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
