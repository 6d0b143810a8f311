"""The eval stage: a model sits the exams that the recipe names, on files it has never seen.

corpus (held-out files) ─┐
model ───────────────────┴─▶ suites ─▶ scores.json · samples.jsonl · showcase.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.core.artifact import SCRATCH
from understudy.core.paths import write_atomically, write_json
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs, Metrics, Stage
from understudy.core.tracking import Events
from understudy.core.units import percent_text

if TYPE_CHECKING:
    from understudy.eval.exam import Exam

VERSION = "1"


def run(recipe: Recipe, inputs: Inputs, work_dir: Path, events: Events) -> Metrics:
    """Scores of the model, each with its interval. A killed run goes on where it stopped, to equal scores."""
    from understudy.engines import open_engine
    from understudy.eval.exam import Exam
    from understudy.eval.finished import Finished

    finished = Finished(work_dir / SCRATCH / "finished.jsonl")
    if finished.n_torn:
        events.note(f"eval goes on after an interruption; {finished.n_torn} half-written answer is asked for again")
    exam = Exam(
        settings=recipe.eval,
        seed=recipe.seed,
        corpus=inputs["corpus"].path,
        model=inputs["model"].path,
        model_id=inputs["model"].id,
        work_dir=work_dir,
        events=events,
        open_engine=open_engine,
        finished=finished,
    )
    try:
        return _sit(exam, work_dir)
    finally:
        exam.close()


def _sit(exam: Exam, work_dir: Path) -> Metrics:
    from understudy.eval.showcase import showcase
    from understudy.eval.suites import SUITES
    from understudy.formats.corpus import contamination

    results = {name: SUITES[name](exam) for name in exam.settings.suites}
    samples = [sample for result in results.values() for sample in result.samples]
    scores = {
        "model": exam.model_id,
        "seed": exam.seed,
        "rules": {name: result.rule for name, result in results.items()},
        "suites": {name: result.scores for name, result in results.items()},
    }
    if found := contamination(exam.corpus):
        scores["contamination"] = {
            name: {"n_tasks": one.n_tasks, "n_tasks_found": one.n_tasks_found, "n_files": one.n_files}
            for name, one in found.items()
        }
    write_atomically(work_dir / "samples.jsonl", "".join(_line(sample) for sample in samples))
    write_json(work_dir / "showcase.json", showcase(samples))
    write_json(work_dir / "scores.json", scores)
    metrics = {name: value for result in results.values() for name, value in result.metrics.items()}
    exam.events.metrics(None, **metrics)
    return {"summary": _summary(metrics), **metrics}


def _summary(metrics: dict[str, float]) -> str:
    """The scores in one line; the intervals are in the table and the report."""
    from understudy.eval.results import MODES

    parts = [f"{metrics['bits_per_byte']:.3f} bits per byte"] if "bits_per_byte" in metrics else []
    parts += [
        f"{mode} {percent_text(metrics[f'own-code.{mode}.exact_match'])} exact, "
        f"{percent_text(metrics[f'own-code.{mode}.edit_similarity'])} similar"
        for mode in MODES
        if f"own-code.{mode}.exact_match" in metrics
    ]
    return "; ".join(parts) or "nothing could be measured"


def _line(sample: dict[str, Any]) -> str:
    return json.dumps(sample, sort_keys=True, ensure_ascii=True) + "\n"


STAGE = Stage(
    name="eval",
    kind="scores",
    version=VERSION,
    reads=("seed", "eval"),
    needs=("corpus", "model"),
    run=run,
)
