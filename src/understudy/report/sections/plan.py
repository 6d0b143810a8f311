"""Plan against outcome: what was predicted, what it was, how far off; then what was decided and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from understudy.core.units import bytes_text, count_text, duration_text, money_text, percent_text
from understudy.report.blocks import Block, Cell, Column, Missing, Section, Table
from understudy.report.charts.cells import axis, bar, deviation
from understudy.report.reading import Run, number, numbers, rows, table, text
from understudy.report.sections import aside
from understudy.report.wording import NOT_MEASURED, off_text

SMALLEST_LIMIT = 1.25  # the chart's edge: this many times the prediction, or what the largest miss needs


@dataclass(frozen=True, slots=True)
class Comparison:
    """One quantity, predicted and measured."""

    name: str
    predicted: float | None
    actual: float | None
    text: Callable[[float], str]

    @property
    def ratio(self) -> float | None:
        """Actual over predicted, where both are there."""
        if self.predicted is None or self.actual is None or self.predicted <= 0 or self.actual <= 0:
            return None
        return self.actual / self.predicted


def section(run: Run) -> Section:
    """Predicted against actual, and why it was planned so."""
    plan = run.json("plan", "plan.json")
    if not isinstance(plan, dict):
        return Section("plan", "Plan and outcome", "", [Missing("there is no plan among these artifacts")])
    blocks: list[Block] = [_comparison_table(comparisons(run), text(plan, "predicted", "loss_trust") or "")]
    blocks += _memory(plan)
    blocks += _reasons(plan)
    budget = text(plan, "budget")
    lead = f"Planned for {budget}." if budget else ""
    return Section("plan", "Plan and outcome", lead, blocks, aside(run, "plan"))


def comparisons(run: Run) -> list[Comparison]:
    """Every quantity that was predicted and can be measured."""
    plan, summary = run.json("plan", "plan.json"), run.json("model", "training.json")
    trained = run.artifacts.get("model")
    made_by = trained.made_by if trained else {}

    def actual(name: str) -> float | None:
        return number(summary, "actual", name)

    return [
        Comparison("training time", number(plan, "predicted", "seconds"), actual("seconds"), duration_text),
        Comparison("tokens", number(plan, "choice", "tokens"), actual("tokens"), count_text),
        Comparison(
            "tokens a second", number(plan, "machine", "tokens_per_second"), actual("tokens_per_second"), count_text
        ),
        Comparison(
            "share of the ceiling",
            number(plan, "machine", "share_of_ceiling"),
            actual("share_of_ceiling"),
            percent_text,
        ),
        Comparison(
            "peak memory",
            number(plan, "predicted", "peak_memory_bytes"),
            actual("peak_memory_bytes") or number(made_by, "peak_memory_bytes"),
            bytes_text,
        ),
        Comparison(
            "loss",
            number(plan, "predicted", "loss"),
            actual("loss"),
            lambda loss: f"{loss:.2f}",
        ),
        Comparison("money", number(plan, "predicted", "usd"), actual("usd"), money_text),
    ]


def _comparison_table(found: list[Comparison], loss_trust: str) -> Table:
    found = [item for item in found if item.predicted is not None or item.actual is not None]
    ratios = [max(item.ratio, 1 / item.ratio) for item in found if item.ratio is not None]
    limit = max([SMALLEST_LIMIT, *(ratio * 1.1 for ratio in ratios)])
    columns = [
        Column(""),
        Column("predicted", "number"),
        Column("actual", "number"),
        Column("how far off", "number"),
        Column(axis((0, 2), [(0, "less"), (1, "as predicted"), (2, "more")]), "chart"),
    ]
    return Table(
        "Predicted against actual",
        columns,
        [_comparison_row(item, limit) for item in found],
        note="Distance from the middle is by ratio: half as much is as far as twice as much. The ceiling is this "
        "machine's measured matrix product; the loss is in nats a token, on the training text"
        + (f": {loss_trust}." if loss_trust else "."),
        stacks=True,
    )


def _comparison_row(item: Comparison, limit: float) -> list[Cell]:
    predicted = NOT_MEASURED if item.predicted is None else item.text(item.predicted)
    actual = NOT_MEASURED if item.actual is None else item.text(item.actual)
    if item.ratio is None or item.predicted is None or item.actual is None:
        return [item.name, predicted, actual, "", None]
    return [item.name, predicted, actual, off_text(item.predicted, item.actual), deviation(item.ratio, limit)]


def _memory(plan: Any) -> list[Block]:
    parts = {name: size for name, size in numbers(plan, "predicted", "memory_bytes").items() if size > 0}
    total = sum(parts.values())
    if total <= 0:
        return []
    listed = sorted(parts.items(), key=lambda item: (-item[1], item[0]))
    rows_: list[list[Cell]] = [
        [name.replace("_", " "), bytes_text(size), bar([(size / total, "kept")])] for name, size in listed
    ]
    columns = [Column("part"), Column("size", "number"), Column("share of the predicted peak", "chart")]
    return [Table("Where the memory was expected to go", columns, rows_)]


def _reasons(plan: Any) -> list[Block]:
    reasons = table(plan, "reasons")
    rows_: list[list[Cell]] = [[name.replace("_", " "), str(why)] for name, why in reasons.items()]
    return [Table("Why it was planned so", [Column("decision"), Column("reason")], rows_)] if rows_ else []


def warnings(run: Run) -> list[str]:
    """What the stages warned about in their files."""
    files = {
        "plan": "plan.json",
        "corpus": "statistics.json",
        "tokenizer": "report.json",
        "tokens": "manifest.json",
        "model": "training.json",
        "scores": "scores.json",
    }
    found = [str(item) for kind, name in files.items() for item in rows(run.json(kind, name), "warnings")]
    return list(dict.fromkeys(found))
