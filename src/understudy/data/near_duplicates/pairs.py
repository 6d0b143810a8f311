"""Which files are worth comparing: those with an equal band. Compiled, and never quadratic.

Files are numbered in keep order, so that the first of a bucket is the one that would stay. In a bucket of up to
`SMALL` all are paired; in a larger one each file is paired with the first few, which would stay, and with the few just
before it, which hold the cluster together. A million near-copies make a few pairs each, not 10^12.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from understudy.data.compiling import compiled

SMALL = 32
FIRST = 2
BEFORE = 2
KEPT_BEFORE = 64  # kept files of one cluster that each kept one is compared with
ROUNDING = 1e-9  # a pair right at the threshold stays in
MERGE_AT = 4_000_000  # pairs; 32 MB
UPPER, LOWER = np.uint64(32), np.uint64(0xFFFFFFFF)

Pairs = NDArray[np.uint64]
"""Two files in one number: the earlier above, the later in the lower 32 bits. Sorted, each pair once."""

_U64, _I64 = types.uint64[::1], types.int64[::1]


def pack(earlier: NDArray[np.int64], later: NDArray[np.int64]) -> Pairs:
    """Pairs of files, where earlier < later at each position; sorted, and each pair once."""
    return sorted_once((earlier.astype(np.uint64) << UPPER) | later.astype(np.uint64))


def sorted_once(pairs: Pairs) -> Pairs:
    """These in order, each once. `pairs` is overwritten; ten times as fast as np.unique, which keeps a table."""
    pairs.sort()
    return pairs[np.concatenate([[True], pairs[1:] != pairs[:-1]])] if len(pairs) else pairs


def without(pairs: Pairs, known: Pairs) -> Pairs:
    """Those that are not known. Both are sorted."""
    at = np.searchsorted(known, pairs)
    return pairs[(at == len(known)) | (known[np.minimum(at, len(known) - 1)] != pairs)] if len(known) else pairs


def unpack(pairs: Pairs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The earlier files and the later ones."""
    return (pairs >> UPPER).astype(np.int64), (pairs & LOWER).astype(np.int64)


def candidate_pairs(bands: NDArray[np.uint32], sizes: NDArray[np.int64], threshold: float) -> Iterator[Pairs]:
    """Pairs that share a band and whose sizes allow the threshold, each once, in parts of bounded size.

    bands[j, i] is the hash of band j of file i. Memory holds all pairs of the parts before, at 8 bytes each.
    """
    known: Pairs = np.zeros(0, np.uint64)
    fresh: list[Pairs] = []
    for band, hashes in enumerate(bands):
        fresh.append(_pairs_of_band(hashes, sizes, threshold))
        if sum(map(len, fresh)) > MERGE_AT or band + 1 == len(bands):
            new = without(sorted_once(np.concatenate(fresh)), known)
            fresh.clear()
            yield new
            known = np.concatenate([known, new])
            known.sort()


def _pairs_of_band(hashes: NDArray[np.uint32], sizes: NDArray[np.int64], threshold: float) -> Pairs:
    keys = (hashes.astype(np.uint64) << UPPER) | np.arange(len(hashes), dtype=np.uint64)
    keys.sort()  # equal hashes side by side, in keep order
    out = np.zeros(pairs_in_band(keys, sizes, threshold, np.zeros(0, np.uint64)), np.uint64)
    pairs_in_band(keys, sizes, threshold, out)
    return out


@compiled(types.boolean(types.int64, types.int64, types.float64))
def can_reach(size: int, other: int, threshold: float) -> bool:
    """Whether two sets of these sizes can be that similar: |A∩B| / |A∪B| is at most the smaller by the larger."""
    return bool(min(size, other) >= threshold * max(size, other) - ROUNDING)


@compiled(types.int64(_U64, _I64, types.float64, _U64))
def pairs_in_band(keys: Pairs, sizes: NDArray[np.int64], threshold: float, out: Pairs) -> int:
    """How many pairs this band proposes; they are put into `out` where it has room for any."""
    n, start, n_out, write = len(keys), 0, 0, len(out) > 0
    while start < n:
        end = start + 1
        while end < n and keys[end] >> UPPER == keys[start] >> UPPER:
            end += 1
        is_large = end - start > SMALL
        for later in range(start + 1, end):
            near = max(start, later - BEFORE) if is_large else start
            n_first = min(FIRST, near - start)
            for i in range(n_first + later - near):
                earlier = start + i if i < n_first else near + i - n_first
                a, b = keys[earlier] & LOWER, keys[later] & LOWER
                if can_reach(sizes[a], sizes[b], threshold):
                    if write:
                        out[n_out] = (a << UPPER) | b
                    n_out += 1
        start = end
    return n_out


def pairs_of_kept(clusters: NDArray[np.int64], sizes: NDArray[np.int64], threshold: float) -> Pairs:
    """Pairs of the same cluster that no band proposed: all of them, or the nearest `KEPT_BEFORE` in a huge cluster.

    `clusters` holds the cluster of each file, in keep order; files with -1 are left out.
    """
    inside = np.flatnonzero(clusters >= 0)
    inside = inside[np.argsort(clusters[inside], kind="stable")]
    earlier, later = [], []
    for distance in range(1, KEPT_BEFORE + 1):
        a, b = inside[:-distance], inside[distance:]
        same = clusters[a] == clusters[b]
        if not same.any():
            break
        a, b = a[same], b[same]
        smaller, larger = np.minimum(sizes[a], sizes[b]), np.maximum(sizes[a], sizes[b])
        possible = smaller >= threshold * larger - ROUNDING
        earlier.append(a[possible])
        later.append(b[possible])
    return pack(np.concatenate(earlier), np.concatenate(later)) if earlier else np.zeros(0, np.uint64)
