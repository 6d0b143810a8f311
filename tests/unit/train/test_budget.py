"""A run whose tokens follow from a time budget is shortened before it overruns; one with explicit tokens never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from understudy.core.recipe import Recipe
from understudy.core.tracking import silent
from understudy.train.start import prepare


@pytest.mark.parametrize(("tokens", "is_shortened"), [("auto", True), (40 * 128, False)])
def test_only_an_automatic_number_of_tokens_is_shortened(
    world: Callable[..., Any], tokens: str | int, is_shortened: bool
) -> None:
    made, events = world(tokens=40 * 128), silent()
    phase = {"context": 32, "compile": False, "precision": "fp32", "tokens": tokens}
    recipe = Recipe.model_validate({"name": "t", "budget": {"minutes": 1e-6}, "train": [phase]})
    training = prepare(recipe, made.inputs(), made.work(), events, started=0.0)
    training.progress.seconds = 1.0  # more than the budget is spent already
    outcome = training.run()
    warnings = [record["text"] for record in events.records if record["event"] == "warning"]
    assert any("shortened from 40 to 6 steps" in text for text in warnings) == is_shortened
    assert outcome.steps == (6 if is_shortened else 40)
    assert (outcome.shortened is not None) == is_shortened
