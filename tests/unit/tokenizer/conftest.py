"""The two stages, run as the pipeline runs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from understudy.core.artifact import Artifact
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import Events, silent


@pytest.fixture
def inputs() -> Callable[..., Inputs]:
    """Artifacts of the given folders, by kind."""

    def make(**folders: Path) -> Inputs:
        artifacts = {kind: Artifact(kind, f"{kind}-1", folder, (), {}, {}) for kind, folder in folders.items()}
        return Inputs(artifacts, Project(Path("unused")))

    return make


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    """A recipe with the given sections."""

    def make(**sections: Any) -> Recipe:
        return Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": "unused"}]}, **sections})

    return make


@pytest.fixture
def events() -> Events:
    return silent()
