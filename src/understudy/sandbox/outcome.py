"""What a run may use, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from understudy.core.units import bytes_text

Status = Literal["passed", "failed", "timed-out", "killed"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use. CPU time decides, so that a busy machine changes no verdict; wall time is the backstop."""

    cpu_seconds: int = 5
    wall_seconds: float = 20.0
    memory_bytes: int = 512_000_000  # of addresses: an interpreter alone takes 40 MB of them
    file_bytes: int = 16_000_000  # the largest file
    disk_bytes: int = 64_000_000  # all files together, looked at 50 times a second
    n_files: int = 1_000
    n_open: int = 64
    output_bytes: int = 256_000  # stdout, stderr and the returned values, each


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    `passed`: the program and all expressions came to their end; `values` are the expressions' values, of builtin types.
    It is the child that says so, and a hostile one can lie: whoever wants a verdict compares `values` with what he
    expects, which the child never sees.
    """

    status: Status
    values: tuple[Any, ...] = ()
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    reason: str = ""
    level: str = ""


def read_values(lines: list[bytes], n_expected: int) -> tuple[tuple[Any, ...], str]:
    """The values in a child's lines, and why it failed (empty where it did not). Never trusts what it reads."""
    values: list[Any] = []
    try:
        for number, line in enumerate(lines):
            what, _, text = line.decode("ascii").partition(" ")
            value = json.loads(text)
            if what == "value":
                values.append(_restored(value))
            elif what == "error" and isinstance(value, list) and len(value) == 2:
                return tuple(values), f"{value[0]}: {value[1]}"
            elif what == "end" and number == len(lines) - 1 == n_expected:
                return tuple(values), ""
            else:
                return (), "the program wrote into the sandbox's pipe"
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return (), "the returned values cannot be read"
    return tuple(values), "the program left before its end"


def _restored(value: Any) -> Any:
    """A value as `child.plain` wrote it."""
    if value is None or isinstance(value, (bool, str)):
        return value
    kind, *parts = value
    return _RESTORE[kind](*parts)


def _items(items: list[Any]) -> list[Any]:
    return [_restored(item) for item in items]


_RESTORE: dict[str, Callable[..., Any]] = {
    "int": lambda text: int(text, 16),
    "float": float,
    "complex": lambda real, imaginary: complex(float(real), float(imaginary)),
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "list": _items,
    "tuple": lambda items: tuple(_items(items)),
    "set": lambda items: set(_items(items)),
    "frozenset": lambda items: frozenset(_items(items)),
    "dict": lambda items: {_restored(key): _restored(item) for key, item in items},
}


def too_much(what: str, limit: int) -> str:
    """The reason of a run that was ended for writing too much."""
    return f"{what} over {bytes_text(limit)}"
