"""Verbs that look at what was made: `runs`, `show`, `lineage`, `gc`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from understudy.cli.session import Session, verb

SHOWN_LICENSES = 20
Id = Annotated[str, typer.Argument(metavar="ID", help="An artifact's id, a unique prefix, a path, or latest.")]


@verb
def runs(
    session: Session,
    number: Annotated[int, typer.Option("-n", help="How many runs to list, and artifacts of as many.", min=1)] = 10,
) -> None:
    """List the artifacts and the runs of this project, newest last.

    Example:\n
      understudy runs -n 3
    """
    from understudy.core.artifact import KINDS, Store
    from understudy.core.console import summary_text

    artifacts = Store(session.project).all()[-len(KINDS) * number :]
    history = _history(session)[-number:]
    if session.as_json:
        session.answer({"artifacts": [_record(artifact) for artifact in artifacts], "runs": history})
        return
    if not artifacts:
        session.print("nothing made yet; start with:  understudy up recipes/demo.yaml")
        return
    session.table(
        "artifacts",
        ["id", "made", "recipe", "what"],
        [[a.id, a.created_text, a.made_by.get("recipe", ""), summary_text(a.metrics)] for a in artifacts],
    )
    session.print()
    session.table(
        "runs",
        ["run", "recipe", "status", "seconds"],
        [[r["run"], r["recipe"], r["status"], r["seconds"]] for r in history],
    )


@verb
def show(
    session: Session,
    identifier: Id = "latest",
    open_: Annotated[bool, typer.Option("--open", help="Open the HTML report in a browser.")] = False,
) -> None:
    """Show one artifact: its numbers, its files, what made it.

    Examples:\n
      understudy show latest\n
      understudy show corpus-3f --json
    """
    from understudy.core.artifact import Store
    from understudy.core.console import fact_text, summary_text
    from understudy.core.units import bytes_text

    artifact = Store(session.project).open(identifier)
    if open_:
        _open_report(session, artifact)
        return
    if session.as_json:
        session.answer(_record(artifact) | {"files": _files(artifact.path)})
        return
    session.print(f"{artifact.id}   {artifact.path}")
    session.print(
        f"made by {artifact.made_by.get('stage')} of recipe {artifact.made_by.get('recipe')}, {artifact.created[:19]}"
    )
    session.print(summary_text(artifact.metrics))
    for name, value in artifact.metrics.items():
        if not isinstance(value, (dict, list)) and name != "summary":
            session.print(f"  {fact_text(name, value)}")
    _show_licenses(session, artifact.path)
    session.table("files", ["size", "file"], [[bytes_text(size), name] for name, size in _files(artifact.path).items()])


@verb
def lineage(session: Session, identifier: Id = "latest") -> None:
    """Show what an artifact was made from, back to the sources.

    Example:\n
      understudy lineage latest
    """
    from rich.tree import Tree

    from understudy.core.artifact import Store
    from understudy.core.console import summary_text

    store = Store(session.project)
    artifact = store.open(identifier)
    record = store.lineage(artifact)
    if session.as_json:
        session.answer({artifact.id: record})
        return

    def grow(tree: Tree, name: str, entry: dict[str, Any]) -> None:
        branch = tree.add(f"{name}  {summary_text(entry['metrics'])}")
        for child, child_entry in entry["inputs"].items():
            grow(branch, child, child_entry)
        if entry["made_by"].get("sources"):
            branch.add(f"sources {entry['made_by']['sources'][:12]}")

    tree = Tree("", hide_root=True)
    grow(tree, artifact.id, record)
    session.print(tree)


@verb
def gc(
    session: Session,
    keep: Annotated[
        list[str] | None, typer.Option("--keep", metavar="ID", help="Keep this artifact and what it was made from.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Really delete.")] = False,
) -> None:
    """Delete what the newest scores were not made from.

    And what killed runs left. Before there are scores, the newest model counts, and so on. Without --yes it only says
    what would go.

    Examples:\n
      understudy gc\n
      understudy gc --keep model-1f2e --yes
    """
    from understudy import api
    from understudy.core.artifact import Store
    from understudy.core.units import bytes_text

    store = Store(session.project)
    kept = [store.open(name).id for name in keep or []]
    for kind in ("scores", "model", "tokens", "corpus"):  # the newest of the furthest stage is always kept
        newest = store.all(kind)[-1:]
        kept += [artifact.id for artifact in newest]
        if newest:
            break
    with session.events() as events:
        garbage = api.collect_garbage(session.project, kept, events, dry_run=not yes)
    total = sum(size for _, size in garbage)
    if session.as_json:
        session.answer(
            {"deleted": yes, "bytes": total, "folders": [str(folder) for folder, _ in garbage], "kept": kept}
        )
        return
    for folder, size in garbage:
        session.print(f"{bytes_text(size):>9}  {folder.name}")
    what = "freed" if yes else "would be freed; add --yes to delete"
    session.print(f"{bytes_text(total)} {what}; kept {', '.join(kept) or 'nothing'}")


def _show_licenses(session: Session, folder: Path) -> None:
    """What a corpus is under, and what a model was trained on: bytes by licence."""
    from understudy.core.paths import read_json
    from understudy.core.units import bytes_text

    found: dict[str, int] = {}
    if (folder / "licenses.json").exists():
        by_license = read_json(folder / "licenses.json")["by_license"]
        found = {name: counts["size_bytes"] for name, counts in by_license.items()}
    elif (folder / "understudy.json").exists():
        found = read_json(folder / "understudy.json").get("licenses", {})
    if found:
        rows = [[bytes_text(size), name] for name, size in found.items()]
        session.table("licences of its code", ["size", "licence"], rows[:SHOWN_LICENSES])


def _record(artifact: Any) -> dict[str, Any]:
    return {
        "id": artifact.id,
        "kind": artifact.kind,
        "path": str(artifact.path),
        "inputs": list(artifact.inputs),
        "metrics": artifact.metrics,
        "made_by": artifact.made_by,
    }


def _files(folder: Path) -> dict[str, int]:
    return {str(f.relative_to(folder)): f.stat().st_size for f in sorted(folder.rglob("*")) if f.is_file()}


def _history(session: Session) -> list[dict[str, Any]]:
    """One record for each run, from its events; a run without an end was killed or is still going."""
    records = []
    for file in sorted(session.project.runs.glob("*/events.jsonl")):
        first, last = _ends(file)
        is_over = last.get("event") == "run_finished"
        records.append(
            {
                "run": file.parent.name,
                "recipe": first.get("recipe") or "",
                "status": last.get("status", "") if is_over else "unfinished",
                "seconds": last.get("seconds", "") if is_over else "",
            }
        )
    return records


def _ends(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first and last whole record of an event file."""
    found: list[dict[str, Any]] = [{}, {}]
    with file.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines):
            try:
                record = json.loads(line)
            except ValueError:  # the torn last line of a killed run
                break
            if isinstance(record, dict):
                found[min(number, 1)] = record
    return found[0], found[1]


def _open_report(session: Session, artifact: Any) -> None:
    import webbrowser

    from understudy import api

    path = api.report_of(artifact, session.project)
    if session.as_json:
        session.answer({"report": str(path)})
    else:
        session.print(f"report: {path}")
        webbrowser.open(path.as_uri())
