"""A stage reads artifacts and writes one. This file is all that stages and the pipeline know of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.core.artifact import Artifact
from understudy.core.errors import InputDataError
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.tracking import Events

Metrics = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SourceSurvey:
    """How much one source of the recipe holds."""

    source: str
    n_files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What all sources hold, and a fingerprint of their contents that changes when any of them does."""

    fingerprint: str
    n_files: int
    size_bytes: int
    size_bytes_by_language: dict[str, int]
    sources: tuple[SourceSurvey, ...]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a stage may read: earlier artifacts by kind, the survey of the sources, the project's folders."""

    artifacts: Mapping[str, Artifact]
    project: Project
    survey: Survey | None = None

    def __getitem__(self, kind: str) -> Artifact:
        try:
            return self.artifacts[kind]
        except KeyError:
            raise InputDataError(f"this stage needs a {kind}, and there is none", "understudy up RECIPE") from None


Run = Callable[[Recipe, Inputs, Path, Events], Metrics]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the river.

    `run(recipe, inputs, work_dir, events)` writes the artifact's files into `work_dir` and returns its metrics; the
    pipeline seals and publishes them. `reads` lists the recipe's keys that matter: changing any of them makes a new
    artifact. `version` changes whenever the same inputs would give other files. `work_dir` may hold what a killed run
    left behind; files below `work_dir/scratch` are dropped before publishing. `check(recipe)` raises ResourceError when
    this machine cannot run the stage; it is asked before any stage is run.
    """

    name: str
    kind: str
    version: str
    reads: tuple[str, ...]
    needs: tuple[str, ...]
    run: Run
    needs_survey: bool = False
    check: Callable[[Recipe], None] | None = None
