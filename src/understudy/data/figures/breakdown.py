"""The funnel told apart: of each language, licence and repository, how many files each check left out."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from understudy.data.compute import Compute
from understudy.data.decisions.license import JOIN
from understudy.data.figures.licenses import UNKNOWN, expression_of

COLUMNS = {"language": "lang", "license": "license", "repository": "repo"}
GROUPS = 200  # the largest of each kind are listed, the others are one row

DROPPED = """
SELECT {key} AS name, dropped_by, count(*) AS n, CAST(sum(size_bytes) AS BIGINT) AS size_bytes
FROM rows GROUP BY {key}, dropped_by ORDER BY name, dropped_by NULLS LAST
"""
LARGEST = """
SELECT {key} AS name, count(*) AS n FROM rows GROUP BY {key} ORDER BY n DESC, name LIMIT {limit}
"""


def breakdown(compute: Compute, rows: pa.Table) -> dict[str, Any]:
    """By language, license and repository: `groups`, those with most files first, and what the `others` come to."""
    keyed = _keyed(rows)
    return {name: _told(compute, keyed, key) for name, key in COLUMNS.items()}


def _keyed(rows: pa.Table) -> pa.Table:
    """The few columns that are counted, a row's licences as one text."""
    keys = pc.binary_join(rows["licenses"].combine_chunks(), JOIN).dictionary_encode()
    names = pa.array([expression_of(key) for key in keys.dictionary.to_pylist()], pa.string())
    columns = {name: _named(rows[name]) for name in ("lang", "repo")}
    columns["license"] = _named(names.take(keys.indices))
    return pa.table({**columns, "dropped_by": rows["dropped_by"], "size_bytes": rows["size_bytes"]})


def _named(values: Any) -> Any:
    texts = pc.fill_null(values, "")
    return pc.if_else(pc.equal(texts, ""), UNKNOWN, texts)


def _told(compute: Compute, rows: pa.Table, key: str) -> dict[str, Any]:
    """Groups beyond the largest are counted together before they leave the engine: there may be a million."""
    largest = compute.sql(LARGEST.format(key=key, limit=GROUPS), rows=rows)["name"].to_pylist()
    column = rows[key].combine_chunks()
    is_listed = pc.is_in(column, value_set=pa.array(largest, pa.string()))
    rows = rows.select([key, "dropped_by", "size_bytes"])
    listed = rows.filter(is_listed)
    groups = {name: _nothing() for name in largest}
    for row in _dropped(compute, listed, key):
        _count(groups[row["name"]], row)
    rest = rows.filter(pc.invert(is_listed))
    rest = rest.set_column(rest.schema.get_field_index(key), key, pa.array(["others"] * len(rest), pa.string()))
    others = _nothing()
    for row in _dropped(compute, rest, key):
        _count(others, row)
    return {"groups": groups, "n_groups": len(pc.unique(column)), "others": others}


def _dropped(compute: Compute, rows: pa.Table, key: str) -> list[dict[str, Any]]:
    return compute.sql(DROPPED.format(key=key), rows=rows).to_pylist() if len(rows) else []


def _nothing() -> dict[str, Any]:
    return {"n_in": 0, "size_bytes_in": 0, "n_kept": 0, "size_bytes_kept": 0, "dropped": {}}


def _count(group: dict[str, Any], row: dict[str, Any]) -> None:
    group["n_in"] += row["n"]
    group["size_bytes_in"] += row["size_bytes"] or 0
    if row["dropped_by"] is None:
        group["n_kept"] += row["n"]
        group["size_bytes_kept"] += row["size_bytes"] or 0
    else:
        group["dropped"][row["dropped_by"]] = row["n"]
