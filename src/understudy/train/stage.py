"""The train stage: plan, corpus, tokenizer and tokens ──▶ a Hugging Face folder with what is needed to use it.

Work in progress is in scratch/checkpoints; a killed run goes on from the newest sound one. The model's folder is
written at the end, from the weights as they were trained with.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs, Stage
from understudy.core.tracking import Events


def run(recipe: Recipe, inputs: Inputs, work_dir: Path, events: Events) -> dict[str, Any]:
    """Train the model, or go on with it, and write its folder; returns the metrics."""
    started = time.monotonic()
    # Torch takes a second to load: only when there is something to train.
    from understudy.train.finish import metrics_of, write_model
    from understudy.train.start import prepare

    training = prepare(recipe, inputs, work_dir, events, started)
    try:
        outcome = training.run()
    finally:
        training.log.close()
    write_model(recipe, inputs, work_dir, training, outcome)
    return metrics_of(inputs, training, outcome)


def check(recipe: Recipe) -> None:
    """Raises ResourceError when the recipe plans for a GPU and there is none here."""
    if recipe.budget.gpu is not None:
        from understudy.train.start import device_of

        device_of({"machine": {"device": "cuda", "name": f"{recipe.budget.gpus} x {recipe.budget.gpu}"}})


STAGE = Stage(
    name="train",
    kind="model",
    version="2",
    reads=("seed", "model", "train"),
    needs=("plan", "corpus", "tokenizer", "tokens"),
    run=run,
    check=check,
)
