"""Leaves out what its authors asked to be left out: names and hashes are kept, contents are not."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from understudy.core.tracking import Events
from understudy.data.catalog import with_column
from understudy.data.decisions.making import Making
from understudy.data.opt_out import OPTED_OUT, OptOuts, opt_outs_of


def decide(making: Making) -> pa.Table:
    """The catalog with what the recipe's list names rejected, also where another check had rejected it before.

    `raw_id`, 36 bytes a row, has had its use then.
    """
    opt_outs = opt_outs_of(making.recipe)
    catalog = without_opted_out(making.catalog, opt_outs)
    _tell_idle(opt_outs, catalog, making.events)
    return catalog.drop_columns(["raw_id"])


def _tell_idle(opt_outs: OptOuts, catalog: pa.Table, events: Events) -> None:
    """A misspelt entry leaves in what someone asked to be left out, and nothing else would say so."""
    reasons = pc.unique(catalog["evidence"].filter(pc.fill_null(pc.equal(catalog["dropped_by"], OPTED_OUT), False)))
    matched = set(reasons.to_pylist())
    idle = [str(entry) for entry in opt_outs.entries if str(entry) not in matched]
    if idle:
        events.note(f"{len(idle):,} of {len(opt_outs.entries):,} opt-outs left nothing out: {', '.join(idle[:5])}")


def without_opted_out(catalog: pa.Table, opt_outs: OptOuts) -> pa.Table:
    """The catalog in which every row on the list is dropped for this reason and no other.

    A file that was dropped before would keep its content for inspection; one that is opted out must not.
    """
    if not opt_outs.entries:
        return catalog
    columns = [catalog[name].to_pylist() for name in ("repo", "path", "id", "raw_id")]
    found = [opt_outs.match(repo, path, (id_, raw_id)) for repo, path, id_, raw_id in zip(*columns, strict=True)]
    hit = pa.array([entry is not None for entry in found], pa.bool_())
    told = pa.array([None if entry is None else str(entry) for entry in found], pa.string())
    for name, values in (("drop_reason", OPTED_OUT), ("dropped_by", OPTED_OUT), ("evidence", told)):
        catalog = with_column(catalog, name, pc.if_else(hit, values, catalog[name].combine_chunks()))
    return catalog
