"""Line charts: small, one quantity each, labelled where the line ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from understudy.report.charts.axes import LOG_RATIO, Scale, log_ticks, rounded_range, ticks
from understudy.report.charts.svg import drawing, element, path

WIDTH, HEIGHT = 400, 218
LEFT, RIGHT, TOP, BOTTOM = 44, 346, 12, 172  # the plot; labels of line ends stand right of it
LABEL_HEIGHT = 14
LARGEST = 1e300  # of a value that is drawn: an axis around a larger one would end beyond what a float holds
MAX_POINTS = 320  # about one for each pixel of the plot
N_WINDOWS = 48  # of the mean that is drawn over the raw values

Point = tuple[float, float]
Look = Literal["faint", "strong", "second", "third", "quiet", "dots"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `label` stands at its end."""

    points: Sequence[Point]
    look: Look
    label: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """How an axis is divided and written. `below` gives a second, quieter label under each tick.

    `span`: what the axis covers, where that is not just the points; charts side by side then share it.
    """

    text: Callable[[float], str]
    is_log: bool = False
    at: Sequence[float] | None = None
    below: Callable[[float], str] | None = None
    from_zero: bool = False
    span: tuple[float, float] | None = None


def line_chart(
    description: str, lines: Sequence[Line], x: Axis, y: Axis, reference: tuple[float, str] | None = None
) -> Markup | None:
    """The chart, or None when there is nothing to draw. `reference` is a level drawn across, with its name."""
    lines = [line for line in (Line(_finite(line, x, y), line.look, line.label) for line in lines) if line.points]
    if not lines:
        return None
    xs = [point[0] for line in lines for point in line.points]
    ys = [point[1] for line in lines for point in line.points] + ([reference[0]] if reference else [])
    first, last = x.span or (min(xs), max(xs))
    across = Scale(min(first, *xs), max(last, *xs), LEFT + 4, RIGHT, x.is_log)
    up = _vertical(ys, y)
    return drawing(
        WIDTH,
        HEIGHT,
        description,
        *_grid(up, y),
        *_feet(across, x),
        *(_reference(reference, up) if reference else ()),
        *(part for line in lines for part in _drawn(line, across, up)),
        *_end_labels(lines, across, up),
    )


def mean_of_windows(points: Sequence[Point], n_windows: int = N_WINDOWS) -> list[Point]:
    """The mean of each of `n_windows` equal stretches, at the stretch's middle; few points stay as they are."""
    size = len(points) / n_windows
    if size < 2:
        return list(points)
    windows = [points[int(i * size) : int((i + 1) * size)] for i in range(n_windows)]
    return [(_mean([p[0] for p in w]), _mean([p[1] for p in w])) for w in windows if w]


def suits_log(values: Sequence[float]) -> bool:
    """Whether the values span so much that only a logarithmic axis shows them."""
    return bool(values) and min(values) > 0 and max(values) / min(values) > LOG_RATIO


def _mean(values: Sequence[float]) -> float:
    return math.fsum(value / len(values) for value in values)


def _finite(line: Line, x: Axis, y: Axis) -> list[Point]:
    """The points that can be drawn, at most MAX_POINTS of them, the last always kept."""
    points = [
        (a, b)
        for a, b in line.points
        if abs(a) < LARGEST and abs(b) < LARGEST and (a > 0 or not x.is_log) and (b > 0 or not y.is_log)
    ]
    every = math.ceil(len(points) / MAX_POINTS) or 1
    return points[:-1:every] + points[-1:]


def _vertical(values: Sequence[float], axis: Axis) -> Scale:
    low, high = min(values), max(values)
    if axis.is_log:
        return Scale(low * 0.9, high * 1.1, BOTTOM, TOP, True)
    low, high = rounded_range(0.0 if axis.from_zero else low, high)
    return Scale(low, high, BOTTOM, TOP)


def _grid(up: Scale, axis: Axis) -> list[Markup]:
    marks = log_ticks(up.low, up.high) if axis.is_log else ticks(up.low, up.high)
    parts = []
    for value in marks:
        height = up(value)
        parts.append(element("line", x1=LEFT, x2=RIGHT, y1=height, y2=height, class_="grid"))
        parts.append(element("text", axis.text(value), x=LEFT - 6, y=height + 4, class_="tick end"))
    return parts


def _feet(across: Scale, axis: Axis) -> list[Markup]:
    marks = axis.at or (log_ticks(across.low, across.high) if axis.is_log else ticks(across.low, across.high))
    parts = [element("line", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM, class_="axis")]
    for value in marks:
        place = across(value)
        parts.append(element("line", x1=place, x2=place, y1=BOTTOM, y2=BOTTOM + 4, class_="axis"))
        parts.append(element("text", axis.text(value), x=place, y=BOTTOM + 18, class_="tick middle"))
        if axis.below:
            parts.append(element("text", axis.below(value), x=place, y=BOTTOM + 34, class_="tick middle quiet"))
    return parts


def _reference(reference: tuple[float, str], up: Scale) -> list[Markup]:
    value, name = reference
    height = up(value)
    return [
        element("line", x1=LEFT, x2=RIGHT, y1=height, y2=height, class_="reference"),
        element("text", name, x=RIGHT, y=height - 5, class_="note end"),
    ]


def _drawn(line: Line, across: Scale, up: Scale) -> list[Markup]:
    points = [(across(x), up(y)) for x, y in line.points]
    parts = [path(points, f"line {line.look}")] if len(points) > 1 else []
    if line.look == "dots" or len(points) == 1:
        parts += [element("circle", cx=x, cy=y, r=2.6, class_=f"dot {line.look}") for x, y in points]
    return parts


def _end_labels(lines: Sequence[Line], across: Scale, up: Scale) -> list[Markup]:
    """Each label at its line's end; labels that would touch are moved apart, in the lines' order."""
    ends = sorted(
        [(up(line.points[-1][1]), number, line) for number, line in enumerate(lines) if line.label],
        key=lambda end: end[:2],
    )
    parts, free = [], float(TOP - LABEL_HEIGHT)
    for height, _, line in ends:
        place = max(height, free + LABEL_HEIGHT)
        free = place
        x = across(line.points[-1][0]) + 7
        parts.append(element("text", line.label, x=x, y=place + 4.0, class_=f"label {line.look}"))
    return parts
