"""The funnel: how many files and bytes each check met, dropped and passed on. Its ends and its steps add up."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from understudy.data.compute import Compute
from understudy.data.decisions import DECISIONS
from understudy.data.steps import LATE, STEPS

NEVER_DROP = ("license-header", "opt-out", "identify", "sketch", "split")
CHECKS = (
    "language",  # by name while listing, and by content among the steps: one check
    *(name for name in STEPS if name not in ("language", *NEVER_DROP, *LATE, *DECISIONS)),
    *(name for name in DECISIONS if name not in NEVER_DROP),
    *LATE,
)

DROPPED = """
SELECT dropped_by, drop_reason, count(*) AS n, CAST(sum(size_bytes) AS BIGINT) AS size_bytes
FROM rows WHERE side = 'rejected'
GROUP BY dropped_by, drop_reason ORDER BY dropped_by, n DESC, drop_reason
"""


def funnel(compute: Compute, rows: pa.Table) -> list[dict[str, Any]]:
    """One entry for each check in order: files and bytes in, dropped by reason, and out."""
    dropped = compute.sql(DROPPED, rows=rows).to_pylist()
    n, size = len(rows), int(pc.sum(rows["size_bytes"]).as_py() or 0)
    entries = []
    for check in CHECKS:
        mine = [row for row in dropped if row["dropped_by"] == check]
        n_dropped = sum(row["n"] for row in mine)
        size_dropped = int(sum(row["size_bytes"] for row in mine))
        entries.append(
            {
                "step": check,
                "n_in": n,
                "n_dropped": n_dropped,
                "n_out": n - n_dropped,
                "size_bytes_in": size,
                "size_bytes_dropped": size_dropped,
                "reasons": {row["drop_reason"]: row["n"] for row in mine},
            }
        )
        n, size = n - n_dropped, size - size_dropped
    return entries
