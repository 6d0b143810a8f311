"""Reads the artifacts' files and never trips over them: what is missing, damaged or of another shape is None.

A report of half a run is still a report; each section says itself what was not measured.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from understudy.core.artifact import KINDS, Artifact
from understudy.core.paths import Project, read_json
from understudy.core.recipe_file import ResolvedRecipe

MODES = ("left-to-right", "fill-in-the-middle")  # of own-code, in the order they are shown
MAX_JSON_BYTES = 64_000_000  # far above what any stage writes; a report must not fill the memory
MAX_LINES = 20_000  # of a training log: a chart is 320 points wide, and reading must stay well under a second


@dataclass(frozen=True, slots=True)
class Run:
    """What one report is about."""

    project: Project
    resolved: ResolvedRecipe | None
    artifacts: Mapping[str, Artifact]

    @property
    def name(self) -> str:
        """The recipe's name: from the recipe, or else from what the newest artifact says it was made by."""
        if self.resolved is not None:
            return self.resolved.recipe.name
        names = [text(artifact.made_by, "recipe") for artifact in self.in_order()]
        return next((name for name in reversed(names) if name), "run")

    def in_order(self) -> list[Artifact]:
        """The artifacts as the river passes them."""
        known = [self.artifacts[kind] for kind in KINDS if kind in self.artifacts]
        return known + [self.artifacts[kind] for kind in sorted(self.artifacts) if kind not in KINDS]

    def path(self, kind: str, name: str) -> Path | None:
        """This file of the artifact of this kind, where there is one."""
        artifact = self.artifacts.get(kind)
        return artifact.path / name if artifact and (artifact.path / name).is_file() else None

    def json(self, kind: str, name: str) -> Any:
        """The value in this file; None when it cannot be read."""
        file = self.path(kind, name)
        try:
            return read_json(file) if file and file.stat().st_size <= MAX_JSON_BYTES else None
        except (OSError, ValueError, RecursionError):
            return None

    def records(self, kind: str, name: str, limit: int = MAX_LINES) -> list[dict[str, Any]]:
        """The records of a JSON-lines file; evenly thinned when it is very long, torn lines left out."""
        file = self.path(kind, name)
        if file is None:
            return []
        try:
            with file.open("rb") as lines:
                every = max(1, math.ceil(sum(1 for _ in lines) / limit))
                lines.seek(0)
                return list(_parsed(islice(lines, 0, None, every)))
        except OSError:
            return []

    def first_records(self, kind: str, name: str, limit: int) -> list[dict[str, Any]]:
        """The first records of a JSON-lines file."""
        file = self.path(kind, name)
        if file is None:
            return []
        try:
            with file.open("rb") as lines:
                return list(_parsed(islice(lines, limit)))
        except OSError:
            return []


def _parsed(lines: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


def at(value: Any, *keys: str | int) -> Any:
    """The value at this place inside nested mappings and lists, or None."""
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
            value = value[key]
        else:
            return None
    return value


def number(value: Any, *keys: str | int) -> float | None:
    """The finite number at this place, or None."""
    found = at(value, *keys)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    try:
        return float(found) if math.isfinite(found) else None
    except OverflowError:
        return None


def count(value: Any, *keys: str | int) -> int | None:
    """The number at this place as a whole number, or None."""
    found = number(value, *keys)
    return None if found is None else round(found)


def text(value: Any, *keys: str | int) -> str | None:
    """The string at this place, or None."""
    found = at(value, *keys)
    return found if isinstance(found, str) else None


def table(value: Any, *keys: str | int) -> dict[str, Any]:
    """The mapping at this place, or an empty one."""
    found = at(value, *keys)
    return {str(key): item for key, item in found.items()} if isinstance(found, Mapping) else {}


def rows(value: Any, *keys: str | int) -> list[Any]:
    """The list at this place, or an empty one."""
    found = at(value, *keys)
    return list(found) if isinstance(found, list) else []


def numbers(value: Any, *keys: str | int) -> dict[str, float]:
    """The mapping at this place with what is not a number left out."""
    found = {key: number(item) for key, item in table(value, *keys).items()}
    return {key: item for key, item in found.items() if item is not None}
