"""Assembles the command and turns every error into words and an exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

import understudy
from understudy.cli import data, doctor, look, recipe, run, use
from understudy.cli.session import print_json
from understudy.core.errors import UnderstudyError


class InOrder(TyperGroup):
    """The verbs in the order they are used, a verb with verbs of its own among them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names; `data` stands behind `plan`."""
        names = [name for name in super().list_commands(ctx) if name != "data"]
        return [*names[:2], "data", *names[2:]]


app = typer.Typer(
    name="understudy",
    cls=InOrder,
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
    *(run.up, run.plan, run.tokenizer, run.tokens, run.train, run.eval_),
    *(use.complete, use.serve),
    *(look.runs, look.show, look.lineage, look.gc, doctor.doctor),
):
    app.command(function.__name__)(function)
app.add_typer(data.app, name="data")
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
    _open_streams()
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
    except OSError as error:
        from understudy.core.artifact import disk_error

        clear = disk_error(error, "running this command")
        name = str(error.filename)[:200] if error.filename else "a file"
        message = clear.message if clear else f"cannot use {name}: {error.strerror or error}"
        _fail(message, clear.hint if clear else "correct the path, or run it again with --debug", 5)
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


def _open_streams() -> None:
    """A closed stream becomes an empty one, so that no file opened later takes its number; none fails on a letter."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
        elif mode == "w":
            stream.reconfigure(errors="replace")


def _fail(message: str, hint: str | None, code: int) -> NoReturn:
    if "--debug" in sys.argv and sys.exc_info()[0] is not None:
        traceback.print_exc()
    with contextlib.suppress(OSError):  # a stream that cannot take even this
        if "--json" in sys.argv:
            print_json({"error": {"message": message, "hint": hint, "exit_code": code}})
        else:
            _say(message, hint, code)
    raise SystemExit(code)


def _say(message: str, hint: str | None, code: int) -> None:
    from rich.text import Text

    from understudy.core.console import printable, stderr_console

    console = stderr_console()
    label = ("stopped: ", "bold yellow") if code == 130 else ("error: ", "bold red")
    console.print(Text.assemble(label, printable(message)))
    if hint:
        console.print(Text.assemble(("hint: ", "cyan"), printable(hint)))
