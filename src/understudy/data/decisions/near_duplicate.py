"""Near-duplicates, and the parse check: of files that are nearly the same, the first that can be parsed stays.

Parsing is the slowest of all checks, so only what is about to be kept is parsed: choose, parse the chosen, and choose
again without those that failed, until nothing new is chosen. The same files stay as if all had been parsed first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from understudy.data.catalog import kept, rejected, with_column
from understudy.data.decisions.making import Making
from understudy.data.decisions.parsing import PARSED, parsed
from understudy.data.memory import give_back
from understudy.data.near_duplicates import NearSettings
from understudy.data.steps import late_steps_of

if TYPE_CHECKING:
    from understudy.data.near_duplicates.find import Choice, Clusters, Numbers

NAME = "near-duplicate"
SIDE_FILE = "near_duplicates.parquet"
ROWS = ["place", "repo", "path", "commit_time", "n_shingles", "shingles_id", "id", "batch", "row"]


def decide(making: Making) -> pa.Table:
    """The catalog without near-duplicates of what stays, and without what cannot be parsed; sets `cluster`."""
    if making.recipe.data.near_duplicates is None:
        catalog = parsed(making, kept(making.catalog, PARSED)) if late_steps_of(making.recipe) else making.catalog
        return with_column(catalog, "cluster", pa.nulls(len(catalog), pa.int64()))
    return _without_near_duplicates(making)


def _without_near_duplicates(making: Making) -> pa.Table:
    from understudy.data.near_duplicates import find
    from understudy.data.near_duplicates.headers import without_headers

    near = making.recipe.data.near_duplicates
    assert near is not None
    rows = kept(making.catalog, ROWS)
    bands, contents = making.heavy("bands"), making.contents
    making.events.progress("comparing", 0, len(rows), "files")

    def texts(numbers: Numbers) -> pa.Array:
        return without_headers(contents.of(rows.take(pa.array(numbers))))

    def signatures(numbers: Numbers) -> pa.Array:
        return bands.of(rows.take(pa.array(numbers)))

    settings = NearSettings(near.threshold, near.permutations, near.ngram)
    clusters = find.find_clusters(rows, texts, signatures, settings)
    give_back()
    making.events.progress("comparing", len(rows), len(rows), "files")
    making, choice = _chosen(making, rows, clusters)
    pq.write_table(find.cluster_table(rows, clusters, choice), making.folder / SIDE_FILE, compression="zstd")
    catalog = _with_clusters(making.catalog, rows, find.cluster_ids(clusters, rows))
    return _without_copies(catalog, rows, choice)


def _chosen(making: Making, rows: pa.Table, clusters: Clusters) -> tuple[Making, Choice]:
    """What stays, after everything that stays was parsed."""
    from understudy.data.near_duplicates import find

    parses = bool(late_steps_of(making.recipe))
    is_rejected, is_parsed = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    while True:
        choice = find.choose(clusters, is_rejected)
        waiting = np.flatnonzero(choice.kept & ~is_parsed)
        if not parses or len(waiting) == 0:
            return making, choice
        places = rows["place"].take(pa.array(waiting))
        catalog = making.catalog.select(PARSED)
        chosen = catalog.filter(pc.is_in(catalog["place"], value_set=places.combine_chunks()))
        making = making.with_catalog(parsed(making, chosen))
        is_parsed[waiting] = True
        gone = making.catalog.filter(pc.is_valid(making.catalog["drop_reason"]))["place"].combine_chunks()
        is_rejected = pc.is_in(rows["place"], value_set=gone).to_numpy()


def _with_clusters(catalog: pa.Table, rows: pa.Table, ids: pa.Array) -> pa.Table:
    at = pc.index_in(catalog["place"].combine_chunks(), value_set=rows["place"].combine_chunks())
    return with_column(catalog, "cluster", ids.take(at))


def _without_copies(catalog: pa.Table, rows: pa.Table, choice: Choice) -> pa.Table:
    copies = np.flatnonzero(choice.dropped)
    others = rows.take(pa.array(choice.similar_to[copies]))
    names = zip(others["repo"].to_pylist(), others["path"].to_pylist(), strict=True)
    shares = choice.similarity[copies].tolist()
    told = [f"{share:.2f} similar to {repo}/{path}" for share, (repo, path) in zip(shares, names, strict=True)]
    places = rows["place"].take(pa.array(copies)).combine_chunks()
    return rejected(catalog, places, NAME, NAME, pa.array(told, pa.string()))
