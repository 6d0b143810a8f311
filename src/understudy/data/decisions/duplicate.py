"""Exact duplicates: of documents with one content, one stays."""

from __future__ import annotations

import pyarrow as pa

from understudy.data.catalog import rejected
from understudy.data.decisions.making import Making

DUPLICATE = "duplicate"

# The newest stays, whatever order they were read in; where no time tells, the first by name.
COPIES = """
SELECT place, kept FROM (
    SELECT
        place,
        row_number() OVER (PARTITION BY id ORDER BY commit_time DESC NULLS LAST, repo, path, place) AS copy,
        first_value(concat(repo, '/', path))
            OVER (PARTITION BY id ORDER BY commit_time DESC NULLS LAST, repo, path, place) AS kept
    FROM catalog
    WHERE drop_reason IS NULL
) AS numbered
WHERE copy > 1
ORDER BY place
"""


def decide(making: Making) -> pa.Table:
    """The catalog without second copies; their evidence names the document that has the content."""
    if DUPLICATE not in making.recipe.data.drop:
        return making.catalog
    names = ["place", "id", "commit_time", "repo", "path", "drop_reason"]
    copies = making.compute.sql(COPIES, catalog=making.catalog.select(names)).combine_chunks()
    evidence = pa.array([f"same content as {name}" for name in copies["kept"].to_pylist()], pa.string())
    return rejected(making.catalog, copies["place"].combine_chunks(), DUPLICATE, DUPLICATE, evidence)
