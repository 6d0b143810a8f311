"""From the sources to the scores: every artifact with its id, and what it was made from."""

from __future__ import annotations

from understudy.core.console import summary_text
from understudy.report.blocks import Lineage, Missing, Section, Station
from understudy.report.charts.river import river
from understudy.report.reading import Run, at, rows, text

SOURCES = "sources"
SHOWN_FINGERPRINT = 12
MAX_SOURCES = 4


def section(run: Run) -> Section:
    """The drawing of what was made from what."""
    artifacts = run.in_order()
    if not artifacts:
        return Section("lineage", "Lineage", "", [Missing("there are no artifacts")])
    stations = [Station(_sources(run), _fingerprint(run), "")]
    stations += [Station(a.kind, a.id, summary_text(a.metrics)) for a in artifacts]
    by_id = {artifact.id: artifact.kind for artifact in artifacts}
    inputs = [(by_id[name], artifact.kind) for artifact in artifacts for name in artifact.inputs if name in by_id]
    inputs += [(SOURCES, artifact.kind) for artifact in artifacts if artifact.made_by.get("sources")]
    rail = river([SOURCES, *(artifact.kind for artifact in artifacts)], inputs)
    lead = "Each artifact is named by what went into it: equal inputs, recipe and versions give an equal id."
    return Section("lineage", "Lineage", lead, [Lineage(rail, stations)])


def _fingerprint(run: Run) -> str:
    """What stands for the contents of all source files."""
    found = (text(artifact.made_by, "sources") for artifact in run.in_order())
    return next((f"fingerprint {name[:SHOWN_FINGERPRINT]}" for name in found if name), "")


def _sources(run: Run) -> str:
    """The sources as the recipe names them."""
    corpus = run.artifacts.get("corpus")
    listed = rows(at(corpus.made_by, "section", "data", "sources")) if corpus else []
    names = [_source_name(source) for source in listed if isinstance(source, dict)]
    more = f" and {len(names) - MAX_SOURCES} more" if len(names) > MAX_SOURCES else ""
    return (", ".join(names[:MAX_SOURCES]) + more) or SOURCES


def _source_name(source: dict[str, object]) -> str:
    if source.get("stdlib"):
        return "Python's own library"
    return next((str(source[kind]) for kind in ("dir", "git", "archive") if source.get(kind)), "?")
