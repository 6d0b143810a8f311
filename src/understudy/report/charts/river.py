"""The drawing of the lineage: artifacts stand on one line in the order they were made, arcs say what went into what."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from understudy.report.charts.svg import element

ROW_HEIGHT = 52
SPINE = 84.0  # the line the artifacts stand on; arcs bulge to its left
WIDTH = 96
BULGE = 13.0  # of an arc, for each row it passes


def river(rows: Sequence[str], inputs: Sequence[tuple[str, str]]) -> Markup:
    """The rail beside a list of rows of ROW_HEIGHT: a dot a row, a line or an arc for each (from, to)."""
    place = {name: ROW_HEIGHT * (index + 0.5) for index, name in enumerate(rows)}
    order = {name: index for index, name in enumerate(rows)}
    known = [(a, b) for a, b in inputs if a in order and b in order]
    arcs = [
        _arc(place[a], place[b], order[b] - order[a])
        for a, b in sorted(known, key=lambda edge: (order[edge[1]], order[edge[0]]))
    ]
    dots = [element("circle", cx=SPINE, cy=place[name], r=5.5, class_="dot strong") for name in rows]
    height = ROW_HEIGHT * len(rows)
    label = "; ".join(
        f"{b} is made from {', '.join(a for a, c in known if c == b)}" for b in rows if any(c == b for _, c in known)
    )
    return element(
        "svg",
        *arcs,
        *dots,
        class_="river",
        width=WIDTH,
        height=height,
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_label=label,
    )


def _arc(start: float, end: float, rows_passed: int) -> Markup:
    bulge = SPINE - min(SPINE - 6, BULGE * rows_passed * 1.33) if rows_passed > 1 else SPINE
    return element(
        "path", d=f"M{SPINE:g} {start:g} C{bulge:g} {start:g} {bulge:g} {end:g} {SPINE:g} {end:g}", class_="line flow"
    )
