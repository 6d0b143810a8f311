"""What `up` says at its end: the scores, completions beside the truth, where the report is, what to type next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from understudy.core.console import draw_table
from understudy.core.paths import Project, read_json
from understudy.core.units import duration_text

if TYPE_CHECKING:
    from understudy.api import Step
    from understudy.core.artifact import Artifact

SHOWN_COMPLETIONS = 3
SHOWN_LINES = 4


def closing_lines(recipe: Path, steps: list[Step], report: Path, project: Project) -> list[Any]:
    """Tables and texts, in the order they are printed."""
    lines: list[Any] = []
    artifacts = {step.kind: step.artifact for step in steps if step.artifact}
    if "scores" in artifacts:
        lines += [*_scores(artifacts["scores"]), *_completions(artifacts["scores"])]
    seconds = sum(step.seconds for step in steps)
    done = "everything was there already" if seconds == 0 else f"done in {duration_text(seconds)}"
    lines += ["", f"{done}; report: {_short(report)}"]
    return lines + _next(recipe, artifacts, project)


def _scores(scores: Artifact) -> list[Any]:
    from understudy import api

    return [part for table in api.score_tables(scores) for part in ("", draw_table(*table))]


def _completions(scores: Artifact) -> list[Any]:
    showcase = scores.path / "showcase.json"
    items = read_json(showcase)["items"] if showcase.exists() else []
    lines: list[Any] = []
    for item in items[:SHOWN_COMPLETIONS]:
        lines += ["", Text.assemble((item["mode"], "bold"), f"  {item['path']}")]
        lines += _block("", item["prefix"].splitlines()[-SHOWN_LINES:], "dim")
        lines += _block("truth", item["truth"].splitlines() or [""], "green")
        lines += _block("model", item["completion"].splitlines() or [""], "cyan")
        if item.get("suffix"):
            lines += _block("", item["suffix"].strip("\n").splitlines()[:2], "dim")
    return lines


def _block(label: str, lines: list[str], style: str) -> list[Text]:
    return [
        Text.assemble(f"  {label if i == 0 else '':<6}│ ", (line, style)) for i, line in enumerate(lines[:SHOWN_LINES])
    ]


def _next(recipe: Path, artifacts: dict[str, Artifact], project: Project) -> list[str]:
    where = _where(project)
    typed = shlex.quote(str(recipe)) + where
    if "model" not in artifacts:
        look = [inspect_line(recipe, project)] if "corpus" in artifacts else []
        return [*look, f"next: understudy up {typed}"]
    model = artifacts["model"].id
    furthest = artifacts["scores"].id if "scores" in artifacts else model
    return [
        "next:",
        f'  understudy complete "def read_lines(path):" --model {model}{where}',
        f"  understudy serve {typed}            an OpenAI-compatible server for your editor",
        f"  understudy lineage {model}{where}   where it came from",
        f"  understudy show {furthest}{where} --open   the report in a browser",
    ]


def inspect_line(recipe: Path, project: Project) -> str:
    """How to look into the corpus that was just made."""
    typed = shlex.quote(str(recipe)) + _where(project)
    return f"look into it: understudy data inspect {typed}   (--file PATH, --rule NAME, …)"


def _where(project: Project) -> str:
    return "" if Project.find() == project else f" --project {shlex.quote(str(project.root))}"


def _short(path: Path) -> str:
    """The path as one would type it from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
