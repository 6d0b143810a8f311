"""Drops files that hold tasks of the exams the recipe names, and counts for each exam what was found.

`contamination.json`, for `understudy eval` and the report to print beside the scores:

    {"exams": {"humaneval": {"n_tasks": 164, "n_tasks_found": 3, "n_files": 2, "examples": [{repo, path, evidence}]}},
     "rule": "..."}
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from understudy.core.paths import Project, write_json
from understudy.core.recipe import Recipe
from understudy.data.catalog import rejected
from understudy.data.contamination.wanted import wanted_exams
from understudy.data.decisions.making import Making
from understudy.data.steps.contaminated import task_told
from understudy.formats.corpus import CONTAMINATION
from understudy.formats.exams import read_tasks

REASON = "contaminated"
EXAMPLES = 20  # for each exam
TOLD = 3  # tasks named in a file's evidence
RULE = (
    "A file is left out that holds a task's statement, solution or test: at least 13 words of it in a row that are a "
    "fifth of it, or three fifths of its runs of six words, or, of a short one, all. Case, layout, punctuation and "
    "comments do not count, nor do runs that many tasks of an exam share."
)


@dataclass
class Found:
    """What was found of one exam."""

    tasks: set[str] = field(default_factory=set)
    n_files: int = 0
    examples: list[dict[str, str]] = field(default_factory=list)


def decide(making: Making) -> pa.Table:
    """The catalog without contaminated files; the evidence names the tasks."""
    if not making.recipe.data.decontaminate:
        return making.catalog
    rows = _contaminated(making.catalog)
    found = _found(rows)
    write_json(making.folder / CONTAMINATION, _told(found, making.recipe, making.project))
    evidence = pa.array([_evidence(texts) for texts in rows["contaminated"].to_pylist()], pa.string())
    return rejected(making.catalog, rows["place"].combine_chunks(), REASON, REASON, evidence)


def _contaminated(catalog: pa.Table) -> pa.Table:
    n_tasks = pc.fill_null(pc.list_value_length(catalog["contaminated"].combine_chunks()), 0)
    is_open = catalog["drop_reason"].combine_chunks().is_null()
    wanted = ["place", "repo", "path", "contaminated"]
    return catalog.select(wanted).filter(pc.and_(is_open, pc.greater(n_tasks, 0)))


def _found(rows: pa.Table) -> dict[str, Found]:
    exams: dict[str, Found] = defaultdict(Found)
    for row in rows.to_pylist():
        texts: dict[str, list[str]] = defaultdict(list)
        for text in row["contaminated"]:
            texts[text.split("/", 1)[0]].append(text)
        for suite, mine in texts.items():
            exam = exams[suite]
            exam.n_files += 1
            exam.tasks.update(map(task_told, mine))
            if len(exam.examples) < EXAMPLES:
                exam.examples.append({"repo": row["repo"], "path": row["path"], "evidence": _evidence(mine)})
    return exams


def _evidence(texts: list[str]) -> str:
    more = len(texts) - TOLD
    return "; ".join(texts[:TOLD]) + (f"; and {more:,} more" if more > 0 else "")


def _told(found: dict[str, Found], recipe: Recipe, project: Project) -> dict[str, Any]:
    """Every exam that was looked for, those of which nothing was found too."""
    exams = {}
    for files in wanted_exams(recipe, project):
        exam = found.get(files.suite, Found())
        exams[files.suite] = {
            "n_tasks": len({task.id for task in read_tasks(files)}),
            "n_tasks_found": len(exam.tasks),
            "n_files": exam.n_files,
            "examples": exam.examples,
        }
    return {"rule": RULE, "exams": exams}
