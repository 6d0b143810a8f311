"""Remembers what unchanged files hold, so that looking at 2,000 files again costs 2,000 stats and no reads.

A file counts as unchanged when size, modification time and inode are. One that was modified within two seconds of being
read is not remembered: a second write could fall into the same clock tick (git calls such entries racy).
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import xxhash

from understudy.core.paths import Project, read_json, write_atomically

RACY_NS = 2_000_000_000


class HashCache:
    """Values by file, for one source; saved as one JSON file below the project's cache."""

    def __init__(self, project: Project, source: str) -> None:
        name = xxhash.xxh3_64_hexdigest(os.fsencode(source))
        self._path: Path = project.cache / "sources" / f"{name}.json"
        self._earlier = _load(self._path)
        self._now: dict[str, list[Any]] = {}
        self._read_at_ns = time.time_ns()

    def get(self, path: str, facts: os.stat_result) -> Any | None:
        """What was kept for this file, if it has not changed since."""
        known = self._earlier.get(path)
        if known is None or known[:3] != [facts.st_size, facts.st_mtime_ns, facts.st_ino]:
            return None
        self._now[path] = known
        return known[3]

    def put(self, path: str, facts: os.stat_result, value: Any) -> None:
        """Keep a value for this file."""
        if self._read_at_ns - facts.st_mtime_ns > RACY_NS:
            self._now[path] = [facts.st_size, facts.st_mtime_ns, facts.st_ino, value]

    def save(self) -> None:
        """Write the values of the files seen this time, where anything changed."""
        if self._now != self._earlier:
            write_atomically(self._path, json.dumps(self._now))


def _load(path: Path) -> dict[str, list[Any]]:
    """A damaged cache is an empty one."""
    try:
        values = read_json(path)
        return values if all(isinstance(item, list) and len(item) == 4 for item in values.values()) else {}
    except (OSError, ValueError, AttributeError):
        return {}
