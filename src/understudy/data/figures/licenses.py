"""What a corpus is under, for those who have to answer for it: bytes by licence, and whom to name."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from understudy.data.catalog import with_column
from understudy.data.compute import Compute
from understudy.data.decisions.license import JOIN, NO_LICENSE
from understudy.data.licenses.expressions import all_of, ids_in

UNKNOWN = "unknown"
PLACES = 20  # licence files that are named for one repository; a monorepo has thousands

GROUPS = """
SELECT repo, license, license_from, side, count(*) AS n_files, CAST(sum(size_bytes) AS BIGINT) AS size_bytes
FROM rows WHERE side <> 'rejected' GROUP BY repo, license, license_from, side
ORDER BY repo, size_bytes DESC, license NULLS LAST, license_from NULLS LAST, side
"""


def license_summary(compute: Compute, catalog: pa.Table) -> dict[str, Any]:
    """The whole of licenses.json, of the documents that are kept.

    `by_license` counts files by their expression, `by_id` by each licence named in it. `attribution` has every
    repository with its licences and where they were found.
    """
    groups = compute.sql(GROUPS, rows=_keyed(catalog)).to_pylist()
    by_license: dict[str, dict[str, int]] = defaultdict(lambda: {"n_files": 0, "size_bytes": 0, "size_bytes_train": 0})
    repositories: dict[str, dict[str, Any]] = {}
    for group in groups:
        name = expression_of(group["license"])
        _count(by_license[name], group)
        _attribute(repositories.setdefault(group["repo"], _nobody(group["repo"])), name, group)
    by_id: dict[str, int] = defaultdict(int)
    for name, counts in by_license.items():
        for one in ids_in(name):
            by_id[one] += counts["size_bytes"]
    largest = sorted(by_license.items(), key=lambda item: (-item[1]["size_bytes"], item[0]))
    return {
        "by_license": dict(largest),
        "by_id": dict(sorted(by_id.items(), key=lambda item: (-item[1], item[0]))),
        "attribution": list(repositories.values()),
    }


def _keyed(catalog: pa.Table) -> pa.Table:
    names = ["repo", "license_from", "side", "size_bytes"]
    key = pc.binary_join(catalog["licenses"].combine_chunks(), JOIN)
    return with_column(catalog.select(names), "license", key)


def expression_of(key: str | None) -> str:
    """What the licences of a row, joined by JOIN, are called in a summary; `unknown` where there are none."""
    return all_of(name for name in (key or "").split(JOIN) if name not in NO_LICENSE) or UNKNOWN


def _nobody(repo: str) -> dict[str, Any]:
    return {"repository": repo, "licenses": {}, "found_in": [], "n_files": 0, "size_bytes": 0}


def _count(counts: dict[str, int], group: dict[str, Any]) -> None:
    counts["n_files"] += group["n_files"]
    counts["size_bytes"] += group["size_bytes"]
    if group["side"] == "train":
        counts["size_bytes_train"] += group["size_bytes"]


def _attribute(repository: dict[str, Any], name: str, group: dict[str, Any]) -> None:
    repository["n_files"] += group["n_files"]
    repository["size_bytes"] += group["size_bytes"]
    repository["licenses"][name] = repository["licenses"].get(name, 0) + group["n_files"]
    place = group["license_from"]
    if place and place not in repository["found_in"] and len(repository["found_in"]) < PLACES:
        repository["found_in"].append(place)
