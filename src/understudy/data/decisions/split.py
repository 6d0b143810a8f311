"""Which documents are held out."""

from __future__ import annotations

import math

import pyarrow as pa
import pyarrow.compute as pc

from understudy.core.errors import InputDataError
from understudy.data.catalog import kept, with_column
from understudy.data.decisions.making import Making


def decide(making: Making) -> pa.Table:
    """The catalog with its column `side`: train, valid or rejected."""
    catalog = making.catalog
    cut = _cut(making, kept(catalog)["split_point"].combine_chunks())
    side = pc.if_else(pc.less(catalog["split_point"].combine_chunks(), cut), "valid", "train")
    return with_column(catalog, "side", pc.if_else(catalog["drop_reason"].combine_chunks().is_null(), side, "rejected"))


def _cut(making: Making, points: pa.Array) -> float:
    """Documents with a point below this are held out: the recipe's share, moved only so far that neither side is empty.

    Raises InputDataError where no document is left.
    """
    if len(points) == 0:
        raise InputDataError(
            "no document is left to train on: every file was dropped",
            "see why in the funnel with `understudy show`, or loosen data.filters and data.drop",
        )
    lowest, highest = pc.min_max(points).as_py().values()
    if lowest == highest:
        by = making.recipe.data.split.by
        what = "there is only one document" if len(points) == 1 else f"all documents belong to one {by}"
        hint = "data.split.by: file" if len(points) > 1 else "add more code"
        making.events.warning(f"nothing is held out: {what}", hint)
        return 0.0
    cut = making.recipe.data.split.valid
    return math.nextafter(lowest, 1.0) if lowest >= cut else float(min(cut, highest))
