"""What the corpus looks like, for the report: by language, by repository, how large, what was redacted and rejected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from understudy.data.compute import Compute
from understudy.data.figures.breakdown import breakdown

REPOSITORIES = 1_000  # the largest ones are listed; the rest are counted
EXAMPLES = 5

BY = """
SELECT {key} AS name, side, count(*) AS n_files, CAST(sum(size_bytes) AS BIGINT) AS size_bytes,
    CAST(sum(n_lines) AS BIGINT) AS n_lines
FROM rows WHERE side <> 'rejected' GROUP BY {key}, side ORDER BY size_bytes DESC, name, side
"""
HISTOGRAM = """
SELECT exponent, count(*) AS n FROM exponents GROUP BY exponent ORDER BY exponent
"""
REDACTED = """
SELECT kind, count(*) AS n FROM kinds GROUP BY kind ORDER BY n DESC, kind
"""
REJECTED = """
SELECT drop_reason, dropped_by, count(*) AS n, CAST(sum(size_bytes) AS BIGINT) AS size_bytes
FROM rows WHERE side = 'rejected' GROUP BY drop_reason, dropped_by ORDER BY n DESC, drop_reason, dropped_by
"""
REJECTED_EXAMPLES = """
SELECT drop_reason, repo, path, evidence FROM (
    SELECT drop_reason, repo, path, evidence, place,
        row_number() OVER (PARTITION BY drop_reason ORDER BY repo, path, place) AS number
    FROM rows WHERE side = 'rejected'
) AS numbered WHERE number <= {n} ORDER BY drop_reason, number
"""


def statistics(compute: Compute, rows: pa.Table, passed_over: Mapping[str, int]) -> dict[str, Any]:
    """The whole of statistics.json. `rows` is the judged catalog; `passed_over` counts folders left out by rule."""
    repositories = _by(compute, rows, "repo")
    measured = rows.select(["size_bytes", "n_lines", "longest_line", "redacted"])
    kept = measured.filter(pc.not_equal(rows["side"], "rejected"))
    return {
        "totals": _totals(rows),
        "by_language": _by(compute, rows, "lang"),
        "by_repository": dict(list(repositories.items())[:REPOSITORIES]),
        "n_repositories": len(repositories),
        "histograms": {
            "size_bytes": _histogram(compute, kept["size_bytes"]),
            "n_lines": _histogram(compute, kept["n_lines"]),
            "longest_line": _histogram(compute, kept["longest_line"]),
            "mean_line": _histogram(compute, pc.divide(_floats(kept["size_bytes"]), _floats(kept["n_lines"]))),
        },
        "redactions": _redactions(compute, kept),
        "rejected": _rejected(compute, rows),
        "funnel_by": breakdown(compute, rows),
        "passed_over": dict(sorted(passed_over.items())),
    }


def _totals(rows: pa.Table) -> dict[str, dict[str, int]]:
    totals = {}
    for side in ("train", "valid", "rejected"):
        sizes = rows["size_bytes"].filter(pc.equal(rows["side"], side))
        totals[side] = {"n_files": len(sizes), "size_bytes": int(pc.sum(sizes).as_py() or 0)}
    return totals


def _by(compute: Compute, rows: pa.Table, key: str) -> dict[str, dict[str, int]]:
    """Counts by language or repository, the largest first, each with its share that is held out."""
    groups: dict[str, dict[str, int]] = {}
    for row in compute.sql(BY.format(key=key), rows=rows).to_pylist():
        group = groups.setdefault(row["name"], {"n_files": 0, "size_bytes": 0, "n_lines": 0, "n_valid": 0})
        for name in ("n_files", "size_bytes", "n_lines"):
            group[name] += int(row[name] or 0)
        group["n_valid"] += row["n_files"] if row["side"] == "valid" else 0
    return dict(sorted(groups.items(), key=lambda item: (-item[1]["size_bytes"], item[0])))


def _redactions(compute: Compute, kept: pa.Table) -> dict[str, int]:
    kinds = pa.table({"kind": pc.list_flatten(kept["redacted"])})  # engines unpack lists each in their own dialect
    return {row["kind"]: row["n"] for row in compute.sql(REDACTED, kinds=kinds).to_pylist()}


def _histogram(compute: Compute, values: pa.ChunkedArray) -> list[dict[str, int]]:
    """Files by powers of two: those from `at_least` on, and below `below`."""
    exponents = np.frexp(_floats(values).to_numpy())[1] - 1  # exact, where engines' logarithms are not
    found = compute.sql(HISTOGRAM, exponents=pa.table({"exponent": exponents.astype(np.int32)})).to_pylist()
    powers = [(2 ** row["exponent"], row["n"]) for row in found]
    return [{"at_least": power, "below": 2 * power, "n_files": n} for power, n in powers]


def _floats(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values, from 1 on."""
    return pc.max_element_wise(pc.fill_null(pc.cast(values, pa.float64()), 1.0), 1.0)


def _rejected(compute: Compute, rows: pa.Table) -> dict[str, dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for row in compute.sql(REJECTED, rows=rows).to_pylist():
        group = groups.setdefault(row["drop_reason"], {"n_files": 0, "size_bytes": 0, "dropped_by": [], "examples": []})
        group["n_files"] += row["n"]
        group["size_bytes"] += row["size_bytes"]
        group["dropped_by"].append(row["dropped_by"])
    for row in compute.sql(REJECTED_EXAMPLES.format(n=EXAMPLES), rows=rows).to_pylist():
        example = {"repo": row["repo"], "path": row["path"], "evidence": row["evidence"]}
        groups[row["drop_reason"]]["examples"].append(example)
    return groups
