"""The graph, and the one function that runs what is missing, in order.

survey ─┬─▶ plan ──────────────────────────┐
        └─▶ data ─▶ tokenizer ─▶ tokens ─▶ train ─▶ eval
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import platform
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import understudy
from understudy.core.artifact import Artifact, Store, artifact_id, disk_error
from understudy.core.errors import InputDataError, ResourceError, UsageError
from understudy.core.hardware import peak_memory_bytes, reset_peak_memory
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.recipe_file import ResolvedRecipe
from understudy.core.stage import Inputs, Stage, Survey
from understudy.core.tracking import Events

# Stages by name, in the order data meets them. They are loaded when they are needed.
STAGES: dict[str, str] = {
    "plan": "understudy.plan.stage",
    "data": "understudy.data.stage",
    "tokenizer": "understudy.tokenizer.stage",
    "tokens": "understudy.tokenizer.pack_stage",
    "train": "understudy.train.stage",
    "eval": "understudy.eval.stage",
}
VERSIONED = ("torch", "numpy", "pyarrow", "duckdb", "tokenizers", "tiktoken")
VERIFY_ALWAYS_BYTES = 2_000_000_000  # hashing this much takes well under a second; larger artifacts only before use


@dataclass(frozen=True, slots=True)
class Step:
    """What the pipeline will do, or did, for one stage."""

    stage: str
    kind: str
    artifact_id: str
    artifact: Artifact | None  # None: it has to be made
    seconds: float = 0.0

    @property
    def is_done(self) -> bool:
        """Whether the artifact is there."""
        return self.artifact is not None


def load_stage(name: str) -> Stage:
    """The stage of this name."""
    stage: Stage = import_module(STAGES[name]).STAGE
    return stage


def _versions() -> dict[str, str]:
    """Python and the packages that can change a number."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in VERSIONED}


def needed_for(name: str) -> list[str]:
    """This stage and all it needs, in order."""
    by_kind = {load_stage(other).kind: other for other in STAGES}
    wanted, waiting = {name}, [name]
    while waiting:
        needs = {by_kind[kind] for kind in load_stage(waiting.pop()).needs}
        waiting.extend(needs - wanted)
        wanted |= needs
    return [other for other in STAGES if other in wanted]


def look(resolved: ResolvedRecipe, project: Project, events: Events, until: str | None = None) -> list[Step]:
    """What `run` would find done and what it would make, without making anything."""
    return _Walk(resolved.recipe, project, events).steps(_names(None, until))


def run(
    resolved: ResolvedRecipe,
    project: Project,
    events: Events,
    *,
    until: str | None = None,
    start: str | None = None,
    target: str | None = None,
) -> list[Step]:
    """Make everything that is missing, in order; `start` makes that stage and what follows again.

    `target` limits the walk to one stage and what it needs. Killed at any instant, the same call continues.
    """
    names = needed_for(target) if target else _names(start, until)
    with _lock(project):
        walk = _Walk(resolved.recipe, project, events)
        walk.check(names)
        return [walk.make(name, again=bool(start) and names.index(name) >= names.index(str(start))) for name in names]


class _Walk:
    """One pass over the stages, handing each the artifacts made before it."""

    def __init__(self, recipe: Recipe, project: Project, events: Events) -> None:
        self.recipe, self.project, self.events = recipe, project, events
        self.store = Store(project)
        self.artifacts: dict[str, Artifact] = {}
        self.identifiers: dict[str, str] = {}
        self._survey: Survey | None = None

    def survey(self) -> Survey:
        """What the sources hold, looked up once."""
        if self._survey is None:
            survey = import_module("understudy.data").survey
            self._survey = survey(self.recipe, self.project, self.events.for_stage("survey"))
        assert self._survey is not None
        return self._survey

    def steps(self, names: Sequence[str]) -> list[Step]:
        return [self._look(load_stage(name)) for name in names]

    def check(self, names: Sequence[str]) -> None:
        """Ask the stages that will run whether this machine can. Raises ResourceError before hours are spent."""
        for stage in map(load_stage, names):
            self.identifiers[stage.kind] = self._identify(stage)
            if stage.check and not (self.project.store / stage.kind / self.identifiers[stage.kind]).exists():
                stage.check(self.recipe)

    def make(self, name: str, again: bool) -> Step:
        """The stage's artifact, from the store where it stands there whole, else made now."""
        stage = load_stage(name)
        events = self.events.for_stage(name)
        step = self._look(stage, events)
        if step.artifact and not again:
            events.emit(
                "stage_skipped", id=step.artifact_id, path=str(step.artifact.path), metrics=step.artifact.metrics
            )
            return step
        return self._run(stage, step.artifact_id, events)

    def _look(self, stage: Stage, events: Events | None = None) -> Step:
        identifier = self.identifiers[stage.kind] = self._identify(stage)
        artifact = self._find_whole(stage.kind, identifier, events)
        if artifact:
            self.artifacts[stage.kind] = artifact
        return Step(stage.name, stage.kind, identifier, artifact)

    def _identify(self, stage: Stage) -> str:
        inputs = [self.identifiers[kind] for kind in stage.needs]
        contents = self.survey().fingerprint if stage.needs_survey else ""
        return artifact_id(stage.kind, stage.version, self.recipe.section(stage.reads), inputs, contents)

    def _find_whole(self, kind: str, identifier: str, events: Events | None) -> Artifact | None:
        """The artifact, if it is there and undamaged; a damaged one is moved aside, said, and made again."""
        folder = self.project.store / kind / identifier
        try:
            artifact = self.store.find(kind, identifier)
            if artifact and self.store.size_bytes(artifact) <= VERIFY_ALWAYS_BYTES:
                self.store.verify(artifact)
        except InputDataError as error:
            if "newer" in error.message or events is None:
                raise
            aside = self.store.set_aside(folder)
            events.warning(f"{error.message}; making it again", f"the damaged one was moved to {aside}")
            return None
        if artifact is None and events is not None and folder.exists():
            self.store.set_aside(folder)  # a folder without its manifest: somebody deleted it by hand
        return artifact

    def _run(self, stage: Stage, identifier: str, events: Events) -> Step:
        inputs = [self.artifacts[kind] for kind in stage.needs]
        for artifact in inputs:
            if self.store.size_bytes(artifact) > VERIFY_ALWAYS_BYTES:
                self.store.verify(artifact)
        work_dir = self.project.work / identifier
        events.emit("stage_started", id=identifier)
        started = time.monotonic()
        reset_peak_memory()
        with _clear_disk_errors(stage.name):
            work_dir.mkdir(parents=True, exist_ok=True)
            context = Inputs(dict(self.artifacts), self.project, self.survey() if stage.needs_survey else None)
            metrics = stage.run(self.recipe, context, work_dir, events)
            seconds = time.monotonic() - started
            made_by = self._made_by(stage, seconds)
            artifact = self.store.publish(stage.kind, identifier, work_dir, inputs, metrics, made_by)
        self.artifacts[stage.kind] = artifact
        events.emit(
            "stage_finished", id=identifier, path=str(artifact.path), metrics=metrics, seconds=round(seconds, 3)
        )
        return Step(stage.name, stage.kind, identifier, artifact, seconds)

    def _made_by(self, stage: Stage, seconds: float) -> dict[str, Any]:
        return {
            "recipe": self.recipe.name,
            "stage": stage.name,
            "stage_version": stage.version,
            "understudy": understudy.__version__,
            "versions": _versions(),
            "section": self.recipe.section(stage.reads),
            "sources": self.survey().fingerprint if stage.needs_survey else None,
            "seconds": round(seconds, 3),
            "peak_memory_bytes": peak_memory_bytes(),
        }


def _names(start: str | None, until: str | None) -> list[str]:
    for option, name in (("--from", start), ("--until", until)):
        if name is not None and name not in STAGES:
            raise UsageError(f"{option} {name}: there is no such stage", f"the stages are {', '.join(STAGES)}")
    names = list(STAGES)
    last = names.index(until) + 1 if until else len(names)
    if start and names.index(start) >= last:
        raise UsageError(f"--from {start} comes after --until {until}", f"the order is {' → '.join(STAGES)}")
    return names[:last]


@contextlib.contextmanager
def _lock(project: Project) -> Iterator[None]:
    """One run at a time in a project; the lock goes with the process, however it dies."""
    with _clear_disk_errors("opening the project"):
        project.home.mkdir(parents=True, exist_ok=True)
        file = (project.home / "lock").open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ResourceError(
                f"another run is working in {project.root}", "wait for it, or use another folder with --project DIR"
            ) from None
        yield


@contextlib.contextmanager
def _clear_disk_errors(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        clear = disk_error(error, doing)
        if clear is None:
            raise
        raise clear from error


def collect_garbage(project: Project, keep: Sequence[str], events: Events, dry_run: bool) -> list[tuple[Path, int]]:
    """Delete artifacts that nothing in `keep` was made from, and what killed runs left; returns (folder, bytes)."""
    with _lock(project):
        garbage = Store(project).garbage(keep)
        if not dry_run:
            for done, (folder, size_bytes) in enumerate(garbage, 1):
                is_published = folder.is_relative_to(project.store)  # a kill must not leave half of one in the store
                shutil.rmtree(Store(project).set_aside(folder) if is_published else folder, ignore_errors=True)
                events.progress("deleting", done, len(garbage), "folders", size_bytes=size_bytes)
    return garbage
