"""Charts: where things lie, what happens to odd data."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import example, given
from hypothesis import strategies as st

from understudy.report.charts.axes import Scale, log_ticks, rounded_range, ticks
from understudy.report.charts.cells import bar, deviation, whisker
from understudy.report.charts.histogram import Bin, histogram
from understudy.report.charts.lines import BOTTOM, LARGEST, LEFT, RIGHT, TOP, Axis, Line, line_chart, mean_of_windows
from understudy.report.charts.river import river
from understudy.report.charts.svg import element
from understudy.report.wording import axis_number

FINITE = st.floats(-1e12, 1e12)


def places(chart: object) -> list[tuple[float, float]]:
    """The points of all paths of a line chart."""
    steps = re.findall(r' d="([^"]+)"', str(chart))
    return [(float(x), float(y)) for path in steps for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path)]


@given(st.tuples(FINITE, FINITE).filter(lambda ends: ends[0] < ends[1]))
def test_ticks_are_few_and_inside(ends: tuple[float, float]) -> None:
    low, high = ends
    found = ticks(low, high)
    margin = (high - low) * 1e-6
    assert len(found) <= 9
    assert all(low - margin <= tick <= high + margin for tick in found)


@given(st.floats(1e-9, 1e9), st.floats(1, 1e6))
def test_log_ticks_are_few_and_inside(low: float, ratio: float) -> None:
    found = log_ticks(low, low * ratio)
    assert len(found) <= 6
    assert all(low * 0.998 <= tick <= low * ratio * 1.002 for tick in found)


@given(FINITE, FINITE)
def test_a_rounded_range_holds_both_ends(first: float, second: float) -> None:
    low, high = rounded_range(min(first, second), max(first, second))
    slack = 1e-6 * max(1.0, abs(first), abs(second))
    assert low - slack <= min(first, second) <= max(first, second) <= high + slack
    assert low < high


def test_a_scale_maps_its_ends_to_its_ends() -> None:
    assert [Scale(1, 100, 0, 10, True)(value) for value in (1, 10, 100)] == [0, 5, 10]


@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(allow_nan=True, allow_infinity=True)), max_size=40))
@example([(0.0, 1.7e308)])
def test_a_line_chart_of_any_numbers_stays_inside_its_frame(points: list[tuple[float, float]]) -> None:
    chart = line_chart("any", [Line(points, "strong", "end")], Axis(axis_number), Axis(axis_number))
    finite = [point for point in points if abs(point[1]) < LARGEST]
    assert (chart is None) == (not finite)
    if chart is not None:
        ElementTree.fromstring(chart)
        assert all(LEFT <= x <= RIGHT and TOP - 0.1 <= y <= BOTTOM + 0.1 for x, y in places(chart))


def test_a_long_line_is_thinned_and_keeps_its_end() -> None:
    points = [(float(step), float(step)) for step in range(100_001)]
    chart = line_chart("long", [Line(points, "strong")], Axis(axis_number), Axis(axis_number))
    assert len(places(chart)) <= 330
    assert max(x for x, _ in places(chart)) == RIGHT


def test_windows_have_the_mean_of_the_whole() -> None:
    means = mean_of_windows([(float(i), float(i % 2)) for i in range(960)], 48)
    assert len(means) == 48
    assert {y for _, y in means} == {0.5}


def test_the_pieces_of_a_bar_lie_end_to_end() -> None:
    drawn = str(bar([(0.25, "kept"), (0.5, "dropped")]))
    assert re.findall(r'x="([\d.]+%)" width="([\d.]+%)"', drawn) == [("0.00%", "25.00%"), ("25.00%", "50.00%")]


def test_a_deviation_is_as_far_for_half_as_for_double() -> None:
    less, more = (float(re.search(r'cx="([\d.]+)%', str(deviation(r, 4)))[1]) for r in (0.5, 2))  # type: ignore[index]
    assert less == 100 - more


def test_a_whisker_without_interval_is_a_dot() -> None:
    drawn = str(whisker(0.5, None, None, (0, 1), "strong"))
    assert "circle" in drawn
    assert "whisker" not in drawn


def test_an_empty_histogram_is_no_chart() -> None:
    assert histogram("none", [], "") is None
    assert histogram("none", [Bin("1", "1 to 2", 0)], "") is None


def test_the_river_draws_each_known_input_once() -> None:
    drawn = str(river(["sources", "corpus", "model"], [("sources", "corpus"), ("corpus", "model"), ("gone", "model")]))
    assert drawn.count("<path") == 2
    assert drawn.count("<circle") == 3
    assert "model is made from corpus" in drawn


def test_text_and_attributes_of_an_element_are_escaped() -> None:
    assert element("text", "<b>&", class_='"x"') == '<text class="&#34;x&#34;">&lt;b&gt;&amp;</text>'
