"""From texts to the three columns by which near-duplicates are found."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from understudy.data.near_duplicates.columns import text_column
from understudy.data.near_duplicates.kernels import sketch_column
from understudy.data.near_duplicates.settings import NearSettings, banding


class Sketcher:
    """Signatures of texts, all of the same shape."""

    def __init__(self, settings: NearSettings) -> None:
        self._settings, self._banding = settings, banding(settings)

    def columns(self, texts: pa.Array, wanted: NDArray[np.int64]) -> dict[str, pa.Array]:
        """`n_shingles`, `shingles_id` and `bands` of these texts, null for all others.

        A text without any word has no shingle, no id and no band: it is like no other text.
        """
        rows, n_bands = self._banding
        counts, ids = np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
        bands = np.zeros((len(wanted), n_bands), np.int64)
        data, offsets = text_column(texts)
        _, permutations, ngram = self._settings
        sketch_column(data, offsets, wanted, ngram, permutations, rows, counts, ids, bands)
        where = np.full(len(texts), len(wanted), np.int64)
        where[wanted] = np.arange(len(wanted))
        back = pa.array(where, mask=where == len(wanted))
        has_words = pa.array(counts > 0)
        borders = np.concatenate([[0], np.cumsum(np.where(counts > 0, n_bands, 0))]).astype(np.int32)
        lists = pa.ListArray.from_arrays(borders, bands[counts > 0].ravel())
        return {
            "n_shingles": pa.array(counts.astype(np.int32)).take(back),
            "shingles_id": pa.array(ids, mask=~has_words.to_numpy(zero_copy_only=False)).take(back),
            "bands": lists.take(back),
        }
