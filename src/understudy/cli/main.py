"""Assembles the command and turns every error into words and an exit code."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Annotated, NoReturn

import typer

import understudy
from understudy.cli import doctor, look, recipe, run, use
from understudy.core.errors import UnderstudyError

app = typer.Typer(
    name="understudy",
    help="Train, measure, serve and keep improving a code-completion model that knows your lines.",
    epilog="Start with:  understudy up recipes/demo.yaml",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# The order of `--help`: make, use, look.
for function in (
    *(run.up, run.plan, run.data, run.tokenizer, run.tokens, run.train, run.eval_),
    *(use.complete, use.serve),
    *(look.runs, look.show, look.lineage, look.gc, doctor.doctor),
):
    app.command(function.__name__)(function)
app.add_typer(recipe.app, name="recipe")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"understudy {understudy.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Train, measure, serve and keep improving a code-completion model that knows your lines."""


def main() -> NoReturn:
    """Run the command line and exit: 0 ok, 1 internal, 2 usage, 3 recipe, 4 data, 5 resources, 6 gate, 130 Ctrl-C."""
    try:
        app()  # leaves by SystemExit; mistakes of usage are drawn by typer, with 2
        raise SystemExit(0)
    except KeyboardInterrupt:
        _fail("stopped", "run the same command to continue", 130)
    except UnderstudyError as error:
        _fail(error.message, error.hint, error.exit_code)
    except BrokenPipeError:  # `understudy runs | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except Exception as error:
        if "--debug" not in sys.argv:
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{where.filename.rsplit('/', 1)[-1]}:{where.lineno}"
            _fail(
                f"internal error: {type(error).__name__}: {error} ({place})",
                "run it again with --debug and report it",
                1,
            )
        traceback.print_exc()
        raise SystemExit(1) from None


def _fail(message: str, hint: str | None, code: int) -> NoReturn:
    if "--debug" in sys.argv and sys.exc_info()[0] is not None:
        traceback.print_exc()
    if "--json" in sys.argv:
        print(
            json.dumps({"error": {"message": message, "hint": hint, "exit_code": code}}, indent=2, ensure_ascii=False)
        )
    else:
        from rich.text import Text

        from understudy.core.console import stderr_console

        console = stderr_console()
        label = ("stopped: ", "bold yellow") if code == 130 else ("error: ", "bold red")
        console.print(Text.assemble(label, message))
        if hint:
            console.print(Text.assemble(("hint: ", "cyan"), hint))
    raise SystemExit(code)
