"""Why is this file not in the corpus, or what happened to it on its way there?"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from understudy.core.errors import UsageError
from understudy.data.inspection.excerpt import excerpt
from understudy.data.inspection.opened import Corpus, Row

NEAREST = 3
PLACES = 200  # redactions listed of one file
NAME = "repo || '/' || path"
FACTS = (
    "side, repo, path, revision, lang, licenses, size_bytes, id, redactions, source, commit_time, weight, cluster, "
    "drop_reason, dropped_by, evidence, part, number"
)
# A suffix begins at a folder's border: `b.py` is `a/b.py`, and not `a/rb.py`.
EXACT = f"{NAME} = $name OR path = $name"
ENDS = f"{EXACT} OR suffix({NAME}, '/' || $name)"
MATCHES = f"{NAME} GLOB $name OR path GLOB $name"


def files_named(corpus: Corpus, name: str, limit: int) -> dict[str, Any]:
    """The files meant by a path, the end of one, or a pattern: what became of each, and why.

    Raises UsageError with the nearest names when there is none.
    """
    for condition in (EXACT, ENDS, MATCHES):
        [[n]] = [
            list(row.values()) for row in corpus.rows(f"SELECT count(*) FROM located WHERE {condition}", _of(name))
        ]
        if n:
            query = (
                f"SELECT {FACTS} FROM located WHERE {condition} ORDER BY repo, path, side, part, number LIMIT {limit}"
            )
            return {"n_files": n, "files": told(corpus, corpus.rows(query, _of(name)))}
    raise UsageError(f"no file of the corpus is called {name!r}", did_you_mean(_nearest(corpus, name)))


def told(corpus: Corpus, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What became of each of these rows: the reason and an excerpt that shows it, its cluster, what was redacted."""
    return [_told(corpus, row, text) for row, text in zip(rows, corpus.contents(rows), strict=True)]


def _told(corpus: Corpus, row: Row, content: str | None) -> dict[str, Any]:
    facts = {name: value for name, value in row.items() if name not in ("part", "number")}
    facts["committed"] = _time(row["commit_time"])
    facts["excerpt"] = None
    if content is not None and row["drop_reason"]:
        facts["excerpt"] = excerpt(content, row["drop_reason"], row["evidence"] or "").as_json()
    facts["redacted"] = _redactions(corpus, row)
    facts["near_duplicates"] = None if row["cluster"] is None else _place_in_cluster(corpus, row)
    return facts


def _redactions(corpus: Corpus, row: Row) -> list[Row]:
    query = f"SELECT line, kind FROM redactions WHERE repo = $repo AND path = $path AND id = $id ORDER BY line, kind LIMIT {PLACES}"  # noqa: E501
    return corpus.rows(query, {name: row[name] for name in ("repo", "path", "id")}) if row["redactions"] else []


def _place_in_cluster(corpus: Corpus, row: Row) -> dict[str, Any]:
    """How many the cluster has, how many stay, and how this file stands to the one that stayed."""
    values = {name: row[name] for name in ("cluster", "repo", "path", "id")}
    [whole] = corpus.rows(
        "SELECT count(*) AS n_files, count(*) FILTER (kept) AS n_kept FROM near_duplicates WHERE cluster = $cluster",
        {"cluster": row["cluster"]},
    )
    mine = corpus.rows(
        "SELECT kept, similar_to, similarity FROM near_duplicates "
        "WHERE cluster = $cluster AND repo = $repo AND path = $path AND id = $id LIMIT 1",
        values,
    )
    return {"cluster": row["cluster"], **whole, **(mine[0] if mine else {})}


def _of(name: str) -> dict[str, str]:
    return {"name": name}


def _nearest(corpus: Corpus, name: str) -> list[str]:
    last = name.rpartition("/")[2]
    query = f"""
        SELECT {NAME} AS name FROM files
        ORDER BY greatest(jaro_winkler_similarity(lower(path), lower($name)),
            jaro_winkler_similarity(lower(split_part(path, '/', -1)), lower($last))) DESC, name LIMIT {NEAREST}
    """
    return [row["name"] for row in corpus.rows(query, {"name": name, "last": last})]


def did_you_mean(names: Sequence[str]) -> str:
    """The hint that names what is nearest."""
    return f"did you mean {' or '.join(names)}?" if names else "the corpus has none at all"


def known(name: str, names: Sequence[str], what: str) -> str:
    """The name, if it is one of these. Raises UsageError naming the nearest ones, or all when none is near."""
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, NEAREST, 0.6)
    listed = f"this corpus has: {', '.join(names)}" if names else f"this corpus has no {what} at all"
    raise UsageError(f"no {what} is called {name!r}", did_you_mean(near) if near else listed)


def _time(seconds: int | None) -> str | None:
    try:
        return None if not seconds else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
    except (OverflowError, OSError, ValueError):
        return None
