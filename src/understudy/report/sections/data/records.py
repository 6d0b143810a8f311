"""Redactions, licences, exam tasks, held-out functions, the parse check and tokens: what the corpus says of itself."""

from __future__ import annotations

from typing import Any

from understudy.core.units import bytes_text, percent_text
from understudy.report.blocks import Block, Cell, Column, Folded, Missing, Note, Section, Table
from understudy.report.charts.cells import bar
from understudy.report.reading import Run, at, number, rows, table, text
from understudy.report.sections.tokenizer import packing
from understudy.report.wording import counted, plain_count

SHOWN_LICENSES = 15
SHOWN_TESTS = 3


def redactions_section(told: Any) -> Section:
    """How many of each kind, and some of the places; never what stood there."""
    kinds = rows(told, "redactions", "kinds")
    total = number(told, "redactions", "n_redactions") or 0
    most = max((number(kind, "n") or 0 for kind in kinds), default=0)
    listed: list[list[Cell]] = [
        [
            text(kind, "kind") or "?",
            plain_count(number(kind, "n") or 0),
            plain_count(number(kind, "n_files") or 0),
            bar([((number(kind, "n") or 0) / most, "kept")]) if most else "",
            "\n".join(_place(place) for place in rows(kind, "places")),
        ]
        for kind in kinds
    ]
    columns = [
        Column("kind"), Column("places", "number"), Column("files", "number"), Column("", "short-chart"),
        Column("for example", "code"),
    ]  # fmt: skip
    lead = f"{counted(total, 'place')} redacted. What stood there is in no file of the corpus and not on this page."
    nothing = Missing("nothing was redacted, or this corpus was made without a list of redactions")
    blocks: list[Block] = [Table("", columns, listed, stacks=True)] if listed else [nothing]
    return Section("redactions", "Redactions", lead if listed else "", blocks)


def _place(place: Any) -> str:
    side = text(place, "side")
    aside = " (left out)" if side == "rejected" else ""
    return f"{text(place, 'repo')}/{text(place, 'path')}:{number(place, 'line') or 0:.0f}{aside}".replace("\n", "\\n")


def licenses_section(told: Any) -> Section:
    """What the kept files are under."""
    groups = rows(told, "licenses", "by_license")
    total = sum(number(group, "size_bytes") or 0 for group in groups)
    if not groups or not total:
        return Section("licenses", "Licences", "", [Missing("no licences were recorded")])
    listed: list[list[Cell]] = []
    for group in groups:
        size = number(group, "size_bytes") or 0
        files = plain_count(number(group, "n_files") or 0)
        chart = bar([(size / total, "kept")])
        listed.append([text(group, "license") or "?", files, bytes_text(size), percent_text(size / total), chart])
    columns = [Column("licence"), *(Column(name, "number") for name in ("files", "size", "share")), Column("", "chart")]
    blocks: list[Block] = [Table("", columns, listed[:SHOWN_LICENSES])]
    if len(listed) > SHOWN_LICENSES:
        more = listed[SHOWN_LICENSES:]
        blocks.append(Folded(f"{len(more)} more", [Table("", columns, more)]))
    n = number(told, "licenses", "n_repositories") or 0
    lead = f"Licences of the kept files, from {counted(n, 'repository', 'repositories')}; licenses.json names them all."
    return Section("licenses", "Licences", lead, blocks)


def exams_section(told: Any) -> Section:
    """What was found of each exam, and which functions are held out for an exam on one's own code."""
    blocks = [*_contamination(told), *_held_out(told)]
    return Section("exams", "Exams", "", blocks)


def _contamination(told: Any) -> list[Block]:
    exams = table(told, "contamination", "exams")
    if not exams:
        return [Missing("the recipe names no exam in data.decontaminate, so none was looked for")]
    listed: list[list[Cell]] = [
        [
            name,
            plain_count(number(exam, "n_tasks") or 0),
            plain_count(number(exam, "n_tasks_found") or 0),
            plain_count(number(exam, "n_files") or 0),
            "\n".join(_example(example) for example in rows(exam, "examples")[:SHOWN_TESTS]),
        ]
        for name, exam in exams.items()
    ]
    columns = [
        Column("exam"), *(Column(name, "number") for name in ("tasks", "found", "files left out")),
        Column("for example", "code"),
    ]  # fmt: skip
    rule = (text(told, "contamination", "rule") or "")[:1000]
    return [Table("Tasks of exams found in the sources", columns, listed, rule, stacks=True)]


def _example(example: Any) -> str:
    return f"{text(example, 'path') or '?'}: {(text(example, 'evidence') or '')[:160]}".replace("\n", " ")


def _held_out(told: Any) -> list[Block]:
    n = number(told, "held_out", "n_functions") or 0
    if not n:
        return [Note("No held-out function is called by a test.")]
    listed: list[list[Cell]] = [
        [
            text(item, "name") or "?",
            f"{text(item, 'repo')}/{text(item, 'path')}:{number(item, 'first_line') or 0:.0f}",
            _tests(item),
        ]
        for item in rows(told, "held_out", "functions")
    ]
    columns = [Column("function", "code"), Column("held-out file", "code"), Column("called by", "code")]
    title = f"Held-out functions that tests call: {plain_count(n)}"
    note = "The first of them; understudy data inspect CORPUS --held-out lists more." if n > len(listed) else ""
    return [Table(title, columns, listed, note, stacks=True)]


def _tests(item: Any) -> str:
    tests = rows(item, "tests")
    shown = [f"{text(test, 'path')}: {text(test, 'name')}".replace("\n", " ") for test in tests[:SHOWN_TESTS]]
    return "\n".join(shown + ([f"and {len(tests) - SHOWN_TESTS} more"] if len(tests) > SHOWN_TESTS else []))


def parsing_section(told: Any) -> Section:
    """The languages whose files were parsed, and how many could not be."""
    checked = [name for name in rows(told, "parse_checked") if isinstance(name, str)]
    if not checked:
        reason = "the recipe does not drop what cannot be parsed, or this corpus was made without a list of languages"
        return Section("parsing", "Parse check", "", [Missing(reason)])
    groups = {text(group, "name"): group for group in rows(told, "funnel_by", "language", "groups")}
    listed: list[list[Cell]] = [_parsed(name, groups[name], name in checked) for name in groups if name is not None]
    listed = [row for row in listed if row]
    lead = f"Only what is about to be kept is parsed. Parsers there were: {', '.join(sorted(checked))}."
    columns = [
        Column("language"), Column("parsed", "number"), Column("failed", "number"), Column("share", "number"),
        Column("", "chart"),
    ]  # fmt: skip
    return Section("parsing", "Parse check", lead, [Table("", columns, listed)] if listed else [])


def _parsed(name: str, group: Any, is_checked: bool) -> list[Cell]:
    """A language's row; empty where nothing of it came as far as the parser."""
    n_failed, n_kept = number(group, "dropped", "unparsable") or 0, number(group, "n_kept") or 0
    n = n_failed + n_kept
    if not n:
        return []
    if not is_checked:
        return [name, "not checked", "", "", ""]
    share = n_failed / n
    return [name, plain_count(n), plain_count(n_failed), percent_text(share), bar([(share, "dropped")])]


def tokens_section(run: Run) -> Section:
    """The tokens made from this corpus, where they have been made."""
    reason = "no tokens have been made from this corpus yet: understudy up RECIPE"
    aside = [run.artifacts["tokens"].id] if "tokens" in run.artifacts else []
    splits = at(run.json("tokens", "manifest.json"), "splits")
    return Section("tokens", "Tokens", "", packing(run) if splits else [Missing(reason)], aside)
