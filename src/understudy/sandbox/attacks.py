"""Attacks that a sandbox must contain: its self-check, and its tests.

Each is a real program that tries, against a real victim: a listening socket, a file with a secret, a running process.
Whether it got through is judged from outside wherever that can be seen there.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from understudy.sandbox.outcome import Limits, Outcome

LIMITS = Limits(
    cpu_seconds=1,
    wall_seconds=3.0,
    memory_bytes=256_000_000,
    file_bytes=4_000_000,
    disk_bytes=16_000_000,
    output_bytes=65_536,
)
AT_ONCE = 4
MOST_DISK_BYTES = 512_000_000  # what a fast disk takes before the watcher looks again stays far below


class Runner(Protocol):
    """What is attacked."""

    def run(
        self, program: str, expressions: tuple[str, ...] = (), stdin: str = "", limits: Limits | None = None
    ) -> Outcome:
        """Run a program."""


@dataclass(slots=True)
class Victims:
    """Everything an attack aims at."""

    folder: Path
    secret: str
    process: subprocess.Popen[bytes]
    listener: socket.socket
    datagrams: socket.socket
    abstract: socket.socket

    def names(self) -> dict[str, object]:
        """What an attacker may know: where things are, but not the secret."""
        return {
            "secret_file": str(self.folder / "secret"),
            "outside": str(self.folder),
            "victim": self.process.pid,
            "parent": os.getpid(),
            "tcp_port": self.listener.getsockname()[1],
            "udp_port": self.datagrams.getsockname()[1],
            "abstract": self.abstract.getsockname(),
        }

    def are_touched(self) -> bool:
        """True if anything outside was reached, written, changed or killed."""
        left = sorted(path.name for path in self.folder.iterdir())
        return (
            left != ["secret"]
            or (self.folder / "secret").stat().st_mode & 0o777 != 0o600
            or (self.folder / "secret").read_text() != self.secret
            or self.process.poll() is not None
            or any(map(_was_called, (self.listener, self.datagrams, self.abstract)))
        )


@dataclass(frozen=True, slots=True)
class Attack:
    """A program; `has_leaked(outcome)` adds what can be told from its outcome alone."""

    name: str
    program: str
    has_leaked: Callable[[Outcome], bool] = lambda outcome: bool(outcome.values and outcome.values[0])


def leaks(sandbox: Runner) -> tuple[str, ...]:
    """The names of the attacks that get through. Takes a second or two; endless ones get half a second."""
    short = replace(LIMITS, wall_seconds=0.5)

    def check(attack: Attack) -> bool:
        return gets_through(sandbox, attack, short if attack.has_leaked is _is_unended else LIMITS)

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="attack") as threads:
        return tuple(attack.name for attack, leaked in zip(ATTACKS, threads.map(check, ATTACKS), strict=True) if leaked)


def gets_through(sandbox: Runner, attack: Attack, limits: Limits = LIMITS) -> bool:
    """True if one attack reaches anything it must not, or leaves a process or the parent harmed."""
    with victims() as targets:
        known = "".join(f"{name} = {value!r}\n" for name, value in targets.names().items())
        outcome = sandbox.run(known + TRY + attack.program, ("leaked",), limits=limits)
        said = outcome.stdout + outcome.stderr + repr(outcome.values)
        if attack.name == "leave a daemon":
            time.sleep(0.3)  # it would write now
        return targets.secret in said or targets.are_touched() or attack.has_leaked(outcome)


@contextmanager
def victims() -> Iterator[Victims]:
    """Things to attack; gone afterwards."""
    secret = secrets.token_hex(16)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="understudy-victim-")))
        file = folder / "secret"
        file.write_text(secret)
        file.chmod(0o600)
        sleep = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]
        process = subprocess.Popen(sleep, env={"TOKEN": secret}, stdin=subprocess.DEVNULL)
        stack.callback(_end, process)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        datagrams = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagrams.bind(("127.0.0.1", 0))
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        abstract.bind(b"\0understudy-" + secrets.token_hex(8).encode())
        yield Victims(folder, secret, process, listener, datagrams, abstract)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _was_called(listening: socket.socket) -> bool:
    listening.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        if listening.type == socket.SOCK_STREAM:
            listening.accept()[0].close()
        else:
            listening.recv(1)
        return True
    return False


# Every attack has `leaked` in the end: empty if all was refused. `attempt` notes what was not.
TRY = """
leaked = []
def attempt(action, *arguments):
    try:
        result = action(*arguments)
    except (OSError, ValueError, MemoryError, RuntimeError, ImportError, SystemError) as error:
        return None
    leaked.append(repr(result)[:200])
    return result
def call(name, *arguments):
    import ctypes
    result = getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result
"""


def _is_over_the_disk_limit(outcome: Outcome) -> bool:
    """The program says how much it could write, after each file."""
    written = [int(line) for line in outcome.stdout.split() if line.isdigit()]
    return bool(written) and written[-1] > MOST_DISK_BYTES


def _is_unended(outcome: Outcome) -> bool:
    return outcome.status not in ("timed-out", "killed")


def _is_over_the_output_limit(outcome: Outcome) -> bool:
    return len(outcome.stdout) > LIMITS.output_bytes or _is_unended(outcome)


ATTACKS = (
    Attack(
        "connect over TCP",
        "import socket\nattempt(lambda: socket.create_connection(('127.0.0.1', tcp_port), 0.5).send(b'x'))",
    ),
    Attack(
        "send a datagram",
        "import socket\n"
        "attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', udp_port)))",
    ),
    Attack(
        "reach an abstract socket",
        "import socket\n"
        "attempt(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', abstract))\n"
        "attempt(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', abstract))",
    ),
    Attack("read a secret", "attempt(lambda: open(secret_file).read())\nattempt(lambda: open('/etc/passwd').read())"),
    Attack("list a folder", "import os\nattempt(os.listdir, outside)\nattempt(os.listdir, '/home')"),
    Attack(
        "follow a link",
        "import os\nattempt(lambda: os.symlink(secret_file, 'link') or open('link').read())\n"
        "leaked = [text for text in leaked if text != 'None']\nattempt(os.link, secret_file, 'hard')",
    ),
    Attack("write outside", "import os\nattempt(lambda: open(outside + '/new', 'w').write('x'))"),
    Attack("delete outside", "import os\nattempt(os.unlink, secret_file)\nattempt(os.rename, secret_file, 'mine')"),
    Attack("truncate outside", "import os\nattempt(os.truncate, secret_file, 0)"),
    Attack(
        "change a file's mode",
        "import os\nattempt(os.chmod, secret_file, 0o777)\nattempt(os.utime, secret_file, (0, 0))",
    ),
    Attack(
        "read a process's environment",
        "import os\n"
        "for who in (victim, parent, 'self'):\n    attempt(lambda: open(f'/proc/{who}/environ').read())\n"
        "leaked += sorted(set(os.environ) - {'PYTHONHASHSEED', 'LC_CTYPE'})",
    ),
    Attack(
        "kill others",
        "import os, signal\n"
        "for who in (victim, parent):\n    attempt(os.kill, who, 0)\n"
        "attempt(os.kill, victim, signal.SIGKILL)\nattempt(os.kill, -1, 0)",
    ),
    Attack(
        "trace a process",
        "attempt(call, 'ptrace', 16, victim, 0, 0)\nattempt(call, 'process_vm_readv', victim, 0, 0, 0, 0, 0)",
    ),
    Attack("fork bomb", "import os\nfor _ in range(20):\n    if attempt(os.fork) == 0:\n        os._exit(0)"),
    Attack(
        "thread bomb",
        "import threading, time\n"
        "for _ in range(20):\n    attempt(lambda: threading.Thread(target=time.sleep, args=(1,), daemon=True).start())",
    ),
    Attack(
        "start a program",
        "import os, subprocess\nattempt(subprocess.check_output, ['/bin/sh', '-c', 'echo x'])\n"
        "attempt(os.posix_spawn, '/bin/true', ['true'], {})\nattempt(os.execv, '/bin/true', ['true'])",
        lambda outcome: outcome.status != "passed" or bool(outcome.values[0]),
    ),
    Attack(
        "leave a daemon",
        "import os, time\n"
        "def daemon():\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "        if os.fork() == 0:\n"
        "            time.sleep(0.2)\n"
        "            open(outside + '/daemon', 'w').write('x')\n"
        "        os._exit(0)\n"
        "attempt(daemon)",
    ),
    Attack("anonymous memory files", "import os\nattempt(os.memfd_create, 'x')"),
    Attack("io_uring", "attempt(call, 'syscall', 425, 8, bytes(120))"),
    Attack("new namespaces", "attempt(call, 'unshare', 0x10000000)"),
    Attack(
        "raise the limits",
        "import resource\n"
        "for name in ('RLIMIT_AS', 'RLIMIT_CPU', 'RLIMIT_FSIZE', 'RLIMIT_NOFILE'):\n"
        "    attempt(resource.setrlimit, getattr(resource, name), (2 ** 40, 2 ** 40))",
    ),
    Attack("memory bomb", "blocks = []\nfor _ in range(64):\n    attempt(lambda: blocks.append(bytearray(2 ** 26)))",
           lambda outcome: outcome.status == "passed" and len(outcome.values[0]) > 4),
    Attack("endless loop", "while True:\n    pass", _is_unended),
    Attack(
        "loop that ignores signals",
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        _is_unended,
    ),
    Attack("sleep for ever", "import time\ntime.sleep(1000)", _is_unended),
    Attack("flood stdout", "while True:\n    print('x' * 10_000)", _is_over_the_output_limit),
    Attack(
        "fill the disk",
        "n = 0\nwhile True:\n"
        "    with open(f'{n}', 'wb') as file:\n        file.write(bytes(2 ** 21))\n"
        "    n += 1\n    print(n * 2 ** 21, flush=True)",
        lambda outcome: _is_unended(outcome) or _is_over_the_disk_limit(outcome),
    ),
    Attack(
        "nest folders",
        "import os\nos.mkdir('locked', 0)\nwhile True:\n    os.mkdir('d')\n    os.chdir('d')",
        _is_unended,
    ),
    Attack(
        "overflow the stack",
        "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x): return [f(x)]\nf(1)",
        lambda outcome: outcome.status == "passed",
    ),
)  # fmt: skip
