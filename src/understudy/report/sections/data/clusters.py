"""Near-duplicates: the largest clusters, in each the file that stays beside the copy that is least like it."""

from __future__ import annotations

from typing import Any

from understudy.report.blocks import Beside, BesideRow, Block, Missing, Section
from understudy.report.reading import at, count, number, rows, text
from understudy.report.sections.data.room import Room
from understudy.report.wording import counted, plain_count


def section(told: Any, room: Room) -> Section:
    """The largest clusters, folded."""
    found = at(told, "near_duplicates")
    blocks: list[Block] = [_cluster(entry, room) for entry in rows(found, "largest")]
    n_clusters, n_files, n_kept = (number(found, name) or 0 for name in ("n_clusters", "n_files", "n_kept"))
    lead = ""
    if n_clusters:
        lead = (
            f"{counted(n_files, 'file')} in {counted(n_clusters, 'cluster')} of files that are nearly the same; "
            f"{plain_count(n_kept)} of them stay. Each copy was compared word by word with the file that stays. "
            f"The largest clusters, with the copy that is least like that file:"
        )
    nothing = Missing("no two files are nearly the same, or the recipe does not look for them")
    return Section("near-duplicates", "Near-duplicates", lead, blocks or [nothing])


def _cluster(entry: Any, room: Room) -> Block:
    n_files, n_kept = number(entry, "n_files") or 0, number(entry, "n_kept") or 0
    rows_ = [_row(row, room) for row in rows(entry, "comparison", "rows")]
    fits = room.takes([line for row in rows_ for line in (row.left, row.right) if line])
    similarity = number(entry, "similarity")
    remark = f"{counted(n_files, 'file')}, {plain_count(n_kept)} stay"
    if similarity is not None:
        remark += f"; the two below are {similarity:.2f} similar"
    return Beside(
        f"Cluster {count(entry, 'cluster')}",
        remark,
        text(entry, "kept_file") or "",
        text(entry, "copy") or "no copy was left out",
        rows_ if fits else (),
        _note(entry, fits),
    )


def _note(entry: Any, fits: bool) -> str:
    if not fits:
        return "Left out here: the page is full."
    if at(entry, "comparison") is None:
        return "There is nothing to compare: all of them stay, or a content is not kept."
    n = number(entry, "comparison", "n_changed") or 0
    differ = f"{counted(n, 'line')} differ" if n else "No line differs"
    return f"{differ}." if at(entry, "comparison", "is_whole") else f"{differ} in the part that was compared."


def _row(row: Any, room: Room) -> BesideRow:
    how = text(row, "how")
    left, right = room.line(at(row, "left")), room.line(at(row, "right"))
    return BesideRow(how if how in ("equal", "gap") else "changed", left, right)
