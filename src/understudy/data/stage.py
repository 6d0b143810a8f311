"""The data stage: sources in, corpus out.

sources/     folders, git repositories, archives, tables, data sets: files, each with the hash of its bytes
   │ inventory, listing           what there is: the survey, and the order of the work
   ▼ portions                     batches of bounded size, cut at the same places every time
steps/       what it is ─▶ filters ─▶ redaction ─▶ identify, on all cores (compute/) or Spark; each batch a checkpoint
   │ catalog                      all rows without their contents
   ▼
decisions/   over all rows at once: opt-out, licences, exam tasks, duplicates and near-duplicates, the split
   │ parts, figures
   ▼
corpus/      train · valid · rejected, every file with the reason it was left out, and figures that add up

Beside the way: preview.py (what each rule would remove), inspection/ (questions to a corpus), pairs/ (to fine-tune on).
Behind it: licenses/, opt_out/, contamination/, near_duplicates/, held_out/: what one step or decision knows.
"""

from __future__ import annotations

import sys
from pathlib import Path

from understudy.clusters import require_cluster
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs, Metrics, Stage
from understudy.core.tracking import Events


def run(recipe: Recipe, inputs: Inputs, work_dir: Path, events: Events) -> Metrics:
    """Make the corpus in `work_dir`; returns its figures."""
    from understudy.data.corpus import make_corpus  # Arrow takes a quarter of a second: only when there is work

    return make_corpus(recipe, inputs, work_dir, events)


def check(recipe: Recipe) -> None:
    """Raises ResourceError when the engine that the recipe asks for cannot run here."""
    require_cluster(recipe.data.compute)


# Which files Python can parse depends on the Python that tries.
VERSION = f"3-python{sys.version_info.major}.{sys.version_info.minor}"

STAGE = Stage(
    name="data",
    kind="corpus",
    version=VERSION,
    reads=("seed", "data"),
    needs=(),
    run=run,
    needs_survey=True,
    check=check,
)
