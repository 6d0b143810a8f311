"""Charts that are a column of a table: the number stands beside its mark, and both fit any screen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from understudy.report.charts.axes import ticks
from understudy.report.charts.svg import cell, element, percent
from understudy.report.visible import visible_text

MIDDLE = "50%"
BAR_TOP, BAR_HEIGHT = 6, 12


def bar(shares: Sequence[tuple[float, str]], label: str | None = None) -> Markup:
    """Pieces laid end to end; each is a share of the cell's width and a class."""
    parts, place = [], 0.0
    for share, look in shares:
        width = max(0.0, share)
        if width > 0:
            parts.append(
                element(
                    "rect",
                    x=percent(place),
                    width=percent(width),
                    y=BAR_TOP,
                    height=BAR_HEIGHT,
                    class_=f"bar {look}",
                )
            )
        place += width
    return cell(label, *parts)


def whisker(
    value: float,
    low: float | None,
    high: float | None,
    span: tuple[float, float],
    look: str,
    band: tuple[float, float] | None = None,
) -> Markup:
    """A dot with its interval, on an axis that runs over `span`; `band` is shaded through all rows of the column."""
    parts = [_band(band, span)] if band else []
    parts += [element("line", x1="0", x2="100%", y1=MIDDLE, y2=MIDDLE, class_="grid")]
    parts += [
        element("line", x1=_on(tick, span), x2=_on(tick, span), y1=8, y2=16, class_="grid") for tick in span_ticks(span)
    ]
    if low is not None and high is not None:
        parts.append(
            element("line", x1=_on(low, span), x2=_on(high, span), y1=MIDDLE, y2=MIDDLE, class_=f"whisker {look}")
        )
    parts.append(element("circle", cx=_on(value, span), cy=MIDDLE, r=5, class_=f"dot {look}"))
    return cell(None, *parts)


def _band(band: tuple[float, float], span: tuple[float, float]) -> Markup:
    """Taller than the cell, so that the bands of neighbouring rows join."""
    start, end = _share(max(band[0], span[0]), span), _share(min(band[1], span[1]), span)
    return element("rect", x=percent(start), width=percent(end - start), y=-6, height=36, class_="band")


def axis(span: tuple[float, float], texts: Sequence[tuple[float, str]]) -> Markup:
    """The tick labels above or below a column of `whisker`s."""
    parts = []
    for value, text in texts:
        share = _share(value, span)
        anchor = "start" if share < 0.04 else "end" if share > 0.96 else "middle"
        parts.append(element("text", text, x=percent(share), y=12, class_=f"tick {anchor}"))
    return cell(None, *parts, height=16)


def deviation(ratio: float, limit: float) -> Markup:
    """How far an outcome is from its prediction: a bar from the middle (as predicted) to log(ratio)."""
    reach = max(-1.0, min(1.0, math.log(ratio) / math.log(limit)))
    start, end = sorted((0.5, 0.5 + reach / 2))
    return cell(
        None,
        element("line", x1="0", x2="100%", y1=MIDDLE, y2=MIDDLE, class_="grid"),
        element("line", x1=percent(start), x2=percent(end), y1=MIDDLE, y2=MIDDLE, class_="whisker second"),
        element("line", x1=MIDDLE, x2=MIDDLE, y1=3, y2=21, class_="axis"),
        element("circle", cx=percent(0.5 + reach / 2), cy=MIDDLE, r=5, class_="dot second"),
    )


def span_ticks(span: tuple[float, float]) -> list[float]:
    """Round values across the axis of `whisker`."""
    return ticks(*span, wanted=4)


def _on(value: float, span: tuple[float, float]) -> str:
    return percent(_share(value, span))


def _share(value: float, span: tuple[float, float]) -> float:
    low, high = span
    return 0.5 if high <= low else 0.01 + 0.98 * (value - low) / (high - low)


def key(*pairs: tuple[str, str]) -> Markup:
    """The legend of a column of bars: (look, word) for each piece, in the order they lie."""
    return Markup(" ").join(
        Markup('<span class="key {}">{}</span>').format(look, visible_text(word)) for look, word in pairs
    )
