"""What the Linux kernel can forbid a process that has no privileges: Landlock for files, seccomp for system calls.

Needs no root and no packages: both are reached through ctypes. The child loads this file by itself, so it may import
nothing of the package. All of it is irrevocable for the process that calls it.

Sources: the kernel's `landlock.rst` and `seccomp_filter.rst`; numbers from `asm/unistd_64.h` and
`asm-generic/unistd.h`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
from collections.abc import Sequence

LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446  # the same on every architecture
LEAST_LANDLOCK = 3  # before it, a file opened for reading could be truncated
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
SECCOMP_MODE_FILTER = 2
SIGKILL = 9

# Landlock's rights, by the version that brought them.
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE, MAKE_CHAR, MAKE_DIR = (1 << n for n in range(8))
MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM, REFER, TRUNCATE, IOCTL_DEV = (1 << n for n in range(8, 16))
N_RIGHTS = {3: 15, 4: 15, 5: 16}  # bits known to a version; later ones add none for files
READING = READ_FILE | READ_DIR
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # the rights that a rule about a file may give
OWN_FOLDER = READING | WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SYM | REFER
BIND_TCP, CONNECT_TCP = 1, 2  # version 4
SCOPE_ABSTRACT_SOCKETS, SCOPE_SIGNALS = 1, 2  # version 6

# System calls that a Python program needs, as (x86-64, aarch64); -1 where an architecture has none. All others answer
# "not permitted". Missing on purpose: fork, clone, execve (no second process or thread), kill of others, socket,
# ptrace, process_vm_*, memfd_create, io_uring_*, bpf, mount, unshare, setsid, prctl, and all that changes the mode,
# owner, times or attributes of files, which Landlock does not cover.
ALLOWED: dict[str, tuple[int, int]] = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "pwrite64": (18, 68), "lseek": (8, 62), "close": (3, 57), "close_range": (436, 436), "dup": (32, 23),
    "dup2": (33, -1), "dup3": (292, 24), "fstat": (5, 80), "stat": (4, -1), "lstat": (6, -1),
    "newfstatat": (262, 79), "statx": (332, 291), "access": (21, -1), "faccessat": (269, 48),
    "faccessat2": (439, 439), "open": (2, -1), "openat": (257, 56), "getdents64": (217, 61), "getcwd": (79, 17),
    "chdir": (80, 49), "fchdir": (81, 50), "mkdir": (83, -1), "mkdirat": (258, 34), "rmdir": (84, -1),
    "unlink": (87, -1), "unlinkat": (263, 35), "rename": (82, -1), "renameat": (264, 38), "renameat2": (316, 276),
    "link": (86, -1), "linkat": (265, 37), "symlink": (88, -1), "symlinkat": (266, 36), "readlink": (89, -1),
    "readlinkat": (267, 78), "ftruncate": (77, 46), "fsync": (74, 82), "fdatasync": (75, 83), "flock": (73, 32),
    "copy_file_range": (326, 285), "sendfile": (40, 71), "umask": (95, 166), "mmap": (9, 222),
    "munmap": (11, 215), "mprotect": (10, 226), "mremap": (25, 216), "madvise": (28, 233), "brk": (12, 214),
    "msync": (26, 227), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132),
    "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getpgid": (121, 155), "getpgrp": (111, -1),
    "getsid": (124, 156), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
    "getresuid": (118, 148), "getresgid": (120, 150), "getgroups": (115, 158), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115), "nanosleep": (35, 101), "gettimeofday": (96, 169), "time": (201, -1),
    "times": (100, 153), "getrusage": (98, 165), "sysinfo": (99, 179), "uname": (63, 160), "getrandom": (318, 278),
    "getrlimit": (97, 163), "futex": (202, 98), "set_robust_list": (273, 99), "set_tid_address": (218, 96),
    "rseq": (334, 293), "restart_syscall": (219, 128), "poll": (7, -1), "ppoll": (271, 73), "select": (23, -1),
    "pselect6": (270, 72), "epoll_create": (213, -1), "epoll_create1": (291, 20), "epoll_ctl": (233, 21),
    "epoll_wait": (232, -1), "epoll_pwait": (281, 22), "eventfd2": (290, 19), "pipe": (22, -1), "pipe2": (293, 59),
    "alarm": (37, -1), "setitimer": (38, 103), "getitimer": (36, 102), "pause": (34, -1), "exit": (60, 93),
    "exit_group": (231, 94), "getcpu": (309, 168), "statfs": (137, 43), "fstatfs": (138, 44),
    "recvfrom": (45, 207), "sendto": (44, 206), "getsockopt": (55, 209), "getsockname": (51, 204),
    "getpeername": (52, 205), "shutdown": (48, 210),
}  # fmt: skip
# Allowed for certain arguments only; see `_seccomp_program`.
KILL, TGKILL, FCNTL, IOCTL, SOCKETPAIR, PRLIMIT = (62, 129), (234, 131), (72, 25), (16, 29), (53, 199), (302, 261)
FCNTL_COMMANDS = (0, 1, 2, 3, 4, 5, 6, 7, 1030)  # without F_SETOWN and F_SETSIG, which send signals to others
IOCTL_REQUESTS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # is it a terminal, its size, blocking, close on exec
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column of the tables, AUDIT_ARCH
X32_CALLS = 0x40000000  # the second numbering of x86-64's system calls

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, MASK, RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
ALLOW, DENY, KILL_PROCESS = 0x7FFF0000, 0x00050000 | 1, 0x80000000  # 1 is EPERM
NUMBER_AT, ARCHITECTURE_AT, ARGUMENTS_AT = 0, 4, 16

_Code = list[tuple[int, int, int, int]]


def landlock_version() -> int:
    """The kernel's Landlock version; 0 where it is absent or switched off."""
    version: int = _libc().syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    return max(version, 0)


def has_seccomp() -> bool:
    """True where the kernel filters system calls and this file knows the architecture's numbers."""
    if platform.machine() not in ARCHITECTURES:
        return False
    # With no filter given a kernel that has filters complains about the address (EFAULT), one without about the mode.
    return _libc().prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, None, 0, 0) != 0 and ctypes.get_errno() == 14


def give_up_privileges() -> None:
    """No new privileges by exec, no capabilities even for root, no core dump, and death together with the parent."""
    libc = _libc()
    _check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    header, nothing = struct.pack("Ii", 0x20080522, 0), bytes(24)  # _LINUX_CAPABILITY_VERSION_3, this process
    _check(libc.capset(header, nothing), "capset")


def restrict_files(readable: Sequence[str], folder: str) -> None:
    """From now on this process may read below `readable`, read and write below `folder`, and open nothing else."""
    libc, version = _libc(), landlock_version()
    handled = (1 << N_RIGHTS[min(version, 5)]) - 1
    tcp = BIND_TCP | CONNECT_TCP if version >= 4 else 0
    scoped = SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = struct.pack("QQQ", handled, tcp, scoped)[:size]
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, rules, ctypes.c_size_t(size), ctypes.c_uint32(0))
    _check(ruleset, "landlock_create_ruleset")
    for path in readable:
        _allow_path(ruleset, path, READING)
    _allow_path(ruleset, "/dev/null", READ_FILE | WRITE_FILE)
    _allow_path(ruleset, folder, OWN_FOLDER & handled)
    _check(libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, ctypes.c_uint32(0)), "landlock_restrict_self")
    os.close(ruleset)


def _allow_path(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not os.path.isdir(path):  # noqa: PTH112  # the child does not pay for pathlib
                rights &= OF_FILES
            rule = struct.pack("=Qi", rights, descriptor)
            failed = _libc().syscall(LANDLOCK_ADD_RULE, ruleset, ctypes.c_int(1), rule, ctypes.c_uint32(0))
            _check(failed, f"landlock_add_rule for {path}")
        finally:
            os.close(descriptor)


def restrict_calls() -> None:
    """From now on every system call but those of a quiet Python program fails with "not permitted"."""
    program = _seccomp_program(*ARCHITECTURES[platform.machine()], own_process=os.getpid())
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in program))
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code)))
    _check(_libc().prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0), "seccomp")


def _seccomp_program(column: int, architecture: int, own_process: int) -> _Code:
    """The filter: the architecture first, then one test for each allowed call, then those whose arguments count."""
    program: _Code = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER_AT),
        (JUMP_AT_LEAST, 0, 1, X32_CALLS),
        (RETURN, 0, 0, KILL_PROCESS),
    ]
    for numbers in ALLOWED.values():
        if numbers[column] >= 0:
            program += [(JUMP_EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, ALLOW)]
    for numbers, tests in (
        (KILL, [_is_one_of(0, (own_process,))]),
        (TGKILL, [_is_one_of(0, (own_process,))]),
        (FCNTL, [_is_one_of(1, FCNTL_COMMANDS)]),
        (IOCTL, [_is_one_of(1, IOCTL_REQUESTS)]),
        (SOCKETPAIR, [_is_one_of(0, (1,)), _is_one_of(1, (1,), mask=0xF)]),  # AF_UNIX, SOCK_STREAM: names no address
        (PRLIMIT, [_is_one_of(2, (0,)), _is_one_of(2, (0,), high=True)]),  # asking, not setting
    ):
        checks = [row for test in tests for row in test] + [(RETURN, 0, 0, ALLOW)]
        program += [(JUMP_EQUAL, 0, len(checks), numbers[column]), *checks]
    return [*program, (RETURN, 0, 0, DENY)]


def _is_one_of(argument: int, values: Sequence[int], mask: int | None = None, high: bool = False) -> _Code:
    """Goes on if half of an argument is one of the values, and denies otherwise."""
    test: _Code = [(LOAD, 0, 0, ARGUMENTS_AT + 8 * argument + 4 * high)]
    if mask is not None:
        test.append((MASK, 0, 0, mask))
    for place, value in enumerate(values):
        test.append((JUMP_EQUAL, len(values) - place, 0, value))
    return [*test, (RETURN, 0, 0, DENY)]


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
