"""The page's sections, one module each, from data to data: `section(run)` reads artifacts and gives blocks.

opening ─▶ plan ─▶ corpus ─▶ tokenizer ─▶ training ─▶ scores ─▶ completions ─▶ lineage ─▶ record
"""

from __future__ import annotations

from understudy.core.units import duration_text
from understudy.report.reading import Run, number


def aside(run: Run, *kinds: str) -> list[str]:
    """What stands in the margin beside a section: id and time of the artifacts it tells of."""
    lines = []
    for artifact in (run.artifacts[kind] for kind in kinds if kind in run.artifacts):
        seconds = number(artifact.made_by, "seconds")
        lines.append(artifact.id)
        if seconds is not None:
            lines.append(f"made in {duration_text(seconds)}")
    return lines
