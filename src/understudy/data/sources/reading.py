"""Reads a file that may be anything: huge, vanished, forbidden, a pipe. Never blocks, never reads past the limit."""

from __future__ import annotations

import os
import stat
from fnmatch import fnmatch
from typing import NamedTuple

import xxhash

NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
BINARY = getattr(os, "O_BINARY", 0)
EXCLUDED = "excluded by the recipe"  # as counted among what was passed over


class Read(NamedTuple):
    """The bytes of a file, or the reason why there are none."""

    data: bytes | None
    reason: str = ""
    evidence: str = ""


def read_file(path: str | bytes, limit: int) -> Read:
    """The whole of a regular file of at most `limit` bytes, or why not.

    A pipe, socket or device is opened without blocking and put aside; a link is not followed.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_FOLLOW | BINARY)
    except OSError as error:
        return refusal(error)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            return Read(None, "not-a-file", kind_of(facts.st_mode))
        if facts.st_size > limit:
            return too_large(facts.st_size, limit)
        return _read(descriptor, facts.st_size, limit)
    except OSError as error:
        return refusal(error)
    finally:
        os.close(descriptor)


def _read(descriptor: int, size: int, limit: int) -> Read:
    """Reads until the end, whatever size was promised: a file may grow meanwhile, and /proc promises nothing."""
    chunks, n_read = [], 0
    while chunk := os.read(descriptor, min(limit + 1 - n_read, max(size + 1 - n_read, 65_536))):
        chunks.append(chunk)
        n_read += len(chunk)
        if n_read > limit:
            return too_large(n_read, limit)
    return Read(chunks[0] if len(chunks) == 1 else b"".join(chunks))


def too_large(size: int, limit: int) -> Read:
    """The verdict for a file over the limit."""
    return Read(None, "too-large", f"{size:,} bytes; the limit is {limit:,} (data.filters.max_file_bytes)")


def refusal(error: OSError) -> Read:
    """The verdict for a system error: a file that is gone, or one that may not be read."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return Read(None, "vanished", "it was there when the folder was listed")
    return Read(None, "unreadable", error.strerror or type(error).__name__)


def is_excluded(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a pattern of the source's `exclude` fits the path inside the source, or the file's name alone."""
    name = path.rpartition("/")[2]
    return any(fnmatch(path, pattern) or fnmatch(name, pattern) for pattern in patterns)


def kind_of(mode: int) -> str:
    """What a directory entry is, in words."""
    names = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a character device",
        stat.S_IFBLK: "a block device",
        stat.S_IFDIR: "a folder",
    }
    return names.get(stat.S_IFMT(mode), "a special file")


def raw_id(data: bytes) -> str:
    """The xxh3-128 hash of a file's bytes."""
    return xxhash.xxh3_128_hexdigest(data)


def printable(name: str) -> str:
    """A name as valid text: bytes that are not UTF-8 are written as `\\xff`."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    return name
