"""An Arrow column of text as the buffers that the compiled loops read, without a copy of the text."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class TextColumn(NamedTuple):
    """UTF-8 bytes, and where each text starts; offsets has one item more than there are texts."""

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]


def text_column(texts: pa.Array) -> TextColumn:
    """The buffers of a column of strings. What a null row holds is not defined: leave those out."""
    if len(texts) == 0:
        return TextColumn(np.zeros(0, np.uint8), np.zeros(1, np.int64))
    is_large = pa.types.is_large_string(texts.type) or pa.types.is_large_binary(texts.type)
    _, offsets, data = texts.buffers()
    width = np.int64 if is_large else np.int32
    here = np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1]
    there = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    return TextColumn(there, here.astype(np.int64))
