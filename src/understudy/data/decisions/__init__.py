"""The decisions that need all documents at once, in order: one file each, and one table.

opt-out ─▶ license ─▶ contaminated ─▶ duplicate ─▶ near-duplicate, parsing what is about to be kept ─▶ split

A new decision is one file and one row of `DECISIONS`; the funnel follows. What SQL they need is in the subset that
DuckDB and Spark share; only an ORDER BY makes an order.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from understudy.data.decisions import contaminated, duplicate, near_duplicate, opt_out, split
from understudy.data.decisions import license as license_
from understudy.data.decisions.making import Making

Decision = Callable[[Making], pa.Table]
"""Takes the corpus in the making; returns its catalog with more rows rejected, or with more columns."""

DECISIONS: dict[str, Decision] = {
    "opt-out": opt_out.decide,
    "license": license_.decide,
    "contaminated": contaminated.decide,
    "duplicate": duplicate.decide,
    "near-duplicate": near_duplicate.decide,
    "split": split.decide,
}


def decide(making: Making) -> pa.Table:
    """The catalog after all decisions; its column `side` says where each row goes: train, valid or rejected."""
    for decision in DECISIONS.values():
        making = making.with_catalog(decision(making))
    return making.catalog


__all__ = ["DECISIONS", "Making", "decide"]
