"""The data report: a corpus to dive into, as one HTML file and as the JSON it is drawn from.

corpus ──data.inspection.summary──▶ reports/<corpus>.json ──sections/data──▶ reports/<corpus>.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import understudy
from understudy.core.artifact import Artifact
from understudy.core.paths import Project, write_atomically, write_json
from understudy.report.blocks import Note, Section
from understudy.report.page import environment, written
from understudy.report.reading import Run
from understudy.report.sections import lineage, record
from understudy.report.sections.data import clusters, groups, records, samples
from understudy.report.sections.data.opening import funnel_section, opening, sizes_section
from understudy.report.sections.data.room import Room
from understudy.report.sections.opening import subtitle

FORMAT = "1"  # raised when the same corpus gives another page, so that old pages are written again


class DataReport(NamedTuple):
    """Where the page and its JSON are."""

    page: Path
    json: Path


def write_data_report(
    project: Project, corpus: Artifact, tokens: Artifact | None, summary: Callable[[], dict[str, Any]]
) -> DataReport:
    """The report's files. `summary` is asked only when they are missing, or tell of other artifacts."""
    artifacts = {artifact.kind: artifact for artifact in (corpus, tokens) if artifact}
    run = Run(project, None, artifacts)
    report = DataReport(project.reports / f"{corpus.id}.html", project.reports / f"{corpus.id}.json")
    fingerprint = _fingerprint(run)
    if written(report.page) != fingerprint or not report.json.is_file():
        told = {"corpus": corpus.id, "recipe": run.name, "made": corpus.created, **summary()}
        told["tokens"] = _token_counts(run)
        write_json(report.json, told)
        write_atomically(report.page, render_data(run, told, fingerprint))
    return report


def render_data(run: Run, told: Any, fingerprint: str = "") -> str:
    """The whole page."""
    return (
        environment()
        .get_template("page.html.jinja")
        .render(
            kind="data report",
            name=run.name,
            identifiers=" ".join(artifact.id for artifact in run.in_order()),
            fingerprint=fingerprint,
            version=understudy.__version__,
            opening=opening(told),
            subtitle=subtitle(run),
            warnings=[],
            sections=data_sections(run, told),
        )
    )


def data_sections(run: Run, told: Any) -> list[Section]:
    """Every section of the data report, in order."""
    room = Room()
    found = [
        funnel_section(run, told),
        groups.section(told),
        sizes_section(told),
        samples.rules_section(told, room),
        samples.kept_section(told, room),
        clusters.section(told, room),
        records.redactions_section(told),
        records.licenses_section(told),
        records.exams_section(told),
        records.parsing_section(told),
        records.tokens_section(run),
        lineage.section(run),
        record.recipe_section(run),
    ]
    if room.n_left_out:
        text = f"The page is full: {room.n_left_out} pieces of code are left out; understudy data inspect shows them."
        found[0] = Section(found[0].key, found[0].title, found[0].lead, [*found[0].blocks, Note(text)], found[0].aside)
    return found


def _token_counts(run: Run) -> dict[str, Any] | None:
    """The counts of each split by the tokens' manifest; None before there are tokens."""
    manifest = run.json("tokens", "manifest.json")
    if not isinstance(manifest, dict):
        return None
    return {"id": run.artifacts["tokens"].id, "splits": manifest.get("splits")}


def _fingerprint(run: Run) -> str:
    made = [[artifact.id, artifact.created] for artifact in run.in_order()]
    text = json.dumps(["data", FORMAT, understudy.__version__, made])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
