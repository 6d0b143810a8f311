"""`understudy data`: builds the corpus (`data RECIPE`), and what one can do with it (`data VERB RECIPE`).

To add a verb: a function here, or in a file beside this one, under `@app.command("name")` and `@verb`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from understudy.cli.inspecting import inspect_corpus, sql
from understudy.cli.run import data as build_corpus
from understudy.cli.session import RecipePath, Session, verb

STAGE = "build"
SHOWN_FILES = 30


class StageCommand(TyperCommand):
    """The command that `data RECIPE` means; its help lists the verbs too."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The stage's own options, then the verbs."""
        super().format_options(ctx, formatter)
        ctx.parent.command.commands["data"].format_commands(ctx, formatter)


class StageOrVerb(TyperGroup):
    """The stage's command, unless the first word of the line names a verb: `data RECIPE` stays what it always was."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the command that the line means."""
        place = self._first_word(args)
        if place is None or args[place] not in self.commands:
            return self.commands[STAGE].make_context(info_name, args, parent=parent, **extra)
        line = [args[place], *args[:place], *args[place + 1 :]]
        return super().make_context(info_name, line, parent=parent, **extra)

    def _first_word(self, args: list[str]) -> int | None:
        """Where the first word stands that is neither an option nor an option's value."""
        options = [parameter for parameter in self.commands[STAGE].params if not getattr(parameter, "is_flag", False)]
        with_value = {name for option in options for name in option.opts}
        is_value = False
        for place, argument in enumerate(args):
            if not is_value and not argument.startswith("-"):
                return place
            is_value = not is_value and argument in with_value
        return None


app = typer.Typer(
    help=build_corpus.__doc__,
    cls=StageOrVerb,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(STAGE, cls=StageCommand, hidden=True)(build_corpus)
app.command("inspect")(inspect_corpus)
app.command("sql")(sql)


@app.command("pairs")
@verb
def pairs(
    session: Session,
    recipe: RecipePath,
    kinds: Annotated[
        str | None, typer.Option(help="Of docstring, body, commit, synthetic; comma between. Default: the first three.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many, a sample chosen by hash.")] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: .understudy/pairs/CORPUS/pairs.jsonl.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(metavar="MODEL", help="A model that writes synthetic pairs: an id, a folder, latest.")
    ] = None,
) -> None:
    """Make instruction pairs of the corpus, to fine-tune on.

    Docstring and function, signature and body, commit message and diff, from the training split alone, as JSON lines in
    the chat schema. Beside them stands pairs.json: how many, and why the others were left out. With --engine a model
    writes more; where a function brings tests, its solution must pass them in the sandbox.

    Examples:\n
      understudy data pairs recipes/demo.yaml --limit 1000\n
      understudy data pairs recipes/demo.yaml --kinds docstring,body --output pairs.jsonl
    """
    from understudy import api

    with session.events(recipe) as events:
        counts = api.data_pairs(
            recipe,
            kinds=[kind.strip() for kind in kinds.split(",")] if kinds else None,
            limit=limit,
            output=output,
            writer=engine,
            overrides=session.overrides,
            project=session.project,
            events=events,
        )
    if session.as_json:
        session.answer(counts)
        return
    session.table("", ["pairs", "n"], [*counts["by_kind"].items(), ("all", counts["n_pairs"])])
    reasons: list[tuple[str, str, int]] = [
        (what, reason, n) for what, group in counts["left_out"].items() for reason, n in group.items()
    ]
    reasons += [("pair", reason, n) for reason, n in counts["left_out_at_the_choice"].items()]
    reasons += [("file", f"no reader for {lang}", n) for lang, n in counts["files_in_languages_not_read"].items()]
    reasons.sort(key=lambda row: row[2], reverse=True)
    session.table("left out", ["what", "why", "n"], reasons)
    session.print(counts["path"])


@app.command("opted-out")
@verb
def opted_out(
    session: Session,
    opt_out: Annotated[
        Path, typer.Argument(metavar="LIST", help="An opt-out list, or a recipe that names one.", show_default=False)
    ],
) -> None:
    """Say which artifacts were built from files that are opted out.

    Looks into every corpus of the project, and follows what was made from those that hold such a file: tokens, models,
    scores. What it lists has to be made again, or deleted.

    Examples:\n
      understudy data opted-out opt-out.txt\n
      understudy data opted-out recipes/laptop.yaml --json
    """
    from understudy import api

    with session.events() as events:
        found = api.opted_out(opt_out, project=session.project, events=events)
    if session.as_json:
        session.answer(found)
        return
    if not found["corpora"]:
        session.print(f"nothing was built from what is on the list; {len(found['untouched'])} corpora looked through")
        return
    rows = [[c["id"], c["n_trained"], c["n_held_out"], c["n_rejected"]] for c in found["corpora"]]
    session.table("corpora that hold listed files", ["corpus", "trained on", "held out", "kept aside"], rows)
    files = [[c["id"], f"{f['repository']}/{f['path']}", f["entry"]] for c in found["corpora"] for f in c["files"]]
    session.table("files", ["corpus", "file", "listed as"], files[:SHOWN_FILES])
    if len(files) > SHOWN_FILES:
        session.print(f"and {len(files) - SHOWN_FILES:,} more; all with --json")
    made = [[item["id"], ", ".join(item["from"])] for item in found["descendants"]]
    session.table("built from them", ["artifact", "from"], made)
    session.print("to leave them out: set data.opt_out in the recipe, run it again, then  understudy gc --yes")
