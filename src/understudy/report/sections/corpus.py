"""The data: a funnel that adds up, why files were left out, what is left by language and repository."""

from __future__ import annotations

from typing import Any

from understudy.core.units import bytes_text, percent_text
from understudy.report.blocks import Block, Cell, Column, Figure, Figures, Missing, Section, Table
from understudy.report.charts.cells import bar, key
from understudy.report.charts.histogram import Bin, histogram
from understudy.report.reading import Run, number, numbers, rows, table, text
from understudy.report.sections import aside
from understudy.report.wording import axis_number, counted, plain_count

MAX_LISTED = 12  # languages, repositories; the rest is one row
MAX_EXAMPLES = 3
MAX_EVIDENCE = 80  # characters of why one file was left out
HISTOGRAMS = {  # key of statistics.json: the title, the unit
    "size_bytes": ("Size of a file, bytes", "bytes"),
    "n_lines": ("Lines of a file", "lines"),
    "longest_line": ("Longest line of a file, characters", "characters"),
    "mean_line": ("Mean line of a file, bytes", "bytes"),
}
Step = dict[str, Any]


def section(run: Run) -> Section:
    """The funnel, the reasons, and what is left."""
    if "corpus" not in run.artifacts:
        return Section("data", "Data", "", [Missing("there is no corpus among these artifacts")])
    funnel = [step for step in rows(run.json("corpus", "funnel.json")) if isinstance(step, dict)]
    statistics = run.json("corpus", "statistics.json")
    blocks: list[Block] = []
    blocks += funnel_table(funnel) or [Missing("the funnel was not recorded")]
    blocks += _reasons(funnel, table(statistics, "rejected"))
    blocks += _by("Languages", "language", table(statistics, "by_language"))
    blocks += _by("Repositories", "repository", table(statistics, "by_repository"))
    blocks += histogram_figures(table(statistics, "histograms"))
    blocks += counts_table("Redacted in what was kept", "placeholder for", "files", numbers(statistics, "redactions"))
    blocks += counts_table("Passed over before reading", "what", "times", numbers(statistics, "passed_over"))
    return Section("data", "Data", lead_text(funnel, table(statistics, "totals")), blocks, aside(run, "corpus"))


def lead_text(funnel: list[Step], totals: dict[str, Any]) -> str:
    seen, kept = number(funnel, 0, "n_in"), number(funnel, -1, "n_out")
    if not seen or kept is None:
        return ""
    train, valid = number(totals, "train", "n_files"), number(totals, "valid", "n_files")
    split = "" if train is None or valid is None else f": {plain_count(train)} to train, {plain_count(valid)} held out"
    lead = f"{counted(seen, 'file')} seen, {plain_count(kept)} kept ({percent_text(kept / seen)}){split}."
    return f"{lead} Every file that was left out is kept beside the corpus with its reason."


def funnel_table(funnel: list[Step]) -> list[Block]:
    """One row a step, bars on one scale; the last row is what training and the exam get."""
    widest = max((number(step, "n_in") or 0 for step in funnel), default=0)
    if widest <= 0:
        return []
    listed = [_funnel_row(step, widest) for step in funnel]
    kept = number(funnel[-1], "n_out") or 0
    listed.append(["kept", "", "", plain_count(kept), bar([(kept / widest, "kept")])])
    columns = [
        Column("step"),
        Column("files in", "number"),
        Column("left out", "number"),
        Column("files out", "number"),
        Column(key(("kept", "kept"), ("dropped", "left out")), "chart"),
    ]
    return [Table("Funnel", columns, listed, strong=frozenset({len(listed) - 1}))]


def _funnel_row(step: Step, widest: float) -> list[Cell]:
    n_in, n_dropped, n_out = (number(step, name) or 0 for name in ("n_in", "n_dropped", "n_out"))
    chart = bar([(n_out / widest, "kept"), (n_dropped / widest, "dropped")])
    dropped = plain_count(n_dropped) if n_dropped else "–"
    return [words(text(step, "step") or "?"), plain_count(n_in), dropped, plain_count(n_out), chart]


def _reasons(funnel: list[Step], rejected: dict[str, Any]) -> list[Block]:
    found = [(reason, n) for step in funnel for reason, n in numbers(step, "reasons").items() if n > 0]
    most = max((n for _, n in found), default=0)
    listed: list[list[Cell]] = [
        [words(reason), plain_count(n), bar([(n / most, "dropped")]), _examples(rejected.get(reason))]
        for reason, n in sorted(found, key=lambda item: (-item[1], item[0]))
    ]
    columns = [Column("reason"), Column("files", "number"), Column("", "short-chart"), Column("for example", "code")]
    return [Table("Why files were left out", columns, listed, stacks=True)] if listed else []


def _examples(entry: Any) -> str:
    """A few paths, each with the evidence against it."""
    lines = []
    for example in rows(entry, "examples")[:MAX_EXAMPLES]:
        path, evidence = text(example, "path") or "", text(example, "evidence") or ""
        lines.append(f"{path}: {evidence[:MAX_EVIDENCE]}" if evidence else path)
    return "\n".join(line.replace("\n", " ") for line in lines)


def _by(title: str, heading: str, groups: dict[str, Any]) -> list[Block]:
    sizes = {name: number(entry, "size_bytes") or 0.0 for name, entry in groups.items()}
    total = sum(sizes.values())
    if total <= 0:
        return []
    order = sorted(sizes, key=lambda name: (-sizes[name], name))
    shown, rest = order[:MAX_LISTED], order[MAX_LISTED:]
    listed = [_by_row(name, number(groups[name], "n_files"), sizes[name], total) for name in shown]
    if rest:
        n_files = sum(number(groups[name], "n_files") or 0 for name in rest)
        listed.append(_by_row(f"{len(rest):,} more", n_files, sum(sizes[name] for name in rest), total))
    names = [Column(heading), *(Column(name, "number") for name in ("files", "size", "share"))]
    return [Table(title, [*names, Column("", "chart")], listed)]


def _by_row(name: str, n_files: float | None, size: float, total: float) -> list[Cell]:
    files = "" if n_files is None else plain_count(n_files)
    return [name, files, bytes_text(size), percent_text(size / total), bar([(size / total, "kept")])]


def counts_table(title: str, heading: str, unit: str, counts: dict[str, float]) -> list[Block]:
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    listed: list[list[Cell]] = [[words(name), plain_count(n)] for name, n in order]
    return [Table(title, [Column(heading), Column(unit, "number")], listed)] if listed else []


def histogram_figures(histograms: dict[str, Any]) -> list[Block]:
    figures = []
    for name, (title, unit) in HISTOGRAMS.items():
        bins = bins_of(rows(histograms, name))
        n_files, highest = sum(item.n for item in bins), max((item.n for item in bins), default=0)
        chart = histogram(f"Histogram: {title}, {counted(n_files, 'file')}", bins, counted(highest, "file"))
        if chart:
            figures.append(Figure(title, chart, _tallest(bins, unit)))
    return [Figures(figures, are_small=True)] if figures else []


def bins_of(entries: list[Any]) -> list[Bin]:
    """Bins of `{"at_least", "below", "n_files"}`; where values are missing between two bins, empty ones stand."""
    bins: list[Bin] = []
    last = None
    for entry in entries:
        low, high = number(entry, "at_least"), number(entry, "below")
        if low is None or high is None or not 0 < low < high:
            continue
        while last is not None and last < low and len(bins) < len(entries) * 8:
            bins.append(_bin(last, last * 2, 0.0))
            last *= 2
        bins.append(_bin(low, high, number(entry, "n_files") or 0.0))
        last = high
    return bins


def _bin(low: float, high: float, n: float) -> Bin:
    return Bin(axis_number(low), f"{axis_number(low)} to {axis_number(high)}", n)


def _tallest(bins: list[Bin], unit: str) -> str:
    total, tallest = sum(item.n for item in bins), max(bins, key=lambda item: item.n)
    return f"Most often {tallest.name} {unit} ({percent_text(tallest.n / total)}). Each bin is twice the one before."


def words(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")
