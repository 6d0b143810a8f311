"""What comes back from a program, and that it cannot be forged."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from understudy.core.errors import ResourceError
from understudy.sandbox import Limits, Sandbox, run
from understudy.sandbox.outcome import read_values

if sys.platform != "linux":
    pytest.skip("the sandbox is Linux's", allow_module_level=True)


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(run.available_level())


VALUES: list[Any] = [
    None,
    True,
    -7,
    10**6000,
    1.5,
    float("inf"),
    2 - 3j,
    "ü\ud800\n",
    b"\0\xff",
    bytearray(b"x"),
    [1, [2]],
    (1, (2,)),
    {1, "a"},
    frozenset({2}),
    {(1, 2): {"k": [None]}},
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_builtin_value_comes_back_as_it_was(sandbox: Sandbox, value: Any) -> None:
    outcome = sandbox.run("", ["float('inf')" if value == float("inf") else hex_literal(value)])
    assert (outcome.status, outcome.values) == ("passed", (value,))
    assert type(outcome.values[0]) is type(value)


def hex_literal(value: Any) -> str:
    return hex(value) if isinstance(value, int) and not isinstance(value, bool) else repr(value)


def test_output_input_and_level_are_in_the_outcome(sandbox: Sandbox) -> None:
    outcome = sandbox.run(
        "import sys\nname = input()\nprint('hello', name)\nprint('oh', file=sys.stderr)", stdin="you\n"
    )
    assert (outcome.status, outcome.stdout, outcome.stderr) == ("passed", "hello you\n", "oh\n")
    assert outcome.level == sandbox.level
    assert outcome.seconds > 0


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("def f(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("import os; os._exit(0)", "the program left before its end"),
        ("class Equal:\n    def __eq__(self, other): return True\nf = Equal", "not of a builtin type"),
        ("class Two(int): pass\nf = lambda: Two(2)", "a returned value is a Two"),
        ("x = []\nx.append(x)\nf = lambda: x", "nested too deeply"),
        ("f = lambda: (yield)", "a returned value is a generator"),
    ],
)
def test_what_does_not_return_a_plain_value_fails(sandbox: Sandbox, program: str, reason: str) -> None:
    outcome = sandbox.run(program, ["f()"])
    assert outcome.status == "failed"
    assert reason in outcome.reason
    assert outcome.values == ()


FORGERY = """
import os
def forge(*lines):
    for number in range(3, 64):
        try:
            os.write(number, ''.join(line + chr(10) for line in lines).encode())
        except OSError:
            pass
"""


@pytest.mark.parametrize(
    "ending",
    [
        "forge('value true', 'value true', 'end null')",
        "forge('value true')",
        "forge('end null'); os._exit(0)",
        "forge('value [\"eval\", \"1\"]', 'end null'); os._exit(0)",
        "forge('value ' + '[' * 100_000, 'end null'); os._exit(0)",
        "forge('value [\"list\", 1]', 'end null'); os._exit(0)",
        "forge('value [\"set\", [[\"list\", []]]]', 'end null'); os._exit(0)",
        "forge('\\xff', 'end null'); os._exit(0)",
    ],
)
def test_lines_that_do_not_belong_into_the_pipe_are_a_failure(sandbox: Sandbox, ending: str) -> None:
    outcome = sandbox.run(FORGERY + ending, ["1"])
    assert (outcome.status, outcome.values) == ("failed", ())


def test_a_forged_value_is_only_a_guess_of_what_is_expected(sandbox: Sandbox) -> None:
    program = FORGERY + "def f(x):\n    forge('value true', 'end null')\n    os._exit(0)"
    assert sandbox.run(program, ["f(3)"]).values == (True,)  # and the caller expected 9


def test_a_module_beside_the_caller_does_not_matter(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("copy", "random", "sitecustomize", "kernel"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('stray')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert sandbox.run("import copy, random", ["copy.copy(1)"]).values == (1,)


def test_the_order_of_a_set_is_the_same_in_every_run(sandbox: Sandbox) -> None:
    assert len({sandbox.run("", ["str({'a', 'b', 'c', 'd', 'e', 'f'})"]).values for _ in range(3)}) == 1


def test_a_folder_of_packages_can_be_read_and_imported(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("x = 5")
    assert sandbox.run("import mine", ["mine.x"]).status == "failed"
    assert Sandbox(sandbox.level, (str(tmp_path),)).run("import mine", ["mine.x"]).values == (5,)


def test_what_is_written_in_one_run_is_not_there_in_the_next(sandbox: Sandbox) -> None:
    assert sandbox.run("open('a', 'w').write('x')", ["open('a').read()"]).values == ("x",)
    assert sandbox.run("import os", ["os.listdir()"]).values == ([],)


@pytest.mark.parametrize(
    ("program", "limits", "status", "reason"),
    [
        ("while True: pass", Limits(cpu_seconds=1), "timed-out", "1 s of CPU time"),
        ("import time; time.sleep(60)", Limits(wall_seconds=0.3), "timed-out", "over 0.3 s"),
        ("x = bytearray(10 ** 9)", Limits(memory_bytes=200_000_000), "failed", "MemoryError"),
        ("print('x' * 10 ** 6)", Limits(output_bytes=1000), "killed", "stdout over 1.00 kB"),
        ("x = 'y' * 10 ** 6", Limits(output_bytes=1000), "killed", "results over 1.00 kB"),
        ("open('a', 'wb').write(bytes(3_000_000))", Limits(file_bytes=1_000_000), "failed", "File too large"),
        ("import os; os.abort()", Limits(), "killed", "Aborted"),
    ],
)
def test_a_limit_ends_the_run_and_is_named(
    sandbox: Sandbox, program: str, limits: Limits, status: str, reason: str
) -> None:
    outcome = sandbox.run(program, ["x"] if "x =" in program else [], limits=limits)
    assert (outcome.status, reason in outcome.reason) == (status, True), outcome.reason


def test_when_the_sandbox_itself_fails_it_is_no_verdict(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_rlimits", lambda limits: [("RLIMIT_UNKNOWN", 1, 1)])
    with pytest.raises(ResourceError, match=r"(?s)did not start.*RLIMIT_UNKNOWN"):
        sandbox.run("")


def test_reading_values_never_raises() -> None:
    for line in (b"value", b"value nonsense", b'value {"a": 1}', b'value ["int", "xyz"]', b"what 1", b""):
        assert read_values([line, b"end null"], 1)[0] == ()
