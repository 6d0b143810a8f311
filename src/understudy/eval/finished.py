"""What an interrupted exam has already done. Kept in the work folder's scratch, so that a rerun repeats none of it.

One JSON line per answer, appended and flushed in groups. A killed process leaves at most one torn last line, which is
cut off; the answer it held is asked for again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xxhash


class Finished:
    """Answers by key, in memory and in a file. Not for several processes at once: a work folder has one owner."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.n_torn = 0
        self._answers: dict[str, Any] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._read()

    def get(self, key: str) -> Any:
        """The answer of this key, or None."""
        return self._answers.get(key)

    def add(self, answers: Mapping[str, Any]) -> None:
        """Keep a group of answers."""
        lines = [json.dumps({"key": key, "answer": answer}, ensure_ascii=True) for key, answer in answers.items()]
        with self.path.open("a", encoding="ascii") as file:
            file.write("".join(line + "\n" for line in lines))
        self._answers.update(answers)

    def _read(self) -> None:
        raw = self.path.read_bytes() if self.path.exists() else b""
        whole = raw.rfind(b"\n") + 1
        if whole < len(raw):
            self.n_torn += 1
            with self.path.open("r+b") as file:
                file.truncate(whole)
        for line in raw[:whole].splitlines():
            try:
                record = json.loads(line)
                self._answers[record["key"]] = record["answer"]
            except (ValueError, KeyError, TypeError):
                self.n_torn += 1


def key_of(*parts: object) -> str:
    """A key for what was asked of whom: equal parts, equal key."""
    return xxhash.xxh3_128_hexdigest(json.dumps(parts, ensure_ascii=True, default=str).encode("ascii"))
