"""The data: a funnel that adds up, why files were left out, what is left by language and repository."""

from __future__ import annotations

from typing import Any

from understudy.core.units import bytes_text
from understudy.report.blocks import Block, Cell, Column, Figure, Figures, Missing, Section, Table
from understudy.report.charts.cells import bar, key
from understudy.report.charts.histogram import Bin, histogram
from understudy.report.reading import Run, at, count, number, numbers, rows, table, text
from understudy.report.sections.aside import aside
from understudy.report.wording import axis_number, counted, plain_count, share_text

MAX_REPOSITORIES = 15
MAX_EXAMPLES = 3


def section(run: Run) -> Section:
    if "corpus" not in run.artifacts:
        return Section("data", "Data", "", [Missing("there is no corpus among these artifacts")])
    funnel = [step for step in rows(run.json("corpus", "funnel.json")) if isinstance(step, dict)]
    statistics = run.json("corpus", "statistics.json")
    blocks: list[Block] = []
    blocks += _funnel(funnel) or [Missing("the funnel was not recorded")]
    blocks += _reasons(funnel, statistics)
    blocks += _by(statistics, ("by_language", "languages"), "Languages", "language", None)
    blocks += _by(
        statistics, ("by_repo", "by_repository", "repositories"), "Repositories", "repository", MAX_REPOSITORIES
    )
    blocks += _redactions(statistics)
    blocks += _histograms(statistics)
    return Section("data", "Data", _lead(funnel), blocks, aside(run, "corpus"))


def _lead(funnel: list[dict[str, Any]]) -> str:
    seen, kept = number(funnel, 0, "n_in"), number(funnel, -1, "n_out")
    if not seen or kept is None:
        return ""
    lead = f"{counted(seen, 'file')} seen, {plain_count(kept)} kept ({share_text(kept / seen)})."
    return lead + " Every file that was left out is kept beside the corpus with its reason."


def _funnel(funnel: list[dict[str, Any]]) -> list[Block]:
    widest = max((number(step, "n_in") or 0 for step in funnel), default=0)
    if widest <= 0:
        return []
    listed = [_funnel_row(step, widest) for step in funnel]
    last = number(funnel[-1], "n_out")
    if last is not None:
        listed.append(["kept", "", "", plain_count(last), bar([(last / widest, "kept")])])
    columns = [
        Column("step"),
        Column("files in", "number"),
        Column("left out", "number"),
        Column("files out", "number"),
        Column(key(("kept", "kept"), ("dropped", "left out")), "chart"),
    ]
    return [Table("Funnel", columns, listed, strong=frozenset({len(listed) - 1}) if last is not None else frozenset())]


def _funnel_row(step: dict[str, Any], widest: float) -> list[Cell]:
    n_in, n_out = number(step, "n_in") or 0, number(step, "n_out") or 0
    n_dropped = number(step, "n_dropped") or 0
    chart = bar([(n_out / widest, "kept"), (n_dropped / widest, "dropped")])
    dropped = plain_count(n_dropped) if n_dropped else "–"
    return [_words(text(step, "step") or "?"), plain_count(n_in), dropped, plain_count(n_out), chart]


def _reasons(funnel: list[dict[str, Any]], statistics: Any) -> list[Block]:
    found = [(reason, n, step) for step in funnel for reason, n in numbers(step, "reasons").items() if n > 0]
    most = max((n for _, n, _ in found), default=0)
    rejected = at(statistics, "rejected") or at(statistics, "rejected_by_reason")
    listed: list[list[Cell]] = [
        [
            _words(reason),
            plain_count(n),
            bar([(n / most, "dropped")]),
            "\n".join(_examples(at(rejected, reason))[:MAX_EXAMPLES]),
        ]
        for reason, n, _ in sorted(found, key=lambda item: (-item[1], item[0]))
    ]
    columns = [Column("reason"), Column("files", "number"), Column("", "chart"), Column("for example", "code")]
    return [Table("Why files were left out", columns, listed)] if listed else []


def _examples(entry: Any) -> list[str]:
    """Example paths, whether the entry is a list of them or a record that holds one."""
    found = entry if isinstance(entry, list) else rows(entry, "examples")
    return [item if isinstance(item, str) else text(item, "path") or "" for item in found]


def _by(statistics: Any, names: tuple[str, ...], title: str, heading: str, limit: int | None) -> list[Block]:
    found = next((table(statistics, name) for name in names if table(statistics, name)), {})
    sizes = {key: _size(entry) for key, entry in found.items()}
    total = sum(sizes.values())
    if total <= 0:
        return []
    order = sorted(sizes, key=lambda key: (-sizes[key], key))
    shown = order[:limit]
    listed = [_by_row(key, count(found[key], "n_files") or count(found[key], "n"), sizes[key], total) for key in shown]
    rest = order[len(shown) :]
    if rest:
        size = sum(sizes[key] for key in rest)
        listed.append(_by_row(f"{len(rest):,} more", None, size, total))
    columns = [
        Column(heading),
        Column("files", "number"),
        Column("size", "number"),
        Column("share", "number"),
        Column("", "chart"),
    ]
    return [Table(title, columns, listed)]


def _size(entry: Any) -> float:
    return number(entry, "size_bytes") or number(entry) or 0.0


def _by_row(name: str, n_files: int | None, size: float, total: float) -> list[Cell]:
    files = "" if n_files is None else plain_count(n_files)
    return [name, files, bytes_text(size), share_text(size / total), bar([(size / total, "kept")])]


def _redactions(statistics: Any) -> list[Block]:
    found = numbers(statistics, "redactions") or numbers(statistics, "redactions", "by_kind")
    listed: list[list[Cell]] = [[_words(kind), plain_count(n)] for kind, n in sorted(found.items())]
    columns = [Column("replaced by a placeholder"), Column("times", "number")]
    return [Table("Redactions", columns, listed)] if listed else []


def _histograms(statistics: Any) -> list[Block]:
    figures = []
    for name, values in sorted(table(statistics, "histograms").items()):
        bins = bins_of(values)
        n = sum(item.n for item in bins)
        chart = histogram(
            f"Histogram of {_words(name)}, {counted(n, 'value')}", bins, plain_count(max([0.0, *(b.n for b in bins)]))
        )
        if chart:
            figures.append(Figure(_words(name).capitalize(), chart, _coverage(bins)))
    return [Figures(figures)] if figures else []


def bins_of(values: Any) -> list[Bin]:
    """Bins from `{"edges": […], "counts": […]}`, from `[{"low", "high", "n"}…]`, or from `{"label": n}`."""
    edges, counts = rows(values, "edges"), rows(values, "counts")
    if len(edges) == len(counts) + 1 and counts:
        return [
            _bin(number(low), number(high), number(n)) for low, high, n in zip(edges, edges[1:], counts, strict=False)
        ]
    if isinstance(values, list):
        return [_bin(number(item, "low"), number(item, "high"), number(item, "n")) for item in values]
    return [Bin(label, label, n) for label, n in numbers(values).items()]


def _bin(low: float | None, high: float | None, n: float | None) -> Bin:
    edge = "" if low is None else axis_number(low)
    name = f"{edge} to {axis_number(high)}" if high is not None else f"{edge} and more"
    return Bin(edge, name, n or 0.0)


def _coverage(bins: list[Bin]) -> str:
    total = sum(item.n for item in bins)
    tallest = max(bins, key=lambda item: item.n)
    return f"Most often {tallest.name} ({share_text(tallest.n / total)} of {plain_count(total)})." if total else ""


def _words(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")
