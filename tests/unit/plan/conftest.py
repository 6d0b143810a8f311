"""A survey, machines and recipes that the plan's tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from understudy.core.recipe import Recipe
from understudy.core.stage import Survey
from understudy.plan.machines import TrainingMachine

MakeRecipe = Callable[..., Recipe]


@pytest.fixture
def survey() -> Survey:
    """The Python standard library: 31.5 MB in 1,790 files."""
    return Survey("fingerprint", 1790, 31_525_224, {"python": 31_525_224}, ())


@pytest.fixture
def big_survey() -> Survey:
    """Ten terabytes of code, so that data never limits."""
    return Survey("fingerprint", 10**9, 10**13, {"python": 10**13}, ())


@pytest.fixture
def laptop() -> TrainingMachine:
    """Two cores with 24 GB, nothing measured but the matrix product."""
    return TrainingMachine(
        name="this machine",
        device="cpu",
        devices=1,
        cpu="a CPU",
        cores=2,
        memory_bytes=24_000_000_000,
        ceiling_flops_per_second={"bfloat16": 0.43e12, "float32": 0.2e12},
        free_disk_bytes=50_000_000_000,
    )


@pytest.fixture
def make_recipe() -> MakeRecipe:
    """A recipe from keyword sections; `phase` stands for the one training phase."""

    def make(phase: dict[str, Any] | None = None, **sections: Any) -> Recipe:
        return Recipe.model_validate({"name": "test", "train": [phase or {}], **sections})

    return make
