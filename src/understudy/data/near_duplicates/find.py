"""Finds the near-duplicates of a corpus and decides which copy of each stays.

rows ─▶ keep order ─▶ equal sets made one ─▶ pairs with an equal band ─▶ true similarity ─▶ clusters ─▶ what stays

Every answer is the same whatever the order of the rows and the number of workers. Nothing here is quadratic. Memory
holds the bands of every file (4 bytes each), up to 50 bytes for each pair, and the texts of one block: a million
near-copies, the worst case, took 1.1 GB and 33 CPU-seconds; 300,000 files of 15,000 families 0.3 GB and 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from understudy.data.near_duplicates.clusters import Edges, Neighbours, joined, neighbours, walk
from understudy.data.near_duplicates.pairs import Pairs, candidate_pairs, pairs_of_kept, unpack, without
from understudy.data.near_duplicates.settings import NearSettings, banding
from understudy.data.near_duplicates.verify import similarities

BAND_ROWS = 16_384  # files whose bands are read at once
LOOKS = 3  # how often the kept files of a cluster are compared again; the corpora we tried need one

Numbers = NDArray[np.int64]
Fetch = Callable[[Numbers], pa.Array]
"""What is asked for of some rows, given their numbers in the table: their texts, or their bands."""


class Found(NamedTuple):
    """Pairs that are similar, and how much."""

    pairs: Pairs
    similarity: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clusters:
    """Files in keep order, each with its group of equal sets, its cluster, and the groups that are similar to it.

    `order` holds the row number of each; groups and clusters are named by their first file's place in this order.
    Rows without any word take part in nothing and are not in it.
    """

    n_rows: int
    order: Numbers
    groups: Numbers
    clusters: Numbers
    similar: Neighbours


class Choice(NamedTuple):
    """What became of each row.

    `similar_to` is the kept row by which it is dropped, its own number where it stays, and -1 where it was rejected for
    another reason.
    """

    similar_to: Numbers
    similarity: NDArray[np.float64]

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which rows stay."""
        return np.asarray(self.similar_to == np.arange(len(self.similar_to)))

    @property
    def dropped(self) -> NDArray[np.bool_]:
        """Which rows are near-duplicates of one that stays."""
        return np.asarray((self.similar_to >= 0) & ~self.kept)


def find_clusters(rows: pa.Table, contents: Fetch, bands: Fetch, settings: NearSettings) -> Clusters:
    """The clusters of these rows (place, repo, path, commit_time, n_shingles, shingles_id)."""
    order = keep_order(rows)
    ids, sizes = _values(rows["shingles_id"])[order], _values(rows["n_shingles"])[order]
    _, first, numbers = np.unique(ids, return_index=True, return_inverse=True)
    groups = first[numbers].astype(np.int64)
    firsts = np.unique(groups)

    def texts(files: Numbers) -> pa.Array:
        return contents(order[firsts[files]])

    n_bands = banding(settings).n_bands
    pairs = candidate_pairs(_band_matrix(bands, order[firsts], n_bands), sizes[firsts], settings.threshold)
    edges = _verified(pairs, sizes[firsts], texts, settings)
    edges = Edges(firsts[edges.earlier], firsts[edges.later], edges.similarity)
    everyone = np.arange(len(order))
    clusters = joined(len(order), np.concatenate([groups, edges.earlier]), np.concatenate([everyone, edges.later]))
    return Clusters(len(rows), order, groups, clusters, neighbours(len(order), edges))


def keep_order(rows: pa.Table) -> Numbers:
    """Numbers of the rows that have words, the one that would stay first: newest, unknown age last, then by name."""
    numbered = rows.select(["place", "repo", "path"]).append_column("number", pa.array(np.arange(len(rows))))
    time = rows["commit_time"].cast(pa.int64())
    numbered = numbered.append_column("unknown", time.is_null()).append_column("time", time.fill_null(0))
    with_words = numbered.filter(pc.greater(rows["n_shingles"], 0))
    names = [(name, "ascending") for name in ("repo", "path", "place")]
    return _values(with_words.sort_by([("unknown", "ascending"), ("time", "descending"), *names])["number"])


def choose(clusters: Clusters, rejected: NDArray[np.bool_] | None = None) -> Choice:
    """What stays where these rows cannot: a pure function, so that it can be asked again with more of them.

    Parse what it keeps, reject what does not parse, ask again, until nothing new is kept: that ends with the same files
    as parsing everything first would, for a file's fate depends on kept files before it and on nothing else.
    """
    n = len(clusters.order)
    gone = np.zeros(clusters.n_rows, np.bool_) if rejected is None else rejected
    similar_to, similarity = np.full(n, -1, np.int64), np.zeros(n, np.float64)
    walk(clusters.groups, *clusters.similar, gone[clusters.order], similar_to, similarity)
    choice = Choice(np.where(gone, -1, np.arange(clusters.n_rows)), np.zeros(clusters.n_rows))
    choice.similar_to[clusters.order] = np.where(similar_to >= 0, clusters.order[similar_to], -1)
    choice.similarity[clusters.order] = similarity
    return choice


def cluster_ids(clusters: Clusters, rows: pa.Table) -> pa.Array:
    """The cluster of each row: the place of its first file; null where a file is alone."""
    places = _values(rows["place"])[clusters.order]
    n_files = np.bincount(clusters.clusters, minlength=len(clusters.order))[clusters.clusters]
    ids, alone = np.zeros(clusters.n_rows, np.int64), np.ones(clusters.n_rows, np.bool_)
    ids[clusters.order] = places[clusters.clusters]
    alone[clusters.order] = n_files == 1
    return pa.array(ids, mask=alone)


def cluster_table(rows: pa.Table, clusters: Clusters, choice: Choice) -> pa.Table:
    """Every file of every cluster: what a person looks into. Sorted by cluster and keep order; also needs `id`.

    `similar_to` and `similarity` are of the kept file by which it was dropped, null where it stays or was rejected.
    """
    names = pc.binary_join_element_wise(rows["repo"], rows["path"], "/")
    other = pa.array(np.maximum(choice.similar_to, 0), mask=~choice.dropped)
    table = pa.table(
        {
            "cluster": cluster_ids(clusters, rows),
            "place": rows["place"],
            "id": rows["id"],
            "repo": rows["repo"],
            "path": rows["path"],
            "kept": choice.kept,
            "similar_to": names.take(other),
            "similarity": pa.array(choice.similarity, mask=~choice.dropped),
        }
    )
    inside = table.take(pa.array(clusters.order))
    inside = inside.filter(pc.is_valid(inside["cluster"]))
    return inside.take(pa.array(np.argsort(_values(inside["cluster"]), kind="stable")))


def _verified(candidates: Iterable[Pairs], sizes: Numbers, texts: Fetch, settings: NearSettings) -> Edges:
    """The pairs that truly are that similar.

    Kept files of one cluster are compared even if no band proposed it: no two near-duplicates stay side by side.
    """
    tested: list[Pairs] = []
    found: list[Found] = []

    def verify(pairs: Pairs) -> None:
        similarity = similarities(pairs, sizes, texts, settings.ngram, settings.threshold)
        tested.append(pairs)
        found.append(Found(pairs[similarity > 0], similarity[similarity > 0]))

    for pairs in candidates:
        verify(pairs)
    for _ in range(LOOKS):
        pairs = _pairs_that_stay(sizes, _edges(found), settings.threshold)
        for known in tested:
            pairs = without(pairs, known)
        if len(pairs) == 0:
            break
        verify(pairs)
    return _edges(found)


def _edges(found: list[Found]) -> Edges:
    earlier, later = unpack(np.concatenate([part.pairs for part in found]))
    return Edges(earlier, later, np.concatenate([part.similarity for part in found]))


def _pairs_that_stay(sizes: Numbers, edges: Edges, threshold: float) -> Pairs:
    n = len(sizes)
    clusters = joined(n, edges.earlier, edges.later)
    similar_to, similarity = np.full(n, -1, np.int64), np.zeros(n)
    walk(np.arange(n), *neighbours(n, edges), np.zeros(n, np.bool_), similar_to, similarity)
    return pairs_of_kept(np.where(similar_to == np.arange(n), clusters, -1), sizes, threshold)


def _band_matrix(bands: Fetch, numbers: Numbers, n_bands: int) -> NDArray[np.uint32]:
    """matrix[j, i] is half of the hash of band j of row numbers[i]: pairs are compared anyway, and it halves memory."""
    matrix = np.empty((n_bands, len(numbers)), np.uint32)
    reading = np.argsort(numbers)  # rows of one batch stand together in the table
    for start in range(0, len(numbers), BAND_ROWS):
        part = reading[start : start + BAND_ROWS]
        hashes = bands(numbers[part]).flatten().to_numpy(zero_copy_only=False).reshape(len(part), n_bands)
        matrix[:, part] = (hashes.T.view(np.uint64) >> np.uint64(32)).astype(np.uint32)
    return matrix


def _values(column: pa.ChunkedArray) -> Numbers:
    """A column of whole numbers; 0 where it is null."""
    return np.asarray(column.fill_null(0).cast(pa.int64()).to_numpy())
