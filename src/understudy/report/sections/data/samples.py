"""Files to look at: of each reason some that it dropped, with the line that shows it, and some that stay."""

from __future__ import annotations

from typing import Any

from understudy.core.units import bytes_text
from understudy.report.blocks import Block, Missing, Sample, Samples, Section
from understudy.report.charts.cells import bar
from understudy.report.reading import at, number, rows, text
from understudy.report.sections.corpus import words
from understudy.report.sections.data.room import Room
from understudy.report.wording import counted, plain_count

FULL = "Left out here: the page is full."


def rules_section(told: Any, room: Room) -> Section:
    """Every reason in the order of the checks, folded, with some of its files."""
    rules = rows(told, "rules")
    most = max((number(rule, "n_files") or 0 for rule in rules), default=0)
    blocks: list[Block] = [_rule(rule, most, room) for rule in rules]
    lead = (
        "What each check left out, and why: some files of each reason, chosen by hash, with the lines that show it. "
        "understudy data inspect CORPUS --rule NAME shows more; --file PATH tells of any file."
    )
    return Section("rules", "Left out", lead, blocks or [Missing("nothing was left out")])


def _rule(rule: Any, most: float, room: Room) -> Samples:
    n, size = number(rule, "n_files") or 0, number(rule, "size_bytes") or 0
    step, reason = text(rule, "step") or "?", text(rule, "reason") or "?"
    title = words(reason) if step == reason else f"{words(step)}: {words(reason)}"
    items = [_sample(sample, room) for sample in rows(rule, "samples")]
    remark = f"{counted(n, 'file')}, {bytes_text(size)}"
    return Samples(title, remark, items, bar([(n / most, "dropped")]) if most else None)


def kept_section(told: Any, room: Room) -> Section:
    """Some files that stay, by language."""
    blocks: list[Block] = []
    for entry in rows(told, "kept"):
        items = [_sample(sample, room, is_kept=True) for sample in rows(entry, "samples")]
        blocks.append(Samples(text(entry, "lang") or "?", f"{plain_count(number(entry, 'n_files') or 0)} files", items))
    lead = "How files begin that a model learns from, after redaction; chosen by hash."
    return Section("kept", "Kept", lead, blocks or [Missing("nothing was kept")])


def _sample(sample: Any, room: Room, is_kept: bool = False) -> Sample:
    path = f"{text(sample, 'repo') or ''}/{text(sample, 'path') or '?'}"
    facts = [text(sample, "lang") or "", bytes_text(number(sample, "size_bytes") or 0)]
    facts += [name for name in rows(sample, "licenses") if isinstance(name, str)][:3]
    n_redactions = number(sample, "redactions") or 0
    if n_redactions:
        facts.append(counted(n_redactions, "redaction"))
    excerpt = at(sample, "excerpt")  # of what is kept elsewhere or was never read there is none
    lines = room.lines(excerpt) if excerpt else ()
    note = FULL if excerpt and not lines else ""
    return Sample(path, " · ".join(filter(None, facts)), "" if is_kept else text(sample, "evidence") or "", lines, note)
