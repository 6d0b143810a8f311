"""Runs one untrusted program; this file is the whole of what the child process executes besides it.

    request (a file) ──▶ limits, Landlock, seccomp ──▶ the program ──▶ its expressions' values (a pipe, as JSON)

The parent starts it as `python -P -s -S child.py REQUEST RESULTS` in an empty folder with an empty environment. What
comes back over the pipe is a claim, not a verdict: the program shares this process and may write there what it likes.
It does not know what is expected of it; that never leaves the parent.
"""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import resource
import sys
import types
from typing import Any

DEEPEST_VALUE = 50
LITTLE_TEXT = 2_000  # characters of an error's message that are sent


def main() -> None:
    """Read the request, close all doors, run."""
    request_file, results = int(sys.argv[1]), int(sys.argv[2])
    with os.fdopen(request_file, "rb") as file:
        request: dict[str, Any] = marshal.load(file)  # written by our parent, before anything untrusted ran
    for name, soft, hard in request["rlimits"]:
        _limit(getattr(resource, name), soft, hard)
    sys.path += request["packages"]
    _close_doors(request)
    sys.argv = ["program"]
    os.write(results, b"started\n")  # without this line the sandbox failed, and not the program
    _run(request["program"], request["expressions"], results)


def _limit(which: int, soft: int, hard: int) -> None:
    """Set a limit, or keep the stricter one that is there."""
    present = resource.getrlimit(which)[1]
    if present != resource.RLIM_INFINITY:
        soft, hard = min(soft, present), min(hard, present)
    resource.setrlimit(which, (soft, hard))


def _close_doors(request: dict[str, Any]) -> None:
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  # last: shadows nothing
    import kernel  # type: ignore[import-not-found]

    sys.path.pop()
    del sys.modules["kernel"]
    kernel.give_up_privileges()
    if "landlock" in request["level"]:
        kernel.restrict_files(request["readable"], os.getcwd())  # noqa: PTH109
    if "seccomp" in request["level"]:
        kernel.restrict_calls()


def _run(program: str, expressions: list[str], results: int) -> None:
    """Run the program, then each expression in its names; sends a line for each value, and one for how it ended."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    try:
        exec(compile(program, "program.py", "exec"), module.__dict__)
        for expression in expressions:
            value = eval(compile(expression, "expression", "eval"), module.__dict__)
            _send(results, "value", plain(value))
        _send(results, "end", None)
    except BaseException as error:
        _send(results, "error", [type(error).__name__, str(error)[:LITTLE_TEXT]])
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(BaseException):
            stream.flush()  # type: ignore[union-attr]
    os._exit(0)  # nothing that the program left behind (exit handlers, finalizers) runs after the verdict


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON that the parent can turn back: exactly a builtin type, since a subclass may equal everything."""
    kind = type(value)
    if depth > DEEPEST_VALUE:
        raise TypeError("a returned value is nested too deeply")
    if value is None or kind in (bool, str):
        return value
    if kind is int:
        return ["int", hex(value)]  # in decimal Python refuses long ones, which take quadratic time
    if kind is float:
        return ["float", repr(value)]
    if kind is complex:
        return ["complex", repr(value.real), repr(value.imag)]
    if kind in (bytes, bytearray):
        return [kind.__name__, value.hex()]
    if kind in (list, tuple, set, frozenset):
        return [kind.__name__, [plain(item, depth + 1) for item in value]]
    if kind is dict:
        return ["dict", [[plain(key, depth + 1), plain(item, depth + 1)] for key, item in value.items()]]
    raise TypeError(f"a returned value is a {kind.__name__}, not of a builtin type")


def _send(results: int, what: str, value: Any) -> None:
    data = f"{what} {json.dumps(value)}\n".encode("utf-8", "surrogatepass")
    while data:
        data = data[os.write(results, data) :]


if __name__ == "__main__":
    main()
