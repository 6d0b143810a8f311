"""`understudy recipe`: what a recipe says, where each value came from, and every key there is."""

from __future__ import annotations

import json

import typer

from understudy.cli.session import RecipePath, Session, verb

app = typer.Typer(
    help="Show, check, or document recipes.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("show")
@verb
def show(session: Session, recipe: RecipePath) -> None:
    """Print every value of a recipe and where it came from.

    That is a line of the file, --set, a default, or what the plan decided.

    Example:\n
      understudy recipe show recipes/demo.yaml --set budget.minutes=10
    """
    from understudy import api

    rows = api.recipe_rows(recipe, session.overrides, session.project)
    if session.as_json:
        session.answer({key: {"value": value, "origin": origin} for key, value, origin in rows})
    else:
        session.table("", ["key", "value", "origin"], [list(row) for row in rows if row[1] != "null"])


@app.command("check")
@verb
def check(session: Session, recipe: RecipePath) -> None:
    """Say whether a recipe is valid.

    Names the line and the nearest key of each mistake, and leaves with 3 when
    there is one; with 4 when a list, exam or file of rules that it names is not
    there or wrong. Sources are not looked at.

    Example:\n
      understudy recipe check recipes/demo.yaml
    """
    from understudy import api

    resolved = api.check(recipe, overrides=session.overrides, project=session.project)
    if session.as_json:
        session.answer({"valid": True, "name": resolved.recipe.name})
    else:
        session.print(f"{recipe} is a valid recipe ({resolved.recipe.name})")


@app.command("schema")
@verb
def schema(session: Session) -> None:
    """Print the JSON Schema of recipes, for editors.

    Every key with its type, limits and meaning.

    Example:\n
      understudy recipe schema > recipe.schema.json
    """
    from understudy.core.recipe import Recipe

    print(json.dumps(Recipe.model_json_schema(), indent=2))
