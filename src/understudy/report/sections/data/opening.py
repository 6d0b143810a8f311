"""What the data report says first."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from understudy.core.units import bytes_text
from understudy.report.blocks import Block, Missing, Section
from understudy.report.reading import Run, number, numbers, rows, table
from understudy.report.sections import aside
from understudy.report.sections.corpus import counts_table, funnel_table, histogram_figures, lead_text
from understudy.report.wording import counted, plain_count


def opening(told: Any) -> Markup:
    """What stays of what was seen, and what was done to it."""
    totals, funnel = table(told, "totals"), rows(told, "funnel")
    n_in = number(funnel, 0, "n_in")
    sides = [table(totals, side) for side in ("train", "valid")]
    n_kept = sum(number(side, "n_files") or 0 for side in sides)
    size = sum(number(side, "size_bytes") or 0 for side in sides)
    if n_in is None:
        return Markup("Nothing was counted.")
    parts = [
        Markup("<strong>{}</strong> of {} kept, <strong>{}</strong>").format(
            plain_count(n_kept), counted(n_in, "file"), bytes_text(size)
        ),
        Markup("{} held out").format(plain_count(number(totals, "valid", "n_files") or 0)),
    ]
    n_redacted = number(told, "redactions", "n_redactions") or 0
    if n_redacted:
        parts.append(Markup("{} redacted").format(counted(n_redacted, "place")))
    return Markup("; ").join(parts) + "."


def funnel_section(run: Run, told: Any) -> Section:
    """The funnel that adds up, and what was passed over before it."""
    funnel = [step for step in rows(told, "funnel") if isinstance(step, dict)]
    blocks: list[Block] = funnel_table(funnel) or [Missing("the funnel was not recorded")]
    blocks += counts_table("Passed over before reading", "what", "times", numbers(told, "passed_over"))
    return Section("funnel", "Funnel", lead_text(funnel, table(told, "totals")), blocks, aside(run, "corpus"))


def sizes_section(told: Any) -> Section:
    """Histograms of what is kept."""
    figures = histogram_figures(table(told, "histograms"))
    return Section("sizes", "Sizes", "Of the kept files.", figures or [Missing("no sizes were recorded")])
