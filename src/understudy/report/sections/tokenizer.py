"""The tokenizer and what it made of the corpus: bytes a token carries, by vocabulary size and language; the packing."""

from __future__ import annotations

from typing import Any

from understudy.core.units import bytes_text, count_text, percent_text
from understudy.report.blocks import Block, Cell, Column, Figure, Figures, Missing, Section, Table
from understudy.report.charts.cells import bar
from understudy.report.charts.lines import Axis, Line, line_chart
from understudy.report.reading import Run, number, numbers, table
from understudy.report.sections import aside
from understudy.report.wording import plain_count

MAX_LANGUAGES = 6  # lines that can be told apart; the table has them all
Curve = list[tuple[float, float]]


def section(run: Run) -> Section:
    """Bytes a token carries, and the packing."""
    if "tokenizer" not in run.artifacts and "tokens" not in run.artifacts:
        return Section("tokenizer", "Tokenizer", "", [Missing("there is no tokenizer among these artifacts")])
    report = run.json("tokenizer", "report.json")
    curves = {language: _curve(values) for language, values in table(report, "bytes_per_token").items()}
    curves = {language: curve for language, curve in curves.items() if curve}
    overall = _curve(table(report, "overall"))
    blocks = _chart(curves, overall) + _table(curves) + packing(run)
    if not blocks:
        blocks = [Missing("bytes per token were not recorded")]
    return Section("tokenizer", "Tokenizer", _lead(report, overall), blocks, aside(run, "tokenizer", "tokens"))


def _lead(report: Any, overall: Curve) -> str:
    vocabulary = number(report, "vocabulary")
    if vocabulary is None:
        return ""
    lead = f"{plain_count(vocabulary)} tokens of vocabulary"
    return f"{lead}; one token carries {overall[-1][1]:.2f} bytes of code on average." if overall else f"{lead}."


def _curve(values: Any) -> Curve:
    """Points (vocabulary, bytes per token) in order; keys that are no number are left out."""
    points = [(float(size), value) for size, value in numbers(values).items() if size.isdigit() and int(size) > 0]
    return sorted(points)


def _chart(curves: dict[str, Curve], overall: Curve) -> list[Block]:
    chosen = list(curves)[:MAX_LANGUAGES] if len(curves) > 1 else []
    lines = [Line(curves[language], "quiet", language) for language in chosen]
    lines += [Line(overall, "strong", "all" if chosen else next(iter(curves), "all"))]
    sizes = sorted({point[0] for line in lines for point in line.points})
    marks = sizes if len(sizes) <= 6 else sizes[:: -(-len(sizes) // 6)]
    x = Axis(lambda size: count_text(size).replace(".00", "").replace(".0", ""), is_log=True, at=marks)
    words = (
        f"Bytes per token against vocabulary size, from {overall[0][1]:.2f} to {overall[-1][1]:.2f}" if overall else ""
    )
    chart = line_chart(words, lines, x, Axis(lambda value: f"{value:.1f}"))
    note = "Across: vocabulary size, each step twice the last. A larger vocabulary packs more code into a context."
    return [Figures([Figure("Bytes of code a token carries", chart, note)])] if chart else []


def _table(curves: dict[str, Curve]) -> list[Block]:
    highest = max((curve[-1][1] for curve in curves.values()), default=0)
    if highest <= 0 or len(curves) < 2:  # one language: the chart says it all
        return []
    listed: list[list[Cell]] = [
        [language, f"{curve[-1][1]:.2f}", bar([(curve[-1][1] / highest, "kept")])]
        for language, curve in sorted(curves.items(), key=lambda item: (-item[1][-1][1], item[0]))
    ]
    columns = [Column("language"), Column("bytes a token", "number"), Column("", "chart")]
    return [Table("At the chosen vocabulary", columns, listed)]


def packing(run: Run) -> list[Block]:
    """The token shards of both splits, as far as their manifest tells."""
    listed: list[list[Cell]] = []
    for name, split in table(run.json("tokens", "manifest.json"), "splits").items():
        tokens, size = number(split, "n_tokens"), number(split, "n_bytes")
        n_rows, padding = number(split, "n_rows"), number(split, "padding_fraction")
        if tokens is None:
            continue
        listed.append(
            [
                name,
                count_text(tokens),
                "" if n_rows is None else plain_count(n_rows),
                "" if size is None else bytes_text(size),
                "" if not size or not tokens else f"{size / tokens:.2f}",
                "" if padding is None else percent_text(padding),
            ]
        )
    columns = [
        Column("split"),
        *(Column(name, "number") for name in ("tokens", "rows", "text", "bytes a token", "padding")),
    ]
    return [Table("Packed for training", columns, listed)] if listed else []
