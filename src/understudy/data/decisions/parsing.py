"""Parses the files that are about to be kept, and no others: a parser is the slowest of all checks by far.

The same steps machinery runs it, with checkpoints of its own, so a killed run does not parse a file twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from understudy.data.catalog import read_facts, rejected, with_column
from understudy.data.compute import Orders
from understudy.data.decisions.making import Making
from understudy.data.listing import Collection, Entries, Entry
from understudy.data.portions import Cut, cuts_of, loads
from understudy.data.steps import StepSetting, late_steps_of, settings_key

PARSED = ["repo", "path", "lang", "size_bytes", "id", "batch", "row", "place"]  # what is asked of the rows to parse
FOUND = ["lang", "drop_reason", "evidence"]
ROWS_AT_ONCE = 8_192  # as Python objects


def parsed(making: Making, rows: pa.Table) -> pa.Table:
    """The catalog after these of its rows were parsed: some rejected, some of another language than their name says."""
    steps = late_steps_of(making.recipe)
    rows = rows.filter(pc.is_in(rows["lang"], value_set=pa.array(_languages(steps), pa.string())))
    rows = rows.sort_by([("batch", "ascending"), ("row", "ascending")])  # as they lie on disk: each batch is read once
    collection = _collection(making, rows)
    cuts = cuts_of(collection, settings_key(steps))
    total = sum(cut.size_bytes for cut in cuts)
    work = loads(collection, cuts, making.recipe, making.compute.checkpoints)
    making.compute.map(work, Orders(tuple(steps), "parsing", keeps_contents=False), total)
    return _judged(making, rows["place"].combine_chunks(), list(_facts(making, cuts)))


def _languages(steps: Sequence[StepSetting]) -> list[str]:
    """The languages that are parsed; sending the others to a worker would be for nothing."""
    return ["python", *(language for step in steps for language in step.settings.get("parsers", ()))]


def _collection(making: Making, rows: pa.Table) -> Collection:
    """The rows as something to be read: their contents lie in the checkpoints of the steps before."""
    return Collection("kept", "kept", str(making.compute.checkpoints.folder), Entries(_entries(making, rows)))


def _entries(making: Making, rows: pa.Table) -> Iterator[Entry]:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows.slice(start, ROWS_AT_ONCE)
        values = [some[name].to_pylist() for name in ("repo", "path", "lang", "size_bytes", "id", "batch", "row")]
        for repo, path, lang, size, content_id, batch, row in zip(*values, strict=True):
            yield Entry(repo, path, lang, size, f"{making.keys[batch]}:{row}", content_id, "", "")


def _facts(making: Making, cuts: list[Cut]) -> Iterator[pa.Table]:
    for cut in cuts:
        yield read_facts(making.compute.checkpoints.facts(cut.key), FOUND)


def _judged(making: Making, places: pa.Array, facts: list[pa.Table]) -> pa.Table:
    if not facts:
        return making.catalog
    found = pa.concat_tables(facts).combine_chunks()
    catalog = making.catalog
    at = pc.index_in(catalog["place"].combine_chunks(), value_set=places)
    lang = found["lang"].combine_chunks().take(at)
    catalog = with_column(catalog, "lang", pc.coalesce(lang, catalog["lang"].combine_chunks()))
    for reason in pc.unique(found["drop_reason"].drop_null()).to_pylist():
        mine = pc.equal(found["drop_reason"], reason).fill_null(False).combine_chunks()
        evidence = found["evidence"].combine_chunks().filter(mine)
        catalog = rejected(catalog, places.filter(mine), reason, "unparsable", evidence)
    return catalog
