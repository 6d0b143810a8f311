"""Licences: which one rules each file, and whether the recipe takes it.

A file's own header counts first, then what the listing found for it: the nearest licence file, else metadata, else what
the source says.
"""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from understudy.data.catalog import rejected, with_column
from understudy.data.decisions.making import Making
from understudy.data.licenses.expressions import all_of, is_allowed
from understudy.data.licenses.policy import Policy, policy_of

LICENSE, UNKNOWN = "license", "license-unknown"
HEADER = "its own header"
NO_LICENSE = frozenset(("", "NONE", "NOASSERTION", "unknown", "no-license"))  # how columns say that there is none
JOIN = "\n"


class Judged(NamedTuple):
    """The verdict on one list of licences: its expression, and the reason against it, empty where there is none."""

    expression: str
    reason: str


def decide(making: Making) -> pa.Table:
    """The catalog with `licenses` and `license_from` of every row final, less what the recipe does not take."""
    catalog = with_final_licenses(making.catalog)
    keys = pc.binary_join(catalog["licenses"].combine_chunks(), JOIN).dictionary_encode()
    policy = policy_of(making.recipe)
    judged = [judge(key, policy) for key in keys.dictionary.to_pylist()]
    for reason in (LICENSE, UNKNOWN):
        unwanted = pa.array([item.reason == reason for item in judged], pa.bool_()).take(keys.indices)
        rows = catalog.select(["place", "license_from"]).filter(unwanted)
        if len(rows):
            told = pa.array([item.expression for item in judged], pa.string()).take(keys.indices.filter(unwanted))
            catalog = rejected(catalog, rows["place"].combine_chunks(), reason, LICENSE, _evidence(reason, told, rows))
    return catalog


def with_final_licenses(catalog: pa.Table) -> pa.Table:
    """The catalog in which a licence that a file names itself stands before all others."""
    own = catalog["spdx"].combine_chunks()
    has_own = pc.fill_null(pc.greater(pc.list_value_length(own), 0), False)
    licenses = catalog["licenses"].combine_chunks()
    licenses = pc.if_else(has_own, own, licenses) if len(catalog) else licenses
    nobody = pa.array([[]], licenses.type)[0]
    catalog = with_column(catalog, "licenses", pc.if_else(licenses.is_null(), nobody, licenses))
    source = pc.if_else(has_own, HEADER, catalog["license_from"].combine_chunks())
    return with_column(catalog, "license_from", source)


def judge(key: str, policy: Policy) -> Judged:
    """The verdict on licences that are joined by newlines."""
    names = [name for name in key.split(JOIN) if name not in NO_LICENSE]
    if not names:
        return Judged("", UNKNOWN if policy.drops_unknown else "")
    taken = all(is_allowed(name, policy.allow, policy.deny) for name in names)
    return Judged(all_of(names), "" if taken else LICENSE)


def _evidence(reason: str, told: pa.Array, rows: pa.Table) -> pa.Array:
    if reason == UNKNOWN:
        text = "no licence file above it, no package metadata and no header names one"
        return pa.array([text] * len(rows), pa.string())
    return pc.binary_join_element_wise(
        told, pc.fill_null(rows["license_from"].combine_chunks(), "its source"), " from "
    )
