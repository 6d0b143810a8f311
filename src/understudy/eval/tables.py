"""Scores as tables for people: every number with its interval, and how small a difference the exam could have seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.core.tracking import Table
from understudy.core.units import percent_text
from understudy.eval.results import MODEL, MODES

NAMES = {"lzma": "LZMA, file by file"}


def tables(scores: Mapping[str, Any]) -> list[Table]:
    """The tables of scores.json, in the order of the suites. What was not measured says why."""
    suites = scores["suites"]
    found: list[Table] = []
    if "bits-per-byte" in suites:
        found.append(_bits_table(suites["bits-per-byte"]))
    if "own-code" in suites:
        found.extend(_mode_table(mode, suites["own-code"][mode]) for mode in MODES)
    if scores.get("contamination"):
        found.append(_contamination_table(scores["contamination"]))
    return found


def _contamination_table(exams: Mapping[str, Any]) -> Table:
    """How far the corpus held the tasks of public exams before they were taken out."""
    rows = [
        (
            name,
            exam["n_tasks"],
            exam["n_tasks_found"],
            percent_text(exam["n_tasks_found"] / max(1, exam["n_tasks"])),
            exam["n_files"],
        )
        for name, exam in sorted(exams.items())
    ]
    title = "Exam tasks found in the corpus; the files that held them were left out"
    return Table(title, ("", "tasks", "found", "share", "files left out"), rows)


def _bits_table(suite: Mapping[str, Any]) -> Table:
    title = "Bits per byte of held-out code (less is better)"
    columns = ("", "bits per byte", "95 % interval", "can tell apart", "files")
    if "not_measured" in suite:
        return Table(title, ("", "reason"), [("not measured", suite["not_measured"])])
    rows = [_bits_row(MODEL, suite["overall"])]
    if len(suite["by_language"]) > 1:
        rows += [_bits_row(f"  {language}", record) for language, record in suite["by_language"].items()]
    rows += [_bits_row(NAMES.get(name, name), record) for name, record in sorted(suite["reference"].items())]
    return Table(title, columns, rows)


def _bits_row(name: str, record: Mapping[str, Any]) -> tuple[object, ...]:
    if "not_measured" in record:
        return name, "not measured", "", "", ""
    interval = f"{record['low']:.3f} to {record['high']:.3f}"
    return name, f"{record['value']:.3f}", interval, f"±{record['smallest_difference']:.3f}", record["n_files"]


def _mode_table(mode: str, systems: Mapping[str, Any]) -> Table:
    title = f"Own code, {mode}"
    if "not_measured" in systems:
        return Table(title, ("", "reason"), [("not measured", systems["not_measured"])])
    columns = ("", "exact match", "edit similarity", "can tell apart", "model minus it (similarity)", "items / files")
    return Table(title, columns, [_system_row(name, systems[name]) for name in _order(systems)])


def _order(systems: Mapping[str, Any]) -> list[str]:
    return sorted(systems, key=lambda name: (name != MODEL, name))


def _system_row(name: str, values: Mapping[str, Any]) -> tuple[object, ...]:
    similarity = values["edit_similarity"]
    difference = values.get("difference", {}).get("edit_similarity", {})
    counts = f"{similarity['n_items']} / {similarity['n_files']}" if "n_items" in similarity else ""
    smallest = f"±{100 * similarity['smallest_difference']:.1f}" if "n_items" in similarity else ""
    return name, _percent(values["exact_match"]), _percent(similarity), smallest, _signed(difference), counts


def _percent(record: Mapping[str, Any]) -> str:
    """`12.3 % (10.1 to 14.8)`."""
    if "not_measured" in record:
        return "not measured"
    return f"{100 * record['value']:.1f} % ({100 * record['low']:.1f} to {100 * record['high']:.1f})"


def _signed(record: Mapping[str, Any]) -> str:
    if "value" not in record:
        return ""
    return f"{100 * record['value']:+.1f} ({100 * record['low']:+.1f} to {100 * record['high']:+.1f})"
