"""`understudy data RECIPE` runs the stage as ever; a verb as first word is another command."""

from __future__ import annotations

import pytest

from understudy.cli import data
from understudy.cli.main import app


def meant(*args: str) -> tuple[str, list[str]]:
    """The command that a line means, and what is left for it to parse."""
    import typer.main

    group = typer.main.get_command(app)
    seen: list[tuple[str, list[str]]] = []
    verbs = group.commands["data"].commands  # type: ignore[attr-defined]
    verbs["look"] = type(verbs[data.STAGE])("look", params=list(verbs[data.STAGE].params), callback=lambda **_: None)
    for name, command in verbs.items():

        def invoke(ctx: object, name: str = name) -> None:
            seen.append((name, [str(ctx.params["recipe"]), *(ctx.params["set_"] or [])]))  # type: ignore[attr-defined]

        command.invoke = invoke
    group(["data", *args], standalone_mode=False)
    return seen[0]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (("r.yaml",), ("build", ["r.yaml"])),
        (("r.yaml", "--json"), ("build", ["r.yaml"])),
        (("--set", "a=1", "r.yaml"), ("build", ["r.yaml", "a=1"])),
        (("--set", "look", "r.yaml"), ("build", ["r.yaml", "look"])),
        (("./look",), ("build", ["look"])),
        (("look", "r.yaml"), ("look", ["r.yaml"])),
        (("--json", "look", "r.yaml"), ("look", ["r.yaml"])),
        (("--set", "a=1", "look", "r.yaml"), ("look", ["r.yaml", "a=1"])),
    ],
)
def test_the_first_word_decides_which_command_a_line_means(
    line: tuple[str, ...], expected: tuple[str, list[str]]
) -> None:
    assert meant(*line) == expected
