"""What a decision may look at: the rows so far, and the means to look further."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.tracking import Events
from understudy.data.catalog import Heavy
from understudy.data.compute import Compute


@dataclass(frozen=True, slots=True)
class Making:
    """A corpus in the making. `catalog` is sorted by (repo, path, place); `keys` names its batches by number.

    Decisions that have more to tell than the catalog holds write side files into `folder`.
    """

    recipe: Recipe
    project: Project
    compute: Compute
    events: Events
    folder: Path
    keys: tuple[str, ...]
    contents: Heavy
    catalog: pa.Table

    def with_catalog(self, catalog: pa.Table) -> Making:
        """The same with this catalog."""
        return replace(self, catalog=catalog)

    def heavy(self, column: str) -> Heavy:
        """A column of the steps that the catalog does not hold."""
        return Heavy(self.compute.checkpoints, self.keys, column)
