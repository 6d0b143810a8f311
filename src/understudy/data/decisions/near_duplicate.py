"""Near-duplicates, and the parse check: of files that are nearly the same, the first that can be parsed stays."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from understudy.data.catalog import kept
from understudy.data.decisions.making import Making
from understudy.data.decisions.parsing import parsed
from understudy.data.steps import late_steps_of


def decide(making: Making) -> pa.Table:
    """The catalog without near-duplicates of what stays, and without what cannot be parsed."""
    if not late_steps_of(making.recipe):
        return making.catalog
    rows = kept(making.catalog)
    return parsed(making, rows.filter(pc.equal(rows["lang"], "python")))
