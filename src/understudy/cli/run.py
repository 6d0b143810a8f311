"""Verbs that make artifacts: `up` for everything that is missing, or one stage and what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from understudy.cli.session import RecipePath, Session, verb

if TYPE_CHECKING:
    from understudy.api import Step
    from understudy.core.tracking import Events


@verb
def up(
    session: Session,
    recipe: RecipePath,
    until: Annotated[str | None, typer.Option(metavar="STAGE", help="Stop after this stage.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="STAGE", help="Make this stage and what follows again.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and stop.")] = False,
) -> None:
    """Make all that is missing, from the plan to the report.

    In order: plan, data, tokenizer, tokens, train, eval, and the HTML report. What exists is not made again. Stopped
    or killed, the same command continues.

    Examples:\n
      understudy up recipes/demo.yaml\n
      understudy up recipes/demo.yaml --until data\n
      understudy up recipes/demo.yaml --set budget.minutes=10 --dry-run
    """
    from understudy import api

    if dry_run:
        _dry_run(session, recipe, until)
        return
    with session.events(recipe) as events:
        resolved = api.load(recipe, session.overrides)
        steps = api.run(
            recipe, until=until, start=start, overrides=session.overrides, project=session.project, events=events
        )
        report = api.write_report(resolved, steps, session.project)
    if session.as_json:
        session.answer({"stages": [_step_json(step) for step in steps], "report": str(report)})
    elif not session.quiet:
        _closing(session, recipe, steps, report)


@verb
def plan(session: Session, recipe: RecipePath) -> None:
    """Say what a recipe costs and gives, before anything is spent.

    Parameters, tokens, FLOPs, memory, hours, money, expected loss. Leaves with 5 when the recipe cannot fit, and names
    three changes that would.

    Examples:\n
      understudy plan recipes/demo.yaml\n
      understudy plan recipes/demo.yaml --set budget.hours=2 --json
    """
    from understudy import api

    with session.events(recipe) as events:
        values = api.plan(recipe, overrides=session.overrides, project=session.project, events=events)
    if session.as_json:
        session.answer(values)
    else:
        for table in api.plan_tables(values):
            session.table(*table)
            session.print()


@verb
def data(
    session: Session,
    recipe: RecipePath,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what each rule would remove from a sample of the files, and stop.")
    ] = False,
) -> None:
    """Build the corpus from the recipe's sources.

    Reads, filters, redacts, removes duplicates, and holds a part out. Every file that is left out is kept aside with
    the reason.

    Examples:\n
      understudy data recipes/demo.yaml --set data.split.valid=0.05\n
      understudy data recipes/demo.yaml --dry-run
    """
    if dry_run:
        _preview(session, recipe)
    else:
        _one(session, recipe, "data")
        if not (session.as_json or session.quiet):
            from understudy.cli.closing import inspect_line

            session.print(inspect_line(recipe, session.project))


@verb
def tokenizer(session: Session, recipe: RecipePath) -> None:
    """Learn the tokenizer from the corpus.

    Example:\n
      understudy tokenizer recipes/demo.yaml --set tokenizer.train.vocabulary=4096
    """
    _one(session, recipe, "tokenizer")


@verb
def tokens(session: Session, recipe: RecipePath) -> None:
    """Encode the corpus into rows to train on.

    A share of the documents' pieces is rearranged for fill-in-the-middle.

    Example:\n
      understudy tokens recipes/demo.yaml --set train.0.context=1024
    """
    _one(session, recipe, "tokens")


@verb
def train(session: Session, recipe: RecipePath) -> None:
    """Train the model.

    Ctrl-C saves a checkpoint; the same command continues from it.

    Example:\n
      understudy train recipes/demo.yaml --set budget.minutes=10
    """
    _one(session, recipe, "train")


@verb
def eval_(session: Session, recipe: RecipePath) -> None:
    """Examine the model on held-out code, beside its baselines.

    Example:\n
      understudy eval recipes/demo.yaml --set eval.samples=500
    """
    _one(session, recipe, "eval")


def _one(session: Session, recipe: Path, stage: str) -> None:
    from understudy import api

    with session.events(recipe) as events:
        steps = api.run(recipe, target=stage, overrides=session.overrides, project=session.project, events=events)
        if stage == "eval" and not session.as_json:
            _show_scores(steps, events)
    if session.as_json:
        session.answer(_step_json(steps[-1]))


def _preview(session: Session, recipe: Path) -> None:
    """Each rule alone on a sample: those of the recipe first, then what the others would do."""
    from understudy import api
    from understudy.core.console import printable
    from understudy.core.units import bytes_text

    with session.events(recipe) as events:
        found = api.preview_data(recipe, overrides=session.overrides, project=session.project, events=events)
    if session.as_json:
        session.answer(found)
        return
    title = f"a sample of {found['n_files']:,} of {found['n_listed']:,} files; each rule by itself"
    rows = [
        (
            rule["key"] if rule["is_on"] else f"{rule['key']} (off)",
            f"{'would ' if not rule['is_on'] else ''}{rule['action'] if rule['is_on'] else rule['action'].rstrip('s')}",
            f"{rule['n_files']:,}",
            f"{rule['share']:.2%}",
            bytes_text(rule["size_bytes"]),
            *([printable("{repo}/{path}: {evidence}".format(**example)) for example in rule["examples"][:1]] or [""]),
        )
        for rule in sorted(found["rules"], key=lambda rule: not rule["is_on"])
    ]
    session.table(title, ("rule", "", "files", "share", "size", "for instance"), rows)
    kept = found["n_files"] - found["n_removed"]
    told = "before licences, opt-outs, exams and duplicates, which need all files"
    session.print(f"{kept:,} of {found['n_files']:,} would stay, {told}; three examples of each: --json")


def _dry_run(session: Session, recipe: Path, until: str | None) -> None:
    from understudy import api

    with session.events(recipe) as events:
        steps = api.look(recipe, until=until, overrides=session.overrides, project=session.project, events=events)
    if session.as_json:
        session.answer([_step_json(step) for step in steps])
    else:
        rows = [[step.stage, "done before" if step.is_done else "would be made", step.artifact_id] for step in steps]
        session.table("", ["stage", "", "artifact"], rows)


def _show_scores(steps: list[Step], events: Events) -> None:
    from understudy import api

    scores = steps[-1].artifact
    for table in api.score_tables(scores) if scores and scores.kind == "scores" else []:
        events.table(*table)


def _closing(session: Session, recipe: Path, steps: list[Step], report: Path) -> None:
    """The end of `up`: scores, completions beside the truth, the report, and what to type next."""
    from understudy.cli.closing import closing_lines

    for thing in closing_lines(recipe, steps, report, session.project):
        session.print(thing)


def _step_json(step: Step) -> dict[str, object]:
    artifact = step.artifact
    return {
        "stage": step.stage,
        "id": step.artifact_id,
        "done": step.is_done,
        "seconds": round(step.seconds, 3),
        "path": str(artifact.path) if artifact else None,
        "metrics": artifact.metrics if artifact else None,
    }
