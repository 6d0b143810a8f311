"""Where IP addresses may stand: a compiled pass that stops at dots and colons only."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from understudy.data.compiling import compiled

MOST_BETWEEN = 8  # bytes from the first dot of four numbers to the third
DOT, COLON, TWO = 46, 58, 50


@compiled(types.int64(types.Array(types.uint8, 1, "C", readonly=True), types.Array(types.int64, 1, "C")))
def telling_signs(data: NDArray[np.uint8], out: NDArray[np.int64]) -> int:
    """Fills in where every address shows itself: the third dot of four numbers, or the first colon after `2xxx`.

    One may stand elsewhere too. Returns how many there are, whether or not `out` has room for them. A dot counts
    between two digits only, so that the three of an address are neighbours here.
    """
    n, first, second = 0, -100, -100
    for at in range(1, len(data) - 1):
        byte = data[at]
        if byte != DOT and byte != COLON:
            continue
        if byte == DOT:
            if not (48 <= data[at - 1] <= 57 and 48 <= data[at + 1] <= 57):
                continue
            is_sign = at - first <= MOST_BETWEEN
            first, second = second, at
        else:
            is_sign = at > 3 and data[at - 4] == TWO
        if is_sign:
            if n < len(out):
                out[n] = at
            n += 1
    return n
