"""Checkpoints that can be trusted: whole or not there, and proved by hash before they are used.

    step-00000120/
      tensors.safetensors    weights, optimizer
      state.json             step, random state, facts; the hash of the tensors, and its own

A folder is written under another name and renamed when it is whole. A reader takes the newest one whose hashes agree;
a damaged one is named in a warning and the one before it is used. Two are kept for that.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xxhash
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from understudy.core.paths import read_json, sync_directory, write_json

TENSORS, STATE = "tensors.safetensors", "state.json"
KEPT = 2
_PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was saved: everything needed to go on as if nothing had happened."""

    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]


def save_checkpoint(folder: Path, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> Path:
    """Write a checkpoint of this step, keep the newest two, and return its folder."""
    final = folder / f"step-{step:08d}"
    partial = folder / (final.name + _PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _write_tensors(tensors, partial / TENSORS)
    _sync_file(partial / TENSORS)
    body = {"step": step, "state": dict(state), "tensors_xxh3_128": _file_hash(partial / TENSORS)}
    write_json(partial / STATE, {**body, "xxh3_128": _body_hash(body)})
    if final.exists():  # a damaged one of the same step, which a resumed run has just made again
        shutil.rmtree(final)
    partial.rename(final)
    sync_directory(folder)
    for older in _folders(folder)[KEPT:]:
        shutil.rmtree(older)
    return final


def newest_checkpoint(folder: Path, warn: Callable[[str], None]) -> Checkpoint | None:
    """The newest checkpoint whose hashes agree; `warn` hears of each damaged one. None when there is none."""
    for candidate in _folders(folder):
        try:
            return _read(candidate)
        except (OSError, ValueError, KeyError, TypeError) as error:
            warn(f"checkpoint {candidate.name} is damaged ({error}); using the one before it")
    return None


def _read(folder: Path) -> Checkpoint:
    body = dict(read_json(folder / STATE))
    if body.pop("xxh3_128") != _body_hash(body):
        raise ValueError(f"{STATE} does not match its hash")
    if _file_hash(folder / TENSORS) != body["tensors_xxh3_128"]:
        raise ValueError(f"{TENSORS} does not match its hash")
    return Checkpoint(int(body["step"]), load_file(folder / TENSORS), dict(body["state"]))


def _folders(folder: Path) -> list[Path]:
    """Checkpoints, newest first, whole or not."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.name.startswith("step-") and not path.name.endswith(_PARTIAL)]
    return sorted(found, key=lambda path: path.name, reverse=True)


def _file_hash(path: Path) -> str:
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _body_hash(body: Mapping[str, Any]) -> str:
    return xxhash.xxh3_128(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write a safetensors file. The library tells a full disk in words only; it is raised as the OSError it is."""
    try:
        save_file(dict(tensors), path)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
