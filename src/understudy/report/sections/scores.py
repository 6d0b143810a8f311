"""The exam: every score with its interval, beside its baselines, and how small a difference the exam can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from understudy.report.blocks import Block, Cell, Column, Missing, Note, Section, Table
from understudy.report.charts.cells import axis, span_ticks, whisker
from understudy.report.reading import MODES, Run, count, number, table, text
from understudy.report.sections import aside
from understudy.report.wording import MINUS, NOT_MEASURED, axis_number, interval_text, plain_count

NAMES = {
    "model": "this model",
    "lzma": "LZMA, file by file",
    "random-weights": "random weights",
    "nearest-line": "nearest training line",
}
MEASURES = (("exact_match", "exactly right"), ("edit_similarity", "edit similarity"))
LEAD = (
    "Held-out files only. Dots are measured values, lines their 95 % intervals. Shaded: where another model's score "
    "could not be told from this one's by this exam."
)


@dataclass(frozen=True, slots=True)
class Unit:
    """How a measure is written and how far its axis may and must go."""

    factor: float
    digits: int
    highest: float
    narrowest: float


BITS = Unit(1, 3, float("inf"), 0.1)
SHARE = Unit(100, 1, 1.0, 0.05)


@dataclass(frozen=True, slots=True)
class Score:
    """One value with its interval; `value` None: not measured, and why."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n_items: int | None
    n_files: int | None
    smallest: float | None
    reason: str
    is_ours: bool


def section(run: Run) -> Section:
    """Every suite's scores beside their baselines."""
    if "scores" not in run.artifacts:
        return Section("scores", "Scores", "", [Missing("there are no scores among these artifacts")])
    scores = run.json("scores", "scores.json")
    suites = table(scores, "suites")
    rules = table(scores, "rules")
    blocks: list[Block] = []
    if "bits-per-byte" in suites:
        blocks += [_bits(suites["bits-per-byte"]), *_rule(rules, "bits-per-byte")]
    if "own-code" in suites:
        modes = table(suites, "own-code")
        order = [mode for mode in MODES if mode in modes] + sorted(set(modes) - {*MODES})
        blocks += [block for mode in order for block in _mode(mode, table(modes, mode))]
        blocks += _rule(rules, "own-code")
    return Section("scores", "Scores", LEAD, blocks or [Missing("no suite was recorded")], aside(run, "scores"))


def _rule(rules: dict[str, Any], suite: str) -> list[Block]:
    rule = text(rules, suite)
    return [Note(f"How {suite} is measured. {rule}")] if rule else []


def score_of(name: str, record: Any, is_ours: bool = False) -> Score:
    """The score in a record of scores.json."""
    return Score(
        NAMES.get(name, name),
        number(record, "value"),
        number(record, "low"),
        number(record, "high"),
        count(record, "n_items"),
        count(record, "n_files"),
        number(record, "smallest_difference"),
        text(record, "not_measured") or "",
        is_ours,
    )


def _bits(suite: Any) -> Block:
    if text(suite, "not_measured"):
        return Missing(f"bits per byte: {text(suite, 'not_measured')}")
    found = [score_of("model", table(suite, "overall"), True)]
    languages = table(suite, "by_language")
    if len(languages) > 1:
        found += [score_of(f"in {name}", record, True) for name, record in languages.items()]
    references = table(suite, "reference")
    found += [score_of(name, references[name]) for name in sorted(references)]
    return _score_table("Bits per byte of held-out code, less is better", found, BITS)


def _mode(mode: str, systems: dict[str, Any]) -> list[Block]:
    if "not_measured" in systems:
        return [Missing(f"{mode}: {text(systems, 'not_measured')}")]
    order = sorted(systems, key=lambda name: (name != "model", name))
    blocks: list[Block] = []
    for measure, words in MEASURES:
        found = [score_of(name, table(systems[name], measure), name == "model") for name in order]
        if any(score.value is not None or score.reason for score in found):
            blocks.append(_score_table(f"{mode.capitalize()}: {words}, %", found, SHARE))
    rows = [row for name in order if name != "model" and (row := _difference(name, table(systems[name], "difference")))]
    if rows:
        columns = [Column("this model minus"), *(Column(words, "number") for _, words in MEASURES), Column("verdict")]
        title = f"{mode.capitalize()}: paired differences, percentage points"
        note = "On the items that both were asked, resampled by file: finer than comparing the two intervals above."
        blocks.append(Table(title, columns, rows, note, stacks=True))
    return blocks


def _score_table(title: str, found: list[Score], unit: Unit) -> Table:
    span = _span(found, unit)
    ours = next((score for score in found if score.is_ours), None)
    band = None
    if ours is not None and ours.value is not None and ours.smallest is not None:
        band = (ours.value - ours.smallest, ours.value + ours.smallest)
    listed = [_row(score, unit, span, band) for score in found]
    marks = [(tick, axis_number(unit.factor * tick)) for tick in span_ticks(span)]
    listed.append(["", "", "", axis(span, marks), "", ""])
    columns = [
        Column(""),
        Column("value", "number"),
        Column("95 % interval", "number"),
        Column("", "chart"),
        Column("can tell apart", "number"),
        Column("items, files", "number"),
    ]
    strong = frozenset(index for index, score in enumerate(found) if score.name == NAMES["model"])
    return Table(title, columns, listed, strong=strong, stacks=True)


def _row(score: Score, unit: Unit, span: tuple[float, float], band: tuple[float, float] | None) -> list[Cell]:
    if score.value is None:
        return [score.name, score.reason or NOT_MEASURED, "", None, "", ""]
    interval = ""
    if score.low is not None and score.high is not None:
        interval = interval_text(unit.factor * score.low, unit.factor * score.high, unit.digits)
    smallest = "" if score.smallest is None else f"±{unit.factor * score.smallest:.{unit.digits}f}"
    basis = [plain_count(n) for n in (score.n_items, score.n_files) if n is not None]
    chart = whisker(score.value, score.low, score.high, span, "strong" if score.is_ours else "quiet", band)
    value = f"{unit.factor * score.value:.{unit.digits}f}"
    return [score.name, value, interval, chart, smallest, ", ".join(basis)]


def _span(found: list[Score], unit: Unit) -> tuple[float, float]:
    """From zero to a little above the highest end of an interval, never beyond what is possible."""
    ends = [end for score in found for end in (score.value, score.high) if end is not None]
    highest = max(ends, default=1.0) * 1.04
    return 0.0, min(unit.highest, max(highest, unit.narrowest))


def _difference(name: str, measures: dict[str, Any]) -> list[Cell]:
    cells = [_signed(measures.get(measure)) for measure, _ in MEASURES]
    if not any(cells):
        return []
    return [NAMES.get(name, name), *cells, _verdict(measures)]


def _signed(record: Any) -> str:
    value, low, high = (number(record, key) for key in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return ""
    return f"{_points(value)} ({_points(low)} to {_points(high)})"


def _points(share: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    words = f"{100 * share:+.1f}".replace("-", MINUS)
    return "0.0" if words.strip(f"+{MINUS}") == "0.0" else words


def _verdict(measures: dict[str, Any]) -> str:
    """Which of the two is better, where an interval lies wholly on one side of zero."""
    words = []
    for measure, name in MEASURES:
        low, high = number(measures.get(measure), "low"), number(measures.get(measure), "high")
        if low is not None and high is not None and (low > 0 or high < 0):
            words.append(f"{'better' if low > 0 else 'worse'} in {name.replace('exactly right', 'exact matches')}")
    return "; ".join(words) or "cannot be told apart by this exam"
