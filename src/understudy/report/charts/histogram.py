"""Histograms: how many of what size, bins side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from understudy.report.charts.svg import drawing, element

WIDTH, HEIGHT = 280, 140
LEFT, RIGHT, TOP, BOTTOM = 2, 278, 18, 114
MAX_LABELS = 6


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin: the text under its left edge, the text that names it, how many are in it."""

    edge: str
    name: str
    n: float


def histogram(description: str, bins: Sequence[Bin], n_text: str) -> Markup | None:
    """The chart, or None without bins. `n_text` names the tallest bin's count."""
    highest = max((item.n for item in bins), default=0)
    if highest <= 0:
        return None
    width = (RIGHT - LEFT) / len(bins)
    parts = []
    for index, item in enumerate(bins):
        height = (BOTTOM - TOP) * item.n / highest
        x = LEFT + index * width
        title = element("title", f"{item.name}: {item.n:,.0f}")
        if item.n > 0:
            parts.append(
                element(
                    "rect", title, x=x + 0.75, y=BOTTOM - height, width=width - 1.5, height=height, class_="bar kept"
                )
            )
    return drawing(WIDTH, HEIGHT, description, *parts, *_feet(bins, width), *_peak(bins, width, highest, n_text))


def _feet(bins: Sequence[Bin], width: float) -> list[Markup]:
    every = -(-len(bins) // MAX_LABELS)
    parts = [element("line", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM, class_="axis")]
    for index in range(0, len(bins), every):
        x = LEFT + index * width
        parts.append(element("line", x1=x, x2=x, y1=BOTTOM, y2=BOTTOM + 4, class_="axis"))
        anchor = "start" if index == 0 else "middle"
        parts.append(element("text", bins[index].edge, x=x, y=BOTTOM + 19, class_=f"tick {anchor}"))
    return parts


def _peak(bins: Sequence[Bin], width: float, highest: float, n_text: str) -> list[Markup]:
    index = next(number for number, item in enumerate(bins) if item.n == highest)
    x = LEFT + (index + 0.5) * width
    anchor = "start" if x < 60 else "end" if x > WIDTH - 60 else "middle"
    return [element("text", n_text, x=x, y=TOP - 5.0, class_=f"note {anchor}")]
