"""Brings a Hugging Face data set into the project's cache as Parquet; the files are read from there like any other.

The `datasets` package runs in a process of its own (`hub_child.py`): it is heavy, and it needs the network that an
offline recipe refuses to everything but data.sources. Code that a data set brings along is never run.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import xxhash

from understudy.core.errors import InputDataError, ResourceError
from understudy.core.network import OFFLINE_ENVIRONMENT
from understudy.core.paths import read_json, write_json
from understudy.data.sources.child import run_child

if TYPE_CHECKING:
    from understudy.data.sources.looking import Look

NEEDED = ("datasets", "huggingface_hub")
DONE = "data-set.json"
NAME = re.compile(r"[\w.-]{1,96}(/[\w.-]{1,96})?")


class DataSet(NamedTuple):
    """A data set in the cache: its Parquet files in order, and the commit on the hub, where there is one."""

    name: str
    parts: tuple[Path, ...]
    revision: str | None


def brought(look: Look) -> DataSet:
    """The data set of a source, exported to Parquet files.

    With `offline: true` the local cache of `datasets` is asked first, and the hub only for what is not there; with
    `offline: false` the hub first. A folder is read from the disk. What was brought before is used again while the data
    set has the same fingerprint, and where nothing can be reached.
    """
    _check_packages(look)
    written = look.source.huggingface or ""
    local = look.recipe.resolve(written)
    if not local.exists() and not NAME.fullmatch(written):
        raise InputDataError(
            f"the source `{look.source}` does not exist", "give a data set's name (`owner/name`), or a folder"
        )
    address = str(local.resolve()) if local.exists() else written
    name = look.source.name or (local.name if local.exists() else written)
    wish = {
        "address": address,
        "is_local": local.exists(),
        "subset": look.source.subset,
        "split": look.source.split,
        "revision": look.source.revision,
    }
    folder = look.project.cache / "huggingface" / xxhash.xxh3_64_hexdigest(json.dumps(wish, sort_keys=True).encode())
    ways = ("cache",) if local.exists() else ("cache", "hub") if look.recipe.offline else ("hub", "cache")
    return _read(folder, name, _first_that_works(look, folder, wish, ways))


def _check_packages(look: Look) -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ResourceError(f"the source `{look.source}` needs {' and '.join(missing)}", "pip install 'understudy[hf]'")


def _first_that_works(look: Look, folder: Path, wish: dict[str, object], ways: tuple[str, ...]) -> str:
    """The name of the export inside of `folder`."""
    told = []
    for way in ways:
        export, error = _asked(look, folder, {**wish, "way": way})
        if export:
            write_json(folder / DONE, {"export": export})
            return export
        told.append(error)
    reason = "; ".join(dict.fromkeys(told))
    before = _export_before(folder)
    if not before:
        hint = "check the name, the split and the subset; HF_TOKEN opens gated data sets"
        raise InputDataError(f"the source `{look.source}` could not be read: {reason}", hint)
    look.events.warning(f"the source `{look.source}` could not be read: {reason}; using what was fetched before")
    return before


def _asked(look: Look, folder: Path, wish: dict[str, object]) -> tuple[str, str]:
    """(name of the export, "") or ("", what went wrong)."""
    folder.mkdir(parents=True, exist_ok=True)
    look.events.note(f"reading {look.source} with datasets")
    program = [sys.executable, "-m", "understudy.data.sources.hub_child", json.dumps(wish), str(folder)]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        code = run_child(program, output, errors, _environment(str(wish["way"])), look.events)
        output.seek(0)
        errors.seek(0)
        told = output.read().decode("utf-8", "replace").strip().splitlines()
        if code == 0 and told:
            return told[-1], ""
        lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return "", (lines[-1] if lines else f"datasets ended with code {code}")[:400]


def _environment(way: str) -> dict[str, str]:
    """This process's environment; with the hub asked, less what an offline recipe put into it."""
    kept = {name: value for name, value in os.environ.items() if name not in OFFLINE_ENVIRONMENT}
    quiet = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_DATASETS_TRUST_REMOTE_CODE": "0"}
    return {**kept, **quiet, **(OFFLINE_ENVIRONMENT if way == "cache" else {})}


def _export_before(folder: Path) -> str:
    try:
        export = str(read_json(folder / DONE)["export"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return export if (folder / export / DONE).exists() else ""


def _read(folder: Path, name: str, export: str) -> DataSet:
    done = read_json(folder / export / DONE)
    parts = tuple(folder / export / part for part in done["parts"])
    if not parts:
        raise InputDataError(f"the data set {name} has no rows", "choose another split or subset")
    return DataSet(name, parts, done["revision"])
