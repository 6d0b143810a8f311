"""The training as curves over tokens seen, with the time below each tick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from understudy.core.units import count_text, duration_text
from understudy.report.blocks import Block, Figure, Figures, Missing, Section
from understudy.report.charts.lines import Axis, Line, Point, line_chart, mean_of_windows, suits_log
from understudy.report.reading import Run, number, table
from understudy.report.sections import aside
from understudy.report.wording import axis_number, clock_text, counted, plain_count

Records = list[dict[str, Any]]


def section(run: Run) -> Section:
    """The curves of the training log."""
    if "model" not in run.artifacts:
        return Section("training", "Training", "", [Missing("there is no model among these artifacts")])
    records = sorted(
        (record for record in run.records("model", "training.jsonl") if number(record, "tokens") is not None),
        key=lambda record: number(record, "tokens") or 0.0,
    )
    figures = _figures(run, records)
    blocks: list[Block] = [Figures(figures)] if figures else [Missing("the training log holds no curves")]
    return Section("training", "Training", _lead(run, records), blocks, aside(run, "model"))


def _lead(run: Run, records: Records) -> str:
    if not records:
        return ""
    tokens, seconds = number(records[-1], "tokens"), _last(records, "seconds")
    words = [f"{count_text(tokens)} tokens" if tokens else "", f"in {duration_text(seconds)}" if seconds else ""]
    lead = " ".join(word for word in words if word) + "."
    return lead + _incidents(table(run.json("model", "training.json"), "actual"))


def _incidents(actual: dict[str, Any]) -> str:
    """What happened on the way, in sentences."""
    words = ""
    before, after = number(actual, "shortened", "from_steps"), number(actual, "shortened", "to_steps")
    if before and after:
        words += f" Shortened from {plain_count(before)} to {plain_count(after)} steps to keep the budget:"
        words += " the machine was slower than the plan had measured."
    if n_resumed := number(actual, "n_resumed"):
        words += f" Interrupted and continued {counted(n_resumed, 'time')}."
    if n_skipped := number(actual, "n_skipped_steps"):
        words += f" {counted(n_skipped, 'step')} skipped because the gradient was not finite."
    return words


def _figures(run: Run, records: Records) -> list[Figure]:
    tokens = [number(record, "tokens") or 0.0 for record in records]
    x = Axis(axis_number, below=_clock(records), span=(0.0, max(tokens, default=1.0)))
    predicted = number(run.json("plan", "plan.json"), "predicted", "loss")
    found = [
        _noisy("Training loss", "nats a token", records, "loss", x, "{:.2f}", predicted),
        _validation(records, x),
        _noisy("Speed", "tokens a second", records, "tokens_per_second", x, "", from_zero=True),
        _noisy("Gradient norm", "before clipping", records, "gradient_norm", x, "{:.2g}"),
        _plain("Learning rate", records, "learning_rate", x),
        _noisy(
            "Share of the ceiling",
            "of the measured matrix product",
            records,
            "share_of_ceiling",
            x,
            "%",
            from_zero=True,
        ),
    ]
    return [figure for figure in found if figure]


def _noisy(
    title: str,
    unit: str,
    records: Records,
    key: str,
    x: Axis,
    form: str,
    predicted: float | None = None,
    from_zero: bool = False,
) -> Figure | None:
    """Every logged value faintly, their mean over windows strongly."""
    points = _points(records, key)
    if not points:
        return None
    write = _writer(form)
    smooth = mean_of_windows(points)
    is_log = not from_zero and suits_log([value for _, value in points])
    lines = [Line(points, "faint"), Line(smooth, "strong", write(smooth[-1][1]))]
    reference = (predicted, f"predicted {write(predicted)}") if predicted is not None else None
    words = f"{title}, {unit}: from {write(points[0][1])} to {write(smooth[-1][1])}"
    chart = line_chart(words, lines, x, Axis(_writer(form, True), is_log=is_log, from_zero=from_zero), reference)
    note = "Faint: every logged step; strong: the mean of windows." if len(smooth) < len(points) else ""
    return Figure(f"{title}, {unit}", chart, note) if chart else None


def _validation(records: Records, x: Axis) -> Figure | None:
    points = _points(records, "valid_bits_per_byte")
    if not points:
        return None
    words = f"Held-out bits per byte while training: from {points[0][1]:.2f} to {points[-1][1]:.2f}"
    lines = [Line(points, "second"), Line(points, "dots", f"{points[-1][1]:.3f}")]
    chart = line_chart(words, lines, x, Axis(lambda value: f"{value:.1f}"))
    note = f"Looked at {counted(len(points), 'time')}; less is better."
    return Figure("Held-out loss, bits a byte", chart, note) if chart else None


def _plain(title: str, records: Records, key: str, x: Axis) -> Figure | None:
    points = _points(records, key)
    if not points:
        return None
    highest = max(value for _, value in points)
    words = f"{title}: at most {highest:.2g}, {points[-1][1]:.2g} at the end"
    chart = line_chart(words, [Line(points, "third")], x, Axis(axis_number, from_zero=True))
    return Figure(title, chart, f"Highest {highest:.2g}.") if chart else None


def _points(records: Records, key: str) -> list[Point]:
    pairs = [(number(record, "tokens"), number(record, key)) for record in records]
    return [(tokens, value) for tokens, value in pairs if tokens is not None and value is not None]


def _clock(records: Records) -> Callable[[float], str] | None:
    """Elapsed time at a number of tokens, between the logged steps by a straight line."""
    known = _points(records, "seconds")
    if len(known) < 2:
        return None

    def clock(tokens: float) -> str:
        if tokens <= 0:
            return "0:00"
        after = next((index for index, point in enumerate(known) if point[0] >= tokens), len(known) - 1)
        (x0, y0), (x1, y1) = known[max(0, after - 1)], known[after]
        share = (tokens - x0) / (x1 - x0) if x1 > x0 else 1.0
        return clock_text(y0 + share * (y1 - y0))

    return clock


def _last(records: Records, key: str) -> float | None:
    return next((found for record in reversed(records) if (found := number(record, key)) is not None), None)


def _writer(form: str, is_tick: bool = False) -> Callable[[float], str]:
    if form == "%":
        return lambda value: f"{100 * value:.0f} %"
    return axis_number if is_tick or not form else form.format
