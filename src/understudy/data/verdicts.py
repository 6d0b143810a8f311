"""The decisions that need all documents at once: exact duplicates, the order of the corpus, and the split.

They are SQL in the subset that DuckDB and Spark share; only an ORDER BY makes an order.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import pyarrow as pa

from understudy.core.errors import InputDataError
from understudy.core.recipe import Recipe
from understudy.core.tracking import Events
from understudy.data.compute import Compute

DUPLICATE = "duplicate"

# Of documents with one content the first by (repo, path) stays, whatever order they were read in.
COPIES = """
SELECT place, kept FROM (
    SELECT
        place,
        row_number() OVER (PARTITION BY id ORDER BY repo, path, place) AS copy,
        first_value(concat(repo, '/', path)) OVER (PARTITION BY id ORDER BY repo, path, place) AS kept
    FROM catalog
    WHERE drop_reason IS NULL
) AS numbered
WHERE copy > 1
"""
POINTS = """
SELECT count(*) AS n, count(DISTINCT split_point) AS n_points, min(split_point) AS lowest, max(split_point) AS highest
FROM catalog LEFT JOIN copies ON catalog.place = copies.place
WHERE drop_reason IS NULL AND copies.place IS NULL
"""
JUDGED = """
SELECT
    catalog.place AS place,
    CASE WHEN drop_reason IS NULL AND kept IS NOT NULL THEN 'duplicate' ELSE drop_reason END AS drop_reason,
    CASE WHEN drop_reason IS NULL AND kept IS NOT NULL THEN 'duplicate' ELSE dropped_by END AS dropped_by,
    CASE WHEN drop_reason IS NULL AND kept IS NOT NULL THEN concat('same content as ', kept) ELSE evidence END
        AS evidence,
    CASE
        WHEN drop_reason IS NOT NULL OR kept IS NOT NULL THEN 'rejected'
        WHEN split_point < {cut!r} THEN 'valid'
        ELSE 'train'
    END AS side
FROM catalog LEFT JOIN copies ON catalog.place = copies.place
ORDER BY repo, path, place
"""


class Points(NamedTuple):
    """The split points of the documents that are kept: how many, how many different ones, and their ends."""

    n: int
    n_points: int
    lowest: float
    highest: float


def judge(compute: Compute, catalog: pa.Table, recipe: Recipe, events: Events) -> pa.Table:
    """The final verdict on every row, sorted by (repo, path): its reasons, and `side`: train, valid or rejected."""
    copies = pa.table({"place": pa.array([], pa.int64()), "kept": pa.array([], pa.string())})
    if DUPLICATE in recipe.data.drop:
        copies = compute.sql(COPIES, catalog=catalog)
    row = compute.sql(POINTS, catalog=catalog, copies=copies).to_pylist()[0]
    points = Points(row["n"], row["n_points"], row["lowest"] or 0.0, row["highest"] or 0.0)
    cut = cut_between(points, recipe, events)
    return compute.sql(JUDGED.format(cut=cut), catalog=catalog, copies=copies)


def cut_between(points: Points, recipe: Recipe, events: Events) -> float:
    """Documents with a point below this are held out: the recipe's share, moved only so far that neither side is empty.

    Raises InputDataError where no document is left.
    """
    if points.n == 0:
        raise InputDataError(
            "no document is left to train on: every file was dropped",
            "see why in the funnel with `understudy show`, or loosen data.filters and data.drop",
        )
    if points.n_points == 1:
        by = recipe.data.split.by
        what = "there is only one document" if points.n == 1 else f"all documents belong to one {by}"
        events.warning(f"nothing is held out: {what}", "data.split.by: file" if points.n > 1 else "add more code")
        return 0.0
    cut = recipe.data.split.valid
    if points.lowest >= cut:
        return math.nextafter(points.lowest, 1.0)
    return min(cut, points.highest)
