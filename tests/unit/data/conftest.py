"""Small corpora made of real files, and the stage run on them as the pipeline would."""

from __future__ import annotations

import hashlib
import json
import shutil
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from understudy.core.paths import Project, read_json
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import Events, silent
from understudy.data import survey
from understudy.data.compute import Checkpoints, Compute, Orders
from understudy.data.compute.local import LocalCompute
from understudy.data.portions import Load, read, without
from understudy.data.stage import STAGE
from understudy.data.steps import Step, StepSetting, make_step

LIBRARY = Path(sysconfig.get_paths()["stdlib"])


@dataclass
class Corpus:
    """What the stage left behind."""

    folder: Path
    figures: dict[str, Any]
    events: Events
    project: Project

    def rows(self, side: str) -> list[dict[str, Any]]:
        return [
            row for part in sorted((self.folder / side).glob("*.parquet")) for row in pq.read_table(part).to_pylist()
        ]

    def kept(self) -> dict[str, dict[str, Any]]:
        """Every row of train and valid, by path."""
        return {row["path"]: row for side in ("train", "valid") for row in self.rows(side)}

    def rejected(self) -> dict[str, tuple[str, str]]:
        """(reason, evidence) by path."""
        return {row["path"]: (row["drop_reason"], row["evidence"]) for row in self.rows("rejected")}

    @property
    def funnel(self) -> list[dict[str, Any]]:
        return read_json(self.folder / "funnel.json")  # type: ignore[no-any-return]

    @property
    def statistics(self) -> dict[str, Any]:
        return read_json(self.folder / "statistics.json")  # type: ignore[no-any-return]

    def hashes(self) -> dict[str, str]:
        """A hash of every file that would be published."""
        files = (path for path in sorted(self.folder.rglob("*")) if path.is_file() and "scratch" not in path.parts)
        return {str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


MakeCorpus = Callable[..., Corpus]


class InThisProcess(LocalCompute):
    """The engine of one machine without its processes: for tests of sources and decisions, that start a hundred runs.

    What processes do, and that they make no difference, stands in test_corpus.py, test_crew.py and tests/e2e.
    """

    def map(self, loads: Iterable[Load], orders: Orders, total_bytes: int) -> None:
        steps = [_step(setting.name, json.dumps(setting.settings)) for setting in orders.steps]
        for load in loads:
            for portion in read(without(load, self.checkpoints)):
                batch = portion.batch
                for step in steps:
                    batch = step(batch)
                self.checkpoints.save(portion.key, batch, keeps_contents=orders.keeps_contents)


@lru_cache(maxsize=256)
def _step(name: str, settings: str) -> Step:
    return make_step(StepSetting(name, json.loads(settings)))


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are worked off where the test runs; a second less for each corpus."""

    def open_compute(checkpoints: Checkpoints, size_bytes: int, events: Events, *_: object) -> Compute:
        return InThisProcess(checkpoints, 1, events)

    monkeypatch.setattr("understudy.data.compute.local.open_compute", open_compute)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def run_stage(project: Project, sources: Path | list[dict[str, Any]], work: str, seed: int, **data: Any) -> Corpus:
    """Survey and stage, as the pipeline runs them."""
    listed = [{"dir": str(sources)}] if isinstance(sources, Path) else sources
    recipe = Recipe.model_validate({"name": "t", "seed": seed, "data": {"sources": listed, **data}})
    events = silent()
    inputs = Inputs({}, project, survey(recipe, project, events))
    folder = project.root / work
    return Corpus(folder, STAGE.run(recipe, inputs, folder, events), events, project)


@pytest.fixture
def make_corpus(project: Project) -> MakeCorpus:
    """`make_corpus(source, work="work", **data)` runs survey and stage on one folder, or on a list of sources."""

    def make(sources: Path | list[dict[str, Any]], work: str = "work", seed: int = 17, **data: Any) -> Corpus:
        return run_stage(project, sources, work, seed, **data)

    return make


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A folder with a handful of ordinary Python files."""
    folder = tmp_path / "code"
    folder.mkdir()
    for name in ("abc", "bisect", "colorsys", "heapq", "copy", "queue", "shelve"):
        shutil.copyfile(LIBRARY / f"{name}.py", folder / f"{name}.py")
    return folder


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some megabytes of the standard library: enough to keep workers busy while a test disturbs them."""
    folder = tmp_path_factory.mktemp("library")
    for name in ("asyncio", "email", "encodings", "json", "unittest", "xml", "http"):
        shutil.copytree(LIBRARY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="session")
def undisturbed(library: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Hashes of the corpus of `library`, made in one go: what a disturbed run must come to as well."""
    return run_stage(Project(tmp_path_factory.mktemp("undisturbed")), library, "work", 17).hashes()
