"""Remembers what unchanged files hold, so that looking at 2,000 files again costs 2,000 stats and no reads.

A file counts as unchanged when size, modification time and inode are. One that was modified within two seconds of being
read is not remembered: a second write could fall into the same clock tick (git calls such entries racy).
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import xxhash

from understudy.core.paths import Project

RACY_NS = 2_000_000_000
LARGEST = 2**63 - 1  # that SQLite holds
STALE_SHARE = 2  # the cache is made anew when it holds so many times the files that are there

TABLE = (
    "CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, size INT, mtime_ns INT, inode INT, value TEXT) "
    "WITHOUT ROWID"
)


class HashCache:
    """Values by file, for one source, in a small database below the project's cache. A damaged one is an empty one."""

    def __init__(self, project: Project, source: str) -> None:
        name = xxhash.xxh3_64_hexdigest(os.fsencode(source))
        self._path: Path = project.cache / "sources" / f"{name}.sqlite"
        self._database = _opened(self._path)
        self._n_seen = 0
        self._read_at_ns = time.time_ns()

    def get(self, path: str, facts: os.stat_result) -> Any | None:
        """What was kept for this file, if it has not changed since."""
        try:
            found = self._database.execute(
                "SELECT value FROM files WHERE path = ? AND size = ? AND mtime_ns = ? AND inode = ?", _key(path, facts)
            ).fetchone()
            value = None if found is None else json.loads(found[0])
        except (sqlite3.Error, ValueError):
            return None
        self._n_seen += value is not None
        return value

    def put(self, path: str, facts: os.stat_result, value: Any) -> None:
        """Keep a value for this file."""
        if self._read_at_ns - facts.st_mtime_ns > RACY_NS:
            self._n_seen += 1
            with contextlib.suppress(sqlite3.Error):
                row = (*_key(path, facts), json.dumps(value))
                self._database.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", row)

    def save(self) -> None:
        """Keep what was put. Files that were not seen for long make the cache start anew one day."""
        try:
            self._database.commit()
            (n_kept,) = self._database.execute("SELECT count(*) FROM files").fetchone()
            if n_kept > STALE_SHARE * self._n_seen + 1000:
                self._database.execute("DELETE FROM files")
                self._database.commit()
        except sqlite3.Error:
            pass
        self._database.close()


def _key(path: str, facts: os.stat_result) -> tuple[bytes, int, int, int]:
    return os.fsencode(path), facts.st_size, facts.st_mtime_ns, facts.st_ino & LARGEST


def _opened(path: Path) -> sqlite3.Connection:
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(2):
            try:
                return _connected(path)
            except sqlite3.Error:
                path.unlink(missing_ok=True)
    return _connected(":memory:")


def _connected(path: Path | str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=1.0)
    try:
        database.execute("PRAGMA synchronous = OFF")  # losing it in a power failure costs one reading
        database.execute(TABLE)
        database.execute("SELECT path FROM files LIMIT 1").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database
