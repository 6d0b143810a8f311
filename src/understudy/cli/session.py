"""The options every verb has, and what they open: a project, a renderer, the run's `events.jsonl`."""

from __future__ import annotations

import inspect
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from understudy.core.errors import Interrupted

if TYPE_CHECKING:
    from rich.console import Console

    from understudy.core.paths import Project
    from understudy.core.tracking import Events

RecipePath = Annotated[Path, typer.Argument(help="The recipe, a YAML file.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="One JSON value on stdout, for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say only warnings and errors.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
ProjectFolder = Annotated[
    Path | None,
    typer.Option(
        "--project", metavar="DIR", help="The folder with .understudy/ (default: the nearest one, else here)."
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a value of the recipe, as in train.0.tokens=2M. Repeatable."
    ),
]


@dataclass
class Session:
    """One call of the command."""

    verb: str
    as_json: bool = False
    quiet: bool = False
    project_folder: Path | None = None
    overrides: list[str] = field(default_factory=list)

    @property
    def project(self) -> Project:
        """The project in the folder named, or the nearest one."""
        from understudy.core.paths import Project

        return Project.find(self.project_folder)

    def answer(self, value: Any) -> None:
        """Print a JSON value on stdout."""
        print_json(value)

    def print(self, thing: Any = "") -> None:
        """Print text or a table for people on stdout: what the verb was asked for."""
        # Piped, a line stays whole whatever its length.
        width = None if sys.stdout.isatty() else 400
        console = _console_class()(
            highlight=False, markup=False, width=width, no_color="NO_COLOR" in os.environ or None
        )
        console.print(thing, soft_wrap=isinstance(thing, str))  # a command broken in two cannot be copied

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table on stdout."""
        from understudy.core.console import draw_table

        self.print(draw_table(title, columns, rows))

    @contextmanager
    def events(self, recipe: Path | None = None) -> Iterator[Events]:
        """Events drawn on the terminal and written to a new run's `events.jsonl`; Ctrl-C asks for a clean stop."""
        from understudy.core.console import Renderer
        from understudy.core.tracking import EventFile, Events, stop_on_signals

        renderer = Renderer("quiet" if self.quiet or self.as_json else None)
        started = time.time()
        name = f"{datetime.fromtimestamp(started, UTC):%Y%m%dT%H%M%S}-{self.verb}-{os.getpid()}"
        file = EventFile(self.project.runs / name / "events.jsonl")
        events = Events((file, renderer))
        events.emit("run_started", verb=self.verb, recipe=str(recipe) if recipe else None, overrides=self.overrides)
        status = "failed"
        try:
            with stop_on_signals(events.stop):
                yield events
            status = "ok"
        except BaseException as error:
            status = "interrupted" if isinstance(error, (Interrupted, KeyboardInterrupt)) else "failed"
            events.emit("error", text=str(error), type=type(error).__name__)
            raise
        finally:
            renderer.close()
            events.emit("run_finished", status=status, seconds=round(time.time() - started, 3))
            file.close()


def print_json(value: Any) -> None:
    """Print a JSON value on stdout, in ASCII where stdout cannot spell more."""
    spells_all = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
    print(json.dumps(value, indent=2, ensure_ascii=not spells_all, default=str))


def _console_class() -> type[Console]:
    from rich.console import Console

    class Answer(Console):
        """Ends quietly, and not as a failure, when its reader has what it wanted."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Answer


def verb(function: Callable[..., None]) -> Callable[..., None]:
    """A command whose first parameter is the session; the options every verb has are added to its own."""

    def call(**values: Any) -> None:
        del values["debug"]  # read from the command line by `main`, so that it holds for mistakes of usage too
        session = Session(
            name,
            as_json=values.pop("json_"),
            quiet=values.pop("quiet"),
            project_folder=values.pop("project"),
            overrides=list(values.pop("set_") or []),
        )
        try:
            function(session, **values)
        except KeyboardInterrupt:  # typer would answer 1
            raise Interrupted("stopped", "run the same command to continue") from None

    name = function.__name__.rstrip("_")
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    shared = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for key, annotation, default in (
            ("json_", Json, False),
            ("quiet", Quiet, False),
            ("debug", Debug, False),
            ("project", ProjectFolder, None),
            ("set_", Set, None),
        )
    ]
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + shared
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__name__, call.__doc__, call.__module__ = name, function.__doc__, function.__module__
    return call
