"""Puts the sections into the page and writes it, unless it stands there already."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import understudy
from understudy.core.artifact import Artifact
from understudy.core.paths import Project, write_atomically
from understudy.core.recipe_file import ResolvedRecipe
from understudy.report.blocks import Section
from understudy.report.reading import Run
from understudy.report.sections import completions, corpus, lineage, plan, record, scores, tokenizer, training
from understudy.report.sections.opening import opening, subtitle
from understudy.report.visible import finalize

FORMAT = "1"  # raised when the same artifacts give another page, so that old pages are written again
HEAD_BYTES = 4096  # of a page: the meta tags stand in these


def write_report(project: Project, resolved: ResolvedRecipe | None, artifacts: Mapping[str, Artifact]) -> Path:
    """The report's path. The page is written again only when it tells of other artifacts or another recipe.

    Without a recipe it is the page of the first artifact and what that was made from, and is named by its id.
    """
    run = Run(project, resolved, artifacts)
    target = project.reports / f"{_file_name(run)}.html"
    fingerprint = _fingerprint(run)
    if written(target) != fingerprint:
        write_atomically(target, render(run, fingerprint))
    return target


def render(run: Run, fingerprint: str = "") -> str:
    """The whole page. Equal artifacts give an equal page."""
    return (
        environment()
        .get_template("page.html.jinja")
        .render(
            kind="report",
            name=run.name,
            identifiers=" ".join(artifact.id for artifact in run.in_order()),
            fingerprint=fingerprint,
            version=understudy.__version__,
            opening=opening(run),
            subtitle=subtitle(run),
            warnings=plan.warnings(run),
            sections=sections(run),
        )
    )


def sections(run: Run) -> list[Section]:
    """Every section, as the river passes them."""
    return [
        plan.section(run),
        corpus.section(run),
        tokenizer.section(run),
        training.section(run),
        scores.section(run),
        completions.section(run),
        lineage.section(run),
        record.time_section(run),
        record.machine_section(run),
        record.recipe_section(run),
    ]


def _file_name(run: Run) -> str:
    return run.name if run.resolved is not None else next(iter(run.artifacts.values())).id


def _fingerprint(run: Run) -> str:
    """Changes when the page would: other artifacts, one made again, another recipe, another understudy."""
    made = [[artifact.id, artifact.created] for artifact in run.in_order()]
    recipe = run.resolved.rows() if run.resolved else None
    text = json.dumps([FORMAT, understudy.__version__, made, recipe])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def written(target: Path) -> str | None:
    """The fingerprint in the page that is there; None where there is none."""
    try:
        with target.open("rb") as file:
            head = file.read(HEAD_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    found = re.search(r'<meta name="understudy-fingerprint" content="([0-9a-f]+)">', head)
    return found[1] if found else None


@cache
def environment() -> Environment:
    """The templates, with the page's style; every value from data is escaped and its hidden characters shown."""
    environment = Environment(
        loader=PackageLoader("understudy.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (Path(__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    environment.globals["style"] = Markup(style)  # ours, not data
    return environment
