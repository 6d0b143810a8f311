"""Draws every file's signature, by which near-duplicates are found among all files later: of all but its licence."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from understudy.data.documents import with_columns
from understudy.data.near_duplicates import NearSettings

if TYPE_CHECKING:
    from understudy.data.near_duplicates.sketching import Sketcher


class Sketch:
    """Sets `n_shingles`, `shingles_id` and `bands` of every document that is still in; they stay null for others."""

    name: ClassVar[str] = "sketch"
    version: ClassVar[str] = "2"

    def __init__(self, threshold: float, permutations: int, ngram: int) -> None:
        self._settings = NearSettings(threshold, permutations, ngram)
        self._sketcher: Sketcher | None = None

    def setup(self) -> None:
        """Load the compiled loops: a third of a second, two more the first time ever."""
        from understudy.data.near_duplicates.sketching import Sketcher

        self._sketcher = Sketcher(self._settings)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        from understudy.data.near_duplicates.headers import without_headers

        assert self._sketcher is not None, "setup comes first"
        content = batch.column("content")
        texts = without_headers(content)
        is_open = pc.and_(content.is_valid(), batch.column("drop_reason").is_null())
        return with_columns(batch, self._sketcher.columns(texts, np.flatnonzero(is_open.to_numpy(False))))
