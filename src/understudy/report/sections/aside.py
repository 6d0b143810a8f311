"""What stands in the margin beside a section: the artifact it tells of, how long it took, when it was made."""

from __future__ import annotations

from understudy.core.units import duration_text
from understudy.report.reading import Run, number


def aside(run: Run, *kinds: str) -> list[str]:
    """Id and time of the artifacts of these kinds."""
    lines = []
    for artifact in (run.artifacts[kind] for kind in kinds if kind in run.artifacts):
        seconds = number(artifact.made_by, "seconds")
        lines.append(artifact.id)
        if seconds is not None:
            lines.append(f"made in {duration_text(seconds)}")
    return lines
