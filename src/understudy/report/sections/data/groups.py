"""The funnel told apart: by language, licence and repository, what came in, what stays, and what took the rest."""

from __future__ import annotations

from typing import Any

from understudy.core.units import bytes_text, percent_text
from understudy.report.blocks import Block, Cell, Column, Folded, Missing, Section, Table
from understudy.report.charts.cells import bar
from understudy.report.reading import number, numbers, rows, table, text
from understudy.report.sections.corpus import words
from understudy.report.wording import plain_count

SHOWN = 12  # the others are folded away
CAUSES = 3  # checks named beside a group
KINDS = {"language": "Languages", "license": "Licences", "repository": "Repositories"}


def section(told: Any) -> Section:
    """One table for each kind of group."""
    blocks: list[Block] = []
    for kind, title in KINDS.items():
        blocks += _tables(title, kind, table(told, "funnel_by", kind))
    lead = "Files and bytes before the first check and after the last; beside each the checks that took most."
    return Section("groups", "By group", lead, blocks or [Missing("this corpus was made without these counts")])


def _tables(title: str, kind: str, entry: dict[str, Any]) -> list[Block]:
    groups = rows(entry, "groups")
    if not groups:
        return []
    listed = [_row(text(group, "name") or "?", group) for group in groups]
    n_more = (number(entry, "n_groups") or len(groups)) - len(groups)
    if n_more > 0:
        listed.append(_row(f"{plain_count(n_more)} more", table(entry, "others")))
    heading = {"license": "licence"}.get(kind, kind)
    blocks: list[Block] = [Table(title, _columns(heading), listed[:SHOWN], stacks=True)]
    if len(listed) > SHOWN:
        rest = Table("", _columns(heading), listed[SHOWN:], stacks=True)
        blocks.append(Folded(f"{len(listed) - SHOWN} more rows", [rest]))
    return blocks


def _columns(heading: str) -> list[Column]:
    names = [Column(name, "number") for name in ("files in", "kept", "size kept", "share")]
    return [Column(heading), *names, Column("", "short-chart"), Column("left out by", "quiet")]


def _row(name: str, group: Any) -> list[Cell]:
    n_in, n_kept = number(group, "n_in") or 0, number(group, "n_kept") or 0
    share = n_kept / n_in if n_in else 0.0
    chart = bar([(share, "kept"), (1 - share, "dropped")])
    size = bytes_text(number(group, "size_bytes_kept") or 0)
    return [name, plain_count(n_in), plain_count(n_kept), size, percent_text(share), chart, _causes(group)]


def _causes(group: Any) -> str:
    most = sorted(numbers(group, "dropped").items(), key=lambda item: (-item[1], item[0]))
    told = [f"{words(step)} {plain_count(n)}" for step, n in most[:CAUSES]]
    return ", ".join(told) + (f", {len(most) - CAUSES} more" if len(most) > CAUSES else "")
