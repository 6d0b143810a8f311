"""Which files belong together, and which of them stay.

A cluster is what hangs together by verified pairs. In keep order, a file is dropped only where one that stays is truly
similar to it; the rest of a chain stays too, with the cluster's number, so that a split keeps it on one side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from understudy.data.compiling import compiled

_I64, _F64, _B = types.int64[::1], types.float64[::1], types.boolean[::1]


class Edges(NamedTuple):
    """Verified pairs of groups. Groups are numbered by their first file in keep order, and earlier < later."""

    earlier: NDArray[np.int64]
    later: NDArray[np.int64]
    similarity: NDArray[np.float64]


class Neighbours(NamedTuple):
    """The same from both sides: those of node i lie at starts[i]:starts[i + 1]."""

    starts: NDArray[np.int64]
    node: NDArray[np.int32]
    similarity: NDArray[np.float64]


def neighbours(n: int, edges: Edges) -> Neighbours:
    """Every node's neighbours, in keep order."""
    both = np.concatenate([edges.earlier << 32 | edges.later, edges.later << 32 | edges.earlier])
    order = np.argsort(both)
    both = both[order]
    starts = np.searchsorted(both, np.arange(n + 1) << 32).astype(np.int64)
    order[order >= len(edges.earlier)] -= len(edges.earlier)
    return Neighbours(starts, (both & 0xFFFFFFFF).astype(np.int32), edges.similarity[order])


@compiled(_I64(types.int64, _I64, _I64))
def joined(n: int, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """The connected component of each of n nodes, named by its smallest node."""
    parent = np.arange(n)
    for i in range(len(one)):
        a, b = one[i], other[i]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a < b:
            parent[b] = a
        elif b < a:
            parent[a] = b
    for i in range(n):  # a parent is never larger than its child, so it is resolved before
        parent[i] = parent[parent[i]]
    return parent


@compiled(types.void(_I64, _I64, types.int32[::1], _F64, _B, _I64, _F64))
def walk(
    groups: NDArray[np.int64],
    starts: NDArray[np.int64],
    node: NDArray[np.int32],
    similarity: NDArray[np.float64],
    rejected: NDArray[np.bool_],
    similar_to: NDArray[np.int64],
    how_similar: NDArray[np.float64],
) -> None:
    """For each file in keep order: the kept file by which it is dropped, or itself where it stays; -1 where it was
    rejected for a reason of its own. Of several kept files it is the most similar one before the first of its group."""
    keeper = np.full(len(groups), -1, np.int64)  # of each group, the file of it that stays
    dropper = np.full(len(groups), -1, np.int64)  # of each group, the file by which its files are dropped
    share = np.ones(len(groups), np.float64)
    for file in range(len(groups)):
        group = groups[file]
        similar_to[file] = -1
        if rejected[file]:
            continue
        if dropper[group] < 0:  # once for each group: a group of a million files may have as many neighbours
            best = 0.0
            for i in range(starts[group], starts[group + 1]):
                if keeper[node[i]] >= 0 and similarity[i] > best:
                    dropper[group], best = keeper[node[i]], similarity[i]
            if dropper[group] < 0:
                keeper[group] = file
                dropper[group] = file
                similar_to[file] = file
                continue
            share[group] = best
        similar_to[file], how_similar[file] = dropper[group], share[group]
