"""What one can ask of a corpus besides single files: rules, clusters, redactions, licences, held-out functions."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import Any

from understudy.core.errors import UsageError
from understudy.data.inspection.files import FACTS, NEAREST, did_you_mean, known, told
from understudy.data.inspection.opened import Corpus, Row
from understudy.formats.corpus import held_out_functions

# Chosen by a hash of the name: a sample that is the same each time, and not all from the first repository.
BY_CHANCE = "md5(repo || '/' || path), repo, path, part, number"
REJECTED = "drop_reason IS NOT NULL"


def rule(corpus: Corpus, name: str, limit: int) -> dict[str, Any]:
    """Files that a step removed, or that were removed for a reason of this name: a sample, with what shows it."""
    rules = corpus.rows(
        "SELECT dropped_by AS step, drop_reason AS reason, count(*) AS n_files, sum(size_bytes)::BIGINT AS size_bytes "
        "FROM rejected GROUP BY ALL ORDER BY n_files DESC, step, reason"
    )
    name = known(name.replace("_", "-"), sorted({row[key] for row in rules for key in ("step", "reason")}), "rule")
    mine = [row for row in rules if name in (row["step"], row["reason"])]
    query = (
        f"SELECT {FACTS} FROM located WHERE {REJECTED} AND (dropped_by = $name OR drop_reason = $name) "
        f"ORDER BY {BY_CHANCE} LIMIT {limit}"
    )
    return {
        "rule": name,
        "n_files": sum(row["n_files"] for row in mine),
        "size_bytes": sum(row["size_bytes"] or 0 for row in mine),
        "reasons": mine,
        "files": told(corpus, corpus.rows(query, {"name": name})),
    }


def cluster(corpus: Corpus, number: int, limit: int) -> dict[str, Any]:
    """The files of a cluster of near-duplicates: which stay, and how similar the others are to one that stays."""
    values = {"cluster": number}
    [whole] = corpus.rows(
        "SELECT count(*) AS n_files, count(*) FILTER (kept) AS n_kept FROM near_duplicates WHERE cluster = $cluster",
        values,
    )
    if not whole["n_files"]:
        raise UsageError(f"there is no cluster {number}", _near_clusters(corpus, number))
    files = corpus.rows(
        f"""
        SELECT n.repo, n.path, n.id, n.kept, n.similar_to, n.similarity, f.side, f.drop_reason, f.evidence,
            f.size_bytes, f.lang
        FROM (SELECT *, row_number() OVER (ORDER BY kept DESC, similarity DESC, place) AS rank
            FROM near_duplicates WHERE cluster = $cluster) AS n
        LEFT JOIN (SELECT DISTINCT ON (repo, path, id) * FROM files WHERE cluster = $cluster) AS f
            ON f.repo = n.repo AND f.path = n.path AND f.id = n.id
        ORDER BY n.rank LIMIT {limit}
        """,
        values,
    )
    return {"cluster": number, **whole, "files": files}


def _near_clusters(corpus: Corpus, number: int) -> str:
    found = corpus.rows(
        f"SELECT cluster FROM near_duplicates GROUP BY cluster ORDER BY abs(cluster - $n), cluster LIMIT {NEAREST}",
        {"n": number},
    )
    return did_you_mean([f"--cluster {row['cluster']}" for row in found])


def clusters(corpus: Corpus, limit: int) -> list[Row]:
    """The largest clusters, each with a file that stays."""
    return corpus.rows(
        "SELECT cluster, count(*) AS n_files, count(*) FILTER (kept) AS n_kept, "
        "arg_min(repo || '/' || path, place) FILTER (kept) AS kept_file, min(similarity) AS least_similarity "
        f"FROM near_duplicates GROUP BY cluster ORDER BY n_files DESC, cluster LIMIT {limit}"
    )


def redactions(corpus: Corpus, kind: str | None, limit: int) -> dict[str, Any]:
    """How many redactions of each kind there are and where; never what stood there."""
    by_kind = {
        row["kind"]: row["n"]
        for row in corpus.rows("SELECT kind, count(*) AS n FROM redactions GROUP BY kind ORDER BY n DESC, kind")
    }
    if kind:
        kind = known(kind, list(by_kind), "kind of redaction")
    places = corpus.rows(
        "SELECT kind, repo, path, line, side FROM redactions WHERE $kind IS NULL OR kind = $kind "
        f"ORDER BY kind, repo, path, line LIMIT {limit}",
        {"kind": kind},
    )
    shown = {name: n for name, n in by_kind.items() if kind in (None, name)}
    return {"n_redactions": sum(shown.values()), "by_kind": shown, "places": places}


def license_(corpus: Corpus, name: str, limit: int) -> dict[str, Any]:
    """The repositories with files under a licence, and how many of them stay. The name is an SPDX id."""
    names = corpus.rows(
        "SELECT DISTINCT name FROM (SELECT unnest(licenses) AS name FROM files) ORDER BY name",
    )
    spellings = {row["name"].lower(): row["name"] for row in names if row["name"]}
    name = known(spellings.get(name.lower(), name), list(spellings.values()), "licence")
    groups = corpus.rows(
        "SELECT repo, count(*) AS n_files, count(*) FILTER (side <> 'rejected') AS n_kept, "
        "sum(size_bytes)::BIGINT AS size_bytes, "
        "array_to_string(list_sort(list_distinct(flatten(list(licenses)))), ', ')"
        " AS licenses FROM files WHERE list_contains(licenses, $name) GROUP BY repo "
        "ORDER BY n_files DESC, repo",
        {"name": name},
    )
    found_in = {
        item["repository"]: item["found_in"] for item in (corpus.json("licenses.json") or {}).get("attribution", ())
    }
    for group in groups:
        group["found_in"] = found_in.get(group["repo"], [])
    return {
        "license": name,
        "n_files": sum(group["n_files"] for group in groups),
        "n_kept": sum(group["n_kept"] for group in groups),
        "n_repositories": len(groups),
        "repositories": groups[:limit],
    }


def held_out(corpus: Corpus, limit: int) -> dict[str, Any]:
    """Functions of held-out files that tests call, with those tests."""
    n = sum(1 for _ in held_out_functions(corpus.folder))
    return {"n_functions": n, "functions": [asdict(item) for item in islice(held_out_functions(corpus.folder), limit)]}


def funnel(corpus: Corpus) -> dict[str, Any]:
    """The funnel, and the same by language, licence and repository."""
    statistics = corpus.json("statistics.json") or {}
    return {"funnel": corpus.json("funnel.json") or [], "by": ranked(statistics.get("funnel_by") or {})}


def ranked(by: dict[str, Any]) -> dict[str, Any]:
    """The groups of each kind, those of which most stays first, then those with most files; JSON keeps no order."""
    told = {}
    for kind, entry in by.items():
        groups = sorted(entry["groups"].items(), key=_most_kept)
        told[kind] = {**entry, "groups": [{"name": name, **counts} for name, counts in groups]}
    return told


def _most_kept(group: tuple[str, dict[str, Any]]) -> tuple[int, int, str]:
    name, counts = group
    return -counts["size_bytes_kept"], -counts["n_in"], name
