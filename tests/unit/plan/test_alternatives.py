from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml

from understudy.core.errors import ResourceError
from understudy.core.recipe import Recipe
from understudy.core.stage import Survey
from understudy.plan.alternatives import alternatives, make_plan, with_changes
from understudy.plan.choose import draft_plan
from understudy.plan.machines import TrainingMachine, find_gpu, named_machine

TOO_MUCH: dict[str, dict[str, Any]] = {
    "too many tokens for the minutes": {
        "budget": {"minutes": 4}, "phase": {"tokens": "100M"}, "model": {"scratch": {"layers": 12}}},
    "too many parameters for the memory": {"model": {"scratch": {"parameters": "7B"}}},
    "too wide for the memory": {"model": {"scratch": {"layers": 40, "hidden": 8192}}},
    "no time for one step": {"budget": {"minutes": 0.02}},
    "too many tokens for two seconds": {"budget": {"minutes": 0.04}, "phase": {"tokens": "1M"}},
}  # fmt: skip


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_cannot_fit_is_refused_with_exactly_three_changes_that_fit(
    name: str, make_recipe: Any, survey: Survey, laptop: TrainingMachine
) -> None:
    recipe = make_recipe(**TOO_MUCH[name])
    with pytest.raises(ResourceError) as caught:
        make_plan(recipe, survey, laptop)
    assert caught.value.exit_code == 5
    lines = (caught.value.hint or "").splitlines()[1:]
    assert len(lines) == 3
    for line in lines:
        settings = [part.split()[0] for part in line.split("--set ")[1:]]
        changed = _apply(recipe, settings)
        assert draft_plan(changed, survey, _machine(changed, laptop)).problems == ()


def test_a_gpu_too_small_is_answered_with_more_or_larger_ones(make_recipe: Any, big_survey: Survey) -> None:
    recipe = make_recipe(budget={"hours": 500, "gpu": "l4"}, model={"scratch": {"parameters": "7B"}})
    machine = named_machine(find_gpu("l4"), 1, None)
    draft = draft_plan(recipe, big_survey, machine)
    found = alternatives(recipe, big_survey, machine, draft.plan)
    keys = {key for alternative in found for key in alternative.settings}
    assert draft.problems
    assert len(found) == 3
    assert {"budget.gpu", "model.scratch.parameters"} <= keys


def test_a_full_disk_is_named_with_what_is_needed_and_what_is_free(
    make_recipe: Any, survey: Survey, laptop: TrainingMachine
) -> None:
    with pytest.raises(ResourceError, match=r"writes .* and 30\.0 MB are free"):
        make_plan(make_recipe(budget={"minutes": 4}), survey, replace(laptop, free_disk_bytes=30_000_000))


def test_a_change_is_validated_like_a_recipe(make_recipe: Any) -> None:
    assert with_changes(make_recipe(), {"train.0.tokens": 4096}).train[0].tokens == 4096
    with pytest.raises(ValueError, match="layers"):
        with_changes(make_recipe(), {"model.scratch.layers": 0})


def _apply(recipe: Recipe, settings: list[str]) -> Recipe:
    pairs = (setting.split("=", 1) for setting in settings)
    return with_changes(recipe, {key: yaml.safe_load(value) for key, value in pairs})


def _machine(recipe: Recipe, laptop: TrainingMachine) -> TrainingMachine:
    if recipe.budget.gpu is None:
        return laptop
    return named_machine(find_gpu(recipe.budget.gpu), recipe.budget.gpus, None)
