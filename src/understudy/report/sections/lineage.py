"""From the sources to the scores: every artifact with its id, and what it was made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from understudy.core.artifact import Artifact
from understudy.core.console import summary_text
from understudy.core.units import count_text, duration_text
from understudy.report.blocks import Lineage, Missing, Section, Station
from understudy.report.charts.river import river
from understudy.report.reading import Run, at, number, rows, text
from understudy.report.wording import plain_count, share_text

SOURCES = "sources"
SHOWN_FINGERPRINT = 12
MAX_SOURCES = 4
BITS: Callable[[float], str] = "{:.2f}".format

# For each kind the metrics worth a glance: key, how it is written, the words behind it.
GLANCE: dict[str, tuple[tuple[str, Callable[[float], str], str], ...]] = {
    "plan": (
        ("parameters", count_text, "parameters"),
        ("tokens", count_text, "tokens"),
        ("predicted_seconds", duration_text, "of training expected"),
    ),
    "corpus": (
        ("n_files_seen", plain_count, "files seen"),
        ("n_train", plain_count, "to train on"),
        ("n_valid", plain_count, "held out"),
    ),
    "tokenizer": (("vocabulary", plain_count, "tokens"), ("bytes_per_token", BITS, "bytes each on average")),
    "tokens": (
        ("n_tokens", count_text, "tokens"),
        ("n_rows", plain_count, "rows"),
        ("padding_fraction", share_text, "padding"),
    ),
    "model": (
        ("parameters", count_text, "parameters"),
        ("tokens", count_text, "tokens seen"),
        ("valid_bits_per_byte", BITS, "held-out bits per byte while training"),
    ),
    "scores": (
        ("bits_per_byte", BITS, "held-out bits per byte"),
        ("own-code.left-to-right.exact_match", share_text, "of lines exactly right"),
        ("own-code.fill-in-the-middle.exact_match", share_text, "of middles"),
    ),
}


def section(run: Run) -> Section:
    artifacts = run.in_order()
    if not artifacts:
        return Section("lineage", "Lineage", "", [Missing("there are no artifacts")])
    stations = [Station(_sources(run), _fingerprint(run), "")]
    stations += [Station(a.kind, a.id, _summary(a)) for a in artifacts]
    by_id = {artifact.id: artifact.kind for artifact in artifacts}
    inputs = [(by_id[name], artifact.kind) for artifact in artifacts for name in artifact.inputs if name in by_id]
    inputs += [(SOURCES, artifact.kind) for artifact in artifacts if artifact.made_by.get("sources")]
    rail = river([SOURCES, *(artifact.kind for artifact in artifacts)], inputs)
    lead = "Each artifact is named by what went into it: equal inputs, recipe and versions give an equal id."
    return Section("lineage", "Lineage", lead, [Lineage(rail, stations)])


def _summary(artifact: Artifact) -> str:
    """The artifact in a few numbers; for a kind or metrics not known here, its own summary."""
    metrics: dict[str, Any] = artifact.metrics
    glance = [(number(metrics, key), write, words) for key, write, words in GLANCE.get(artifact.kind, ())]
    told = [f"{write(value)} {words}" for value, write, words in glance if value is not None]
    return text(metrics, "summary") or ", ".join(told) or summary_text(metrics)


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
