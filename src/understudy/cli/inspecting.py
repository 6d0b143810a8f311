"""`understudy data inspect` and `understudy data sql`: questions to a corpus, answered in the terminal."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any

import typer

from understudy.cli.session import Session, verb
from understudy.core.errors import UsageError

Target = Annotated[
    str,
    typer.Argument(metavar="RECIPE|ID", help="A recipe, or a corpus: an id, a unique prefix, a path, latest."),
]
Limit = Annotated[int, typer.Option(min=1, help="At most this many files, places, rows.")]
ALL_KINDS = "all"
SHOWN_ROWS = 100  # of a query, as a table
SHOWN_CHARACTERS = 200  # of a cell
CAUSES = 3


@verb
def inspect_corpus(
    session: Session,
    target: Target,
    file: Annotated[
        str | None, typer.Option(metavar="PATH", help="What became of this file: a path, its end, or a pattern.")
    ] = None,
    rule: Annotated[str | None, typer.Option(metavar="NAME", help="Files that this check or reason removed.")] = None,
    cluster: Annotated[int | None, typer.Option(metavar="N", help="The files of a cluster of near-duplicates.")] = None,
    clusters: Annotated[bool, typer.Option("--clusters", help="The largest clusters of near-duplicates.")] = False,
    redactions: Annotated[bool, typer.Option("--redactions", help="What was redacted, and where.")] = False,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="With --redactions: of this kind.")] = None,
    license_: Annotated[
        str | None, typer.Option("--license", metavar="SPDX", help="The repositories under this licence.")
    ] = None,
    funnel: Annotated[bool, typer.Option("--funnel", help="The funnel, and by language, licence, repository.")] = False,
    held_out: Annotated[bool, typer.Option("--held-out", help="Held-out functions that tests call.")] = False,
    limit: Limit = 20,
) -> None:
    """Ask a corpus why a file was dropped, what a rule removed.

    And what is in a cluster, what was redacted, what is under a licence. Without a question: the funnel, and the page
    that shows it all.

    Examples:\n
      understudy data inspect recipes/demo.yaml\n
      understudy data inspect recipes/demo.yaml --file tokenize.py\n
      understudy data inspect recipes/demo.yaml --file '*/test_*.py' --limit 5\n
      understudy data inspect recipes/demo.yaml --rule generated --limit 20\n
      understudy data inspect latest --cluster 17 --json\n
      understudy data inspect latest --redactions --kind email
    """
    asked: dict[str, Any] = {
        "file": file, "rule": rule, "cluster": cluster, "clusters": clusters or None,
        "redactions": (kind or ALL_KINDS) if redactions or kind else None, "license": license_,
        "funnel": funnel or None, "held-out": held_out or None,
    }  # fmt: skip
    questions = {name: value for name, value in asked.items() if value is not None}
    if len(questions) > 1:
        raise UsageError("one question at a time", f"choose one of {', '.join(f'--{name}' for name in questions)}")
    if not questions:
        _overview(session, target)
        return
    [(question, value)] = questions.items()
    answer = _asked(
        session, target, question, None if value == ALL_KINDS and question == "redactions" else value, limit
    )
    if session.as_json:
        session.answer(answer)
    else:
        DRAWN[question](session, answer)


@verb
def sql(
    session: Session,
    target: Target,
    query: Annotated[str, typer.Argument(metavar="SELECT", help="One SELECT, in DuckDB's SQL; - reads it from stdin.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="All rows as CSV.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Rows of the table; --csv and --json give all.")] = SHOWN_ROWS,
) -> None:
    """Answer a SELECT over a corpus.

    Tables: train, valid, rejected, files (all three, with their side), near_duplicates, redactions. The query can read
    these and nothing else, and writes nothing.

    Examples:\n
      understudy data sql recipes/demo.yaml "SELECT lang, count(*) AS n FROM train GROUP BY lang ORDER BY n DESC"\n
      understudy data sql latest "SELECT path, evidence FROM rejected WHERE dropped_by = 'length'" --csv
    """
    from understudy import api

    text = sys.stdin.read() if query == "-" else query
    with api.query_data(target, text, overrides=session.overrides, project=session.project) as answer:
        if as_csv:
            writer = csv.writer(sys.stdout)
            writer.writerow(answer.columns)
            writer.writerows(answer.rows)
        elif session.as_json:
            names = _distinct(answer.columns)
            session.answer([dict(zip(names, row, strict=True)) for row in answer.rows])
        else:
            shown = list(islice(answer.rows, limit))
            _table(session, "", answer.columns, shown)
            n_more = sum(1 for _ in answer.rows)
            if n_more:
                session.print(f"and {n_more:,} more rows; --limit, --csv and --json show more")


def _distinct(columns: Any) -> list[str]:
    """The columns' names; of those that are equal, the later ones get a number, so that no value is lost."""
    seen: dict[str, int] = {}
    names = []
    for name in columns:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return names


def _asked(session: Session, target: str, question: str, value: Any, limit: int) -> dict[str, Any]:
    from understudy import api

    return api.inspect_data(target, question, value, limit=limit, overrides=session.overrides, project=session.project)


def _overview(session: Session, target: str) -> None:
    """The funnel, and where the page and its JSON are; with --json all that the page shows."""
    from understudy import api
    from understudy.core.paths import read_json

    report = api.data_report(target, overrides=session.overrides, project=session.project)
    if session.as_json:
        session.answer(read_json(report.json) | {"report": str(report.page)})
        return
    told = read_json(report.json)
    session.print(f"{told['corpus']}   of recipe {told['recipe']}")
    _steps(session, told["funnel"])
    session.print()
    session.print(f"report: {report.page}")
    session.print("ask more:  --file PATH, --rule NAME, --clusters, --redactions, --license SPDX, --funnel, --held-out")


# One function for each question: its answer as tables and lines.


def _draw_files(session: Session, answer: Mapping[str, Any]) -> None:
    for number, file in enumerate(answer["files"]):
        if number:
            session.print()
        _one_file(session, file)
    _more(session, answer["n_files"], len(answer["files"]), "files")


def _one_file(session: Session, file: Mapping[str, Any]) -> None:
    from understudy.core.units import bytes_text

    place = _clean(f"{file['repo']}/{file['path']}")
    if file["drop_reason"]:
        session.print(f"{place}   left out: {_clean(file['drop_reason'])}")
        facts = [("step", file["dropped_by"]), ("evidence", file["evidence"])]
    else:
        side = "held out for validation" if file["side"] == "valid" else "trained on"
        session.print(f"{place}   kept, {side}")
        facts = []
    facts += [
        ("language", file["lang"]),
        ("size", bytes_text(file["size_bytes"] or 0)),
        ("licence", ", ".join(file["licenses"] or []) or "unknown"),
        ("from", " ".join(filter(None, [file["source"], file["revision"], file["committed"]]))),
        ("cluster", _cluster_told(file["near_duplicates"])),
        ("redacted", _redacted_told(file)),
        ("id", file["id"]),
    ]
    _table(session, "", ["", ""], [(name, value) for name, value in facts if value])
    _excerpt(session, file["excerpt"])


def _cluster_told(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return ""
    text = f"{told['cluster']}: {told['n_files']:,} files that are nearly the same, {told['n_kept']:,} stay"
    if told.get("similar_to"):
        text += f"; this one is {told['similarity']:.2f} similar to {told['similar_to']}"
    return text


def _redacted_told(file: Mapping[str, Any]) -> str:
    places = [f"line {item['line']}: {item['kind']}" for item in file["redacted"]]
    n = file["redactions"] or 0
    return "; ".join(places) or (f"{n:,} places" if n else "")


def _excerpt(session: Session, excerpt: Mapping[str, Any] | None) -> None:
    from rich.text import Text

    if not excerpt:
        return
    for number, line in enumerate(excerpt["lines"], excerpt["first_line"]):
        is_marked = number in excerpt["marked"]
        gutter = f"{'>' if is_marked else ' '} {number:>6} │ "
        session.print(Text.assemble((gutter, "" if is_marked else "dim"), (_clean(line), "bold" if is_marked else "")))


def _draw_rule(session: Session, answer: Mapping[str, Any]) -> None:
    from understudy.core.units import bytes_text

    rows = [(r["step"], r["reason"], r["n_files"], bytes_text(r["size_bytes"] or 0)) for r in answer["reasons"]]
    _table(session, "", ["step", "reason", "files", "size"], rows)
    for file in answer["files"]:
        session.print()
        session.print(_clean(f"{file['repo']}/{file['path']}: {file['evidence'] or file['drop_reason']}"))
        _excerpt(session, file["excerpt"])
    _more(session, answer["n_files"], len(answer["files"]), "files")


def _draw_cluster(session: Session, answer: Mapping[str, Any]) -> None:
    title = f"cluster {answer['cluster']}: {answer['n_files']:,} files, {answer['n_kept']:,} stay"
    rows = [
        (
            "stays" if file["kept"] else file["drop_reason"] or "left out",
            "" if file["similarity"] is None else f"{file['similarity']:.2f}",
            f"{file['repo']}/{file['path']}",
            file["similar_to"] or "",
        )
        for file in answer["files"]
    ]
    _table(session, title, ["", "similar", "file", "to"], rows)
    _more(session, answer["n_files"], len(answer["files"]), "files")


def _draw_clusters(session: Session, answer: Mapping[str, Any]) -> None:
    rows = [(c["cluster"], c["n_files"], c["n_kept"], c["kept_file"] or "") for c in answer["clusters"]]
    _table(session, "", ["cluster", "files", "stay", "a file that stays"], rows)


def _draw_redactions(session: Session, answer: Mapping[str, Any]) -> None:
    _table(session, "", ["kind", "places"], list(answer["by_kind"].items()))
    rows = [(p["kind"], f"{p['repo']}/{p['path']}:{p['line']}", p["side"]) for p in answer["places"]]
    session.print()
    _table(session, "", ["kind", "place", "side"], rows)
    _more(session, answer["n_redactions"], len(rows), "places")


def _draw_license(session: Session, answer: Mapping[str, Any]) -> None:
    title = f"{answer['license']}: {answer['n_files']:,} files, {answer['n_kept']:,} stay"
    rows = [
        (group["repo"], group["n_files"], group["n_kept"], group["licenses"], ", ".join(group["found_in"][:CAUSES]))
        for group in answer["repositories"]
    ]
    _table(session, title, ["repository", "files", "stay", "licences of these files", "found in"], rows)
    _more(session, answer["n_repositories"], len(rows), "repositories")


def _draw_held_out(session: Session, answer: Mapping[str, Any]) -> None:
    rows = [
        (f["name"], f"{f['repo']}/{f['path']}:{f['first_line']}", len(f["tests"]), f["tests"][0]["name"])
        for f in answer["functions"]
    ]
    _table(session, "", ["function", "held-out file", "tests", "such as"], rows)
    _more(session, answer["n_functions"], len(rows), "functions")


def _draw_funnel(session: Session, answer: Mapping[str, Any]) -> None:
    _steps(session, answer["funnel"])
    for kind, entry in answer["by"].items():
        rows = [
            (group["name"], group["n_in"], group["n_kept"], _causes(group["dropped"])) for group in entry["groups"][:12]
        ]
        session.print()
        _table(session, f"by {kind}", [kind, "files in", "kept", "left out by"], rows)
        _more(session, entry["n_groups"], len(rows), "groups")


def _steps(session: Session, funnel: list[dict[str, Any]]) -> None:
    rows = [(s["step"], s["n_in"], s["n_dropped"], _causes(s["reasons"], 6)) for s in funnel if s["n_dropped"]]
    _table(session, "funnel", ["step", "files in", "dropped", "why"], rows)
    if funnel:
        session.print(f"{funnel[-1]['n_out']:,} of {funnel[0]['n_in']:,} files kept")


def _causes(counts: Mapping[str, int], limit: int = CAUSES) -> str:
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = f", {len(most) - limit} more" if len(most) > limit else ""
    return ", ".join(f"{name} {n:,}" for name, n in most[:limit]) + more


def _more(session: Session, n: int, n_shown: int, what: str) -> None:
    if n > n_shown:
        session.print(f"and {n - n_shown:,} more {what}; --limit and --json show more")


def _table(session: Session, title: str, columns: Any, rows: Any) -> None:
    """A table whose cells neither steer the terminal nor fill it."""
    session.table(_clean(title), [_clean(str(name)) for name in columns], [list(map(_cell, row)) for row in rows])


def _cell(value: Any) -> object:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int):
        return _clean(str(value))
    return value


def _clean(text: str) -> str:
    """One line that a terminal prints as it is: what would steer it is spelled out, a long end is left out."""
    from understudy.core.console import printable

    line = printable(text).replace("\n", "\\n").replace("\t", "    ")
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}…"


DRAWN = {
    "file": _draw_files,
    "rule": _draw_rule,
    "cluster": _draw_cluster,
    "clusters": _draw_clusters,
    "redactions": _draw_redactions,
    "license": _draw_license,
    "funnel": _draw_funnel,
    "held-out": _draw_held_out,
}
