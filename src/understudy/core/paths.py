"""Where things live on disk, and how a file is written so that nobody ever reads half of it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash

HOME_NAME = ".understudy"
HASH_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Project:
    """One folder with a `.understudy/` inside: the store, work in progress, runs, caches, reports."""

    root: Path

    @classmethod
    def find(cls, directory: Path | None = None) -> Project:
        """The given folder, or else the nearest one upwards that has `.understudy/`, or else the current one."""
        if directory is not None:
            return cls(expanded(directory).resolve())
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / HOME_NAME).is_dir():
                return cls(folder)
        return cls(here)

    @property
    def home(self) -> Path:
        """All that understudy writes for this project."""
        return self.root / HOME_NAME

    @property
    def store(self) -> Path:
        """Published artifacts: `<kind>/<id>/`."""
        return self.home / "store"

    @property
    def work(self) -> Path:
        """Artifacts in the making: `<id>/`."""
        return self.home / "work"

    @property
    def runs(self) -> Path:
        """One folder for each call of a verb, with its `events.jsonl`."""
        return self.home / "runs"

    @property
    def cache(self) -> Path:
        """What can be measured or fetched again: file hashes, clones, probes of the machine."""
        return self.home / "cache"

    @property
    def reports(self) -> Path:
        """HTML reports."""
        return self.home / "reports"


def expanded(path: Path | str) -> Path:
    """The path with `~` as the home folder; as it is written where there is no such user, as a shell does."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def write_atomically(path: Path, data: bytes | str) -> None:
    """Replace `path` with `data`: after a crash a reader finds the old file or the new one, never a part."""
    raw = data.encode() if isinstance(data, str) else data
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut. Systems that cannot open a folder skip it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hash_file(path: Path, sync: bool = False) -> str:
    """The xxh3-128 of a file's bytes, in hex; with `sync` they are on the disk when this returns."""
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(HASH_CHUNK_BYTES):
            digest.update(chunk)
        if sync:
            os.fsync(file.fileno())
    return digest.hexdigest()


def empty_folder(folder: Path) -> None:
    """Remove what a killed run left in the folder: for stages that start again from nothing."""
    for leftover in folder.iterdir():
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def write_json(path: Path, value: Any) -> None:
    """Write `value` atomically, keys sorted, so that equal values make equal files."""
    write_atomically(path, json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises OSError or json.JSONDecodeError; callers name the file's role."""
    return json.loads(path.read_text(encoding="utf-8"))
