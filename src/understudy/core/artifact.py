"""Artifacts: folders with a name made from what went into them, published whole or not at all.

.understudy/work/<id>/  ──seal: hash every file, write artifact.json──▶ one rename ──▶  .understudy/store/<kind>/<id>/
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from understudy.core.errors import InputDataError, ResourceError, UsageError
from understudy.core.paths import Project, expanded, hash_file, read_json, sync_directory, write_json

FORMAT = 1
MANIFEST = "artifact.json"
LINEAGE = "lineage.json"
SCRATCH = "scratch"
# In the order the river makes them.
KINDS = ("plan", "corpus", "tokenizer", "tokens", "model", "scores")


@dataclass(frozen=True, slots=True)
class Artifact:
    """One published folder: what it is, what it was made from, and what was measured while making it."""

    kind: str
    id: str
    path: Path
    inputs: tuple[str, ...]
    metrics: dict[str, Any]
    made_by: dict[str, Any]

    @property
    def created(self) -> str:
        """When it was published, in UTC, as ISO text; sorts by time."""
        return str(self.made_by.get("created", ""))

    @property
    def created_text(self) -> str:
        """The same as people read it: `2026-11-21 10:14`."""
        return self.created[:16].replace("T", " ")


def artifact_id(kind: str, version: str, section: Any, inputs: Sequence[str], contents: str = "") -> str:
    """`<kind>-<12 hex>`: equal recipe section, inputs, source contents and stage version give an equal id."""
    text = json.dumps([kind, version, section, list(inputs), contents], sort_keys=True, separators=(",", ":"))
    return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


class Store:
    """The published artifacts of one project."""

    def __init__(self, project: Project) -> None:
        self.project = project

    # finding

    def find(self, kind: str, identifier: str) -> Artifact | None:
        """The artifact of exactly this id, or None. A damaged one raises InputDataError."""
        folder = self.project.store / kind / identifier
        return self._read(folder) if (folder / MANIFEST).exists() else None

    def all(self, kind: str | None = None) -> list[Artifact]:
        """All whole artifacts, oldest first."""
        found = []
        for folder in self._folders(kind):
            with contextlib.suppress(InputDataError):
                found.append(self._read(folder))
        return sorted(found, key=lambda artifact: (artifact.created, artifact.id))

    def open(self, name: str, kind: str | None = None) -> Artifact:
        """The artifact meant by an id, a unique prefix, a path, or `latest`. Raises UsageError when none or several."""
        path = expanded(name)
        if (path / MANIFEST).exists():
            return self._read(path)
        if name == "latest":
            artifacts = self.all(kind)
            if not artifacts:
                raise UsageError(f"there is no {kind or 'artifact'} here yet", "understudy up RECIPE")
            return artifacts[-1]
        return self._read(self._matching(name, kind))

    def _matching(self, name: str, kind: str | None) -> Path:
        matches = [
            f for f in self._folders(kind) if f.name.startswith(name) or f.name.split("-", 1)[-1].startswith(name)
        ]
        if len(matches) == 1:
            return matches[0]
        if matches:
            names = ", ".join(folder.name for folder in matches[:5])
            raise UsageError(f"{name!r} could be any of {names}", "give more of the id")
        raise UsageError(f"no {kind or 'artifact'} is called {name!r}", "understudy runs   (lists what there is)")

    def _folders(self, kind: str | None) -> Iterator[Path]:
        for parent in sorted(self.project.store.glob(kind or "*")):
            yield from (folder for folder in sorted(parent.glob("*-*")) if (folder / MANIFEST).exists())

    def _read(self, folder: Path) -> Artifact:
        manifest = _read_manifest(folder)
        for name, entry in manifest["files"].items():
            file = folder / name
            size = file.stat().st_size if file.is_file() else None
            if size != entry["size_bytes"]:
                problem = "is missing" if size is None else f"has {size} bytes, not {entry['size_bytes']}"
                raise _damaged(folder, f"{name} {problem}")
        return Artifact(
            manifest["kind"],
            manifest["id"],
            folder,
            tuple(manifest["inputs"]),
            manifest["metrics"],
            manifest["made_by"],
        )

    def verify(self, artifact: Artifact) -> None:
        """Hash every file again. Raises InputDataError naming the first one that changed. Reads the whole artifact."""
        for name, entry in _read_manifest(artifact.path)["files"].items():
            if hash_file(artifact.path / name) != entry["xxh3_128"]:
                raise _damaged(artifact.path, f"{name} does not have the content it was published with")

    def size_bytes(self, artifact: Artifact) -> int:
        """Bytes of all its files, by the manifest."""
        return sum(entry["size_bytes"] for entry in _read_manifest(artifact.path)["files"].values())

    # publishing

    def publish(
        self,
        kind: str,
        identifier: str,
        work_dir: Path,
        inputs: Sequence[Artifact],
        metrics: Mapping[str, Any],
        made_by: Mapping[str, Any],
    ) -> Artifact:
        """Seal `work_dir` and move it into the store in one rename. Raises ResourceError when the disk is full."""
        shutil.rmtree(work_dir / SCRATCH, ignore_errors=True)
        write_json(work_dir / LINEAGE, {item.id: _ancestry(item) for item in inputs})
        files = {
            str(file.relative_to(work_dir)): {
                "size_bytes": file.stat().st_size,
                "xxh3_128": hash_file(file, sync=True),
            }
            for file in sorted(work_dir.rglob("*"))
            if file.is_file() and file.name != MANIFEST
        }
        created = datetime.now(UTC).isoformat(timespec="microseconds")
        manifest = {
            "format": FORMAT,
            "kind": kind,
            "id": identifier,
            "inputs": [item.id for item in inputs],
            "metrics": dict(metrics),
            "made_by": {"created": created, **made_by},
            "files": files,
        }
        write_json(work_dir / MANIFEST, manifest)
        target = self.project.store / kind / identifier
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():  # a damaged one is being replaced, or another process was faster
            self.set_aside(target)
        work_dir.rename(target)
        sync_directory(target.parent)
        return self._read(target)

    def set_aside(self, folder: Path) -> Path:
        """Move a damaged or replaced artifact out of the way; nothing is deleted before `gc`."""
        aside = self.project.home / "aside" / f"{folder.name}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        aside.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(aside)
        return aside

    # asking

    def lineage(self, artifact: Artifact) -> dict[str, Any]:
        """What the artifact was made from, as nested records; works after `gc` and after a move."""
        return _ancestry(artifact)

    def garbage(self, keep: Sequence[str]) -> list[tuple[Path, int]]:
        """Folders nothing in `keep` was made from, and work left by killed runs, each with its size in bytes."""
        wanted: set[str] = set()
        for artifact in self.all():
            if artifact.id in keep:
                wanted |= {artifact.id, *_ancestor_ids(_ancestry(artifact))}
        unwanted = [folder for folder in self._folders(None) if folder.name not in wanted]
        leftovers = [
            folder for parent in (self.project.work, self.project.home / "aside") for folder in sorted(parent.glob("*"))
        ]
        return [(folder, _size_bytes(folder)) for folder in (*unwanted, *leftovers)]


def disk_error(error: OSError, doing: str) -> ResourceError | None:
    """The clear form of a full or read-only disk; None for other errors."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ResourceError(
            f"the disk is full while {doing}",
            "free some space (understudy gc shows what can go), then run the same command",
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return ResourceError(
            f"cannot use {error.filename or 'this folder'} while {doing}: {error.strerror}",
            "correct its permissions, or choose another folder with --project DIR",
        )
    return None


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = read_json(folder / MANIFEST)
        newer = int(manifest["format"]) > FORMAT
        keys = {"kind", "id", "inputs", "metrics", "made_by", "files"}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, f"{MANIFEST} cannot be read ({error})") from error
    if newer:
        raise InputDataError(
            f"{folder.name} was written by a newer understudy (format {manifest['format']}, this one knows {FORMAT})",
            "pip install --upgrade understudy",
        )
    if not isinstance(manifest["files"] if keys <= manifest.keys() else None, dict):
        raise _damaged(folder, f"{MANIFEST} is incomplete")
    return dict(manifest)


def _damaged(folder: Path, what: str) -> InputDataError:
    return InputDataError(
        f"{folder.name} is damaged: {what}", "understudy up RECIPE   (sets it aside and makes it again)"
    )


def _ancestry(artifact: Artifact) -> dict[str, Any]:
    lineage = artifact.path / LINEAGE
    return {
        "kind": artifact.kind,
        "made_by": artifact.made_by,
        "metrics": artifact.metrics,
        "inputs": read_json(lineage) if lineage.exists() else {},
    }


def _ancestor_ids(record: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for identifier, entry in record["inputs"].items():
        found |= {identifier, *_ancestor_ids(entry)}
    return found


def _size_bytes(folder: Path) -> int:
    return (
        sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        if folder.is_dir()
        else folder.stat().st_size
    )
