"""All that the data report shows, as JSON values: the HTML page draws this and nothing else.

Bounded whatever the corpus: so many samples, places, clusters and groups, each of so many characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understudy.data.inspection.excerpt import excerpt
from understudy.data.inspection.files import FACTS
from understudy.data.inspection.opened import Corpus, Row
from understudy.data.inspection.questions import BY_CHANCE, clusters, funnel, held_out
from understudy.data.inspection.side_by_side import side_by_side

SAMPLES = 4  # of each reason, and of what is kept in each language
MAX_RULES = 40
KEPT_LANGUAGES = 4
CLUSTERS = 10
PLACES = 8  # of each kind of redaction
KINDS = 40
GROUPS = 60  # languages, licences, repositories
HELD_OUT = 20
MAX_NAME = 160  # characters of a path, a reason, a piece of evidence
MAX_ODD_NAME = 50  # of one with characters that do not print
KEPT_LINES = 12
SAMPLED = ("repo", "path", "lang", "size_bytes", "licenses", "drop_reason", "evidence", "redactions")


def summary(corpus: Corpus) -> dict[str, Any]:
    """The whole report. Time: one pass over the names of all files, and reading some hundred contents."""
    statistics = corpus.json("statistics.json") or {}
    told = funnel(corpus)
    return {
        "totals": statistics.get("totals", {}),
        "funnel": told["funnel"],
        "funnel_by": {kind: _shortened(entry) for kind, entry in told["by"].items()},
        "histograms": statistics.get("histograms", {}),
        "passed_over": statistics.get("passed_over", {}),
        "parse_checked": statistics.get("parse_checked"),
        "rules": _rules(corpus),
        "kept": _kept(corpus),
        "near_duplicates": _near_duplicates(corpus),
        "redactions": _redactions(corpus),
        "licenses": _licenses(corpus),
        "contamination": _contamination(corpus),
        "held_out": short_names(held_out(corpus, HELD_OUT)),
    }


def _rules(corpus: Corpus) -> list[dict[str, Any]]:
    """Every reason for which files were dropped, in the order of the steps, with a few of them."""
    order = {entry["step"]: at for at, entry in enumerate(corpus.json("funnel.json") or [])}
    found = corpus.rows(
        "SELECT dropped_by AS step, drop_reason AS reason, count(*) AS n_files, sum(size_bytes)::BIGINT AS size_bytes "
        "FROM rejected GROUP BY ALL ORDER BY n_files DESC, step, reason"
    )[:MAX_RULES]
    samples = _sampled(corpus, "rejected", "dropped_by, drop_reason")
    for rule in found:
        rule["samples"] = samples.get((rule["step"], rule["reason"]), [])
    return sorted(found, key=lambda rule: (order.get(rule["step"], len(order)), -rule["n_files"], rule["reason"]))


def _kept(corpus: Corpus) -> list[dict[str, Any]]:
    """A few files that stay, of the languages with most of them."""
    largest = corpus.rows(
        "SELECT lang, count(*) AS n_files FROM files WHERE side <> 'rejected' GROUP BY lang "
        f"ORDER BY n_files DESC, lang LIMIT {KEPT_LANGUAGES}"
    )
    samples = _sampled(corpus, "kept", "lang")
    return [{**row, "samples": samples.get((row["lang"],), [])} for row in largest]


def _sampled(corpus: Corpus, which: str, groups: str) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """SAMPLES files of each group, chosen by hash, with an excerpt of each."""
    sides = "side = 'rejected'" if which == "rejected" else "side <> 'rejected'"
    rows = corpus.rows(
        f"SELECT {FACTS} FROM (SELECT *, row_number() OVER (PARTITION BY {groups} ORDER BY {BY_CHANCE}) AS rank "
        f"FROM (SELECT {FACTS} FROM located WHERE {sides})) WHERE rank <= {SAMPLES} ORDER BY {groups}, rank"
    )
    rows = _of_largest(rows, groups.split(", "))
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row, text in zip(rows, corpus.contents(rows), strict=True):
        key = tuple(row[name] for name in groups.split(", "))
        found.setdefault(key, []).append(_sample(row, text))
    return found


def _of_largest(rows: list[Row], groups: Sequence[str]) -> list[Row]:
    """The rows of as many groups as can be shown at most: reading their contents is what costs."""
    keys = list(dict.fromkeys(tuple(row[name] for name in groups) for row in rows))
    shown = set(keys[: 4 * MAX_RULES])
    return [row for row in rows if tuple(row[name] for name in groups) in shown]


def _sample(row: Row, text: str | None) -> dict[str, Any]:
    facts: dict[str, Any] = short_names({name: row[name] for name in SAMPLED})
    facts["excerpt"] = None
    if text is not None:
        is_kept = row["drop_reason"] is None
        found = excerpt(text, row["drop_reason"] or "", row["evidence"] or "", **_lines(is_kept))
        facts["excerpt"] = found.as_json()
    return facts


def _lines(is_kept: bool) -> dict[str, int]:
    return {"max_lines": KEPT_LINES} if is_kept else {}


def _near_duplicates(corpus: Corpus) -> dict[str, Any]:
    [counts] = corpus.rows(
        "SELECT count(DISTINCT cluster) AS n_clusters, count(*) AS n_files, count(*) FILTER (kept) AS n_kept "
        "FROM near_duplicates"
    )
    largest = clusters(corpus, CLUSTERS)
    for entry in largest:
        entry |= _beside(corpus, entry["cluster"])
    return {**counts, "largest": short_names(largest)}


def _beside(corpus: Corpus, number: int) -> dict[str, Any]:
    """The copy that is least like the file that stays, beside it."""
    copies = corpus.rows(
        "SELECT repo || '/' || path AS copy, id, similar_to, similarity FROM near_duplicates "
        "WHERE cluster = $cluster AND similar_to IS NOT NULL ORDER BY similarity, place LIMIT 1",
        {"cluster": number},
    )
    if not copies:
        return {"copy": None, "comparison": None}
    copy = copies[0]
    found = corpus.rows(
        "SELECT repo || '/' || path AS name, id, side, part, number FROM located WHERE cluster = $cluster "
        "AND ((id = $id AND name = $copy) OR (side <> 'rejected' AND name = $similar_to)) ORDER BY side, number",
        {"cluster": number, "id": copy["id"], "copy": copy["copy"], "similar_to": copy["similar_to"]},
    )
    texts = dict(zip((row["name"] for row in found), corpus.contents(found), strict=True))
    kept, other = texts.get(copy["similar_to"]), texts.get(copy["copy"])
    comparison = None if kept is None or other is None else side_by_side(kept, other).as_json()
    told = {"copy": copy["copy"], "kept_file": copy["similar_to"], "similarity": copy["similarity"]}
    return {**told, "comparison": comparison}


def _redactions(corpus: Corpus) -> dict[str, Any]:
    kinds = corpus.rows(
        "SELECT kind, count(*) AS n, count(DISTINCT repo || '/' || path) AS n_files FROM redactions "
        f"GROUP BY kind ORDER BY n DESC, kind LIMIT {KINDS}"
    )
    places = corpus.rows(
        "SELECT kind, repo, path, line, side FROM (SELECT *, row_number() OVER (PARTITION BY kind "
        "ORDER BY md5(repo || '/' || path || '/' || line), repo, path, line) AS rank FROM redactions) "
        f"WHERE rank <= {PLACES} ORDER BY kind, repo, path, line"
    )
    for entry in kinds:
        mine = [place for place in places if place["kind"] == entry["kind"]]
        entry["places"] = short_names(
            [{name: place[name] for name in ("repo", "path", "line", "side")} for place in mine]
        )
    [total] = corpus.rows("SELECT count(*) AS n_redactions FROM redactions")
    return {**total, "kinds": kinds}


def _licenses(corpus: Corpus) -> dict[str, Any] | None:
    """The licences with most bytes, and how many repositories are to be named."""
    told = corpus.json("licenses.json")
    if not told:
        return None
    largest = sorted(told["by_license"].items(), key=lambda item: (-item[1]["size_bytes"], item[0]))
    groups = [{"license": name, **counts} for name, counts in largest[:GROUPS]]
    return {"by_license": short_names(groups), "n_licenses": len(largest), "n_repositories": len(told["attribution"])}


def _contamination(corpus: Corpus) -> dict[str, Any] | None:
    """What was found of each exam, a few examples of each."""
    told = corpus.json("contamination.json")
    if not told:
        return None
    exams = {name: {**exam, "examples": exam["examples"][:PLACES]} for name, exam in told["exams"].items()}
    return {"rule": told.get("rule"), "exams": short_names(exams)}


def _shortened(entry: dict[str, Any]) -> dict[str, Any]:
    """The largest groups; what they leave out is counted with the others."""
    rest = {**entry["others"], "dropped": dict(entry["others"]["dropped"])}
    for group in entry["groups"][GROUPS:]:
        for name in ("n_in", "n_kept", "size_bytes_in", "size_bytes_kept"):
            rest[name] += group[name]
        for step, n in group["dropped"].items():
            rest["dropped"][step] = rest["dropped"].get(step, 0) + n
    return {**entry, "groups": short_names(entry["groups"][:GROUPS]), "others": rest}


def short_names(value: Any) -> Any:
    """The same with every text short enough to show: the middle of a long one is left out.

    What does not print is shown by its number, a dozen times its size, so of such names less is left.
    """
    if isinstance(value, dict):
        return {key: short_names(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [short_names(item) for item in value]
    if isinstance(value, str):
        limit = MAX_NAME if value.isprintable() else MAX_ODD_NAME
        return value if len(value) <= limit else f"{value[: limit // 2]} … {value[-limit // 2 :]}"
    return value
