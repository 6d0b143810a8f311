"""The data stage: sources in, corpus out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs, Stage
from understudy.core.tracking import Events


def run(recipe: Recipe, inputs: Inputs, work_dir: Path, events: Events) -> dict[str, Any]:
    """Make the corpus in `work_dir`; returns its figures."""
    from understudy.data.corpus import make_corpus  # Arrow takes a quarter of a second: only when there is work

    return make_corpus(recipe, inputs, work_dir, events)


# Which files Python can parse depends on the Python that tries.
VERSION = f"1-python{sys.version_info.major}.{sys.version_info.minor}"

STAGE = Stage(name="data", kind="corpus", version=VERSION, reads=("seed", "data"), needs=(), run=run, needs_survey=True)
