"""`understudy data`: builds the corpus (`data RECIPE`), and what one can do with it (`data VERB RECIPE`).

To add a verb: a function here, or in a file beside this one, under `@app.command("name")` and `@verb`.
"""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from understudy.cli.run import data as build_corpus

STAGE = "build"


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
