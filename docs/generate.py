"""Writes docs/reference: every command's help and every key of the recipe, as they are in the code. `make docs`."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).parent / "reference"
VERBS = "up plan data tokenizer tokens train eval complete serve runs show lineage gc doctor recipe".split()
VERBS_WITH_VERBS = ("data", "recipe")


def help_text(verb: str) -> str:
    """What `understudy VERB --help` prints on a terminal of 100 columns."""
    environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "TERMINAL_WIDTH": "100"}
    command = [sys.executable, "-m", "understudy", *verb.split(), "--help"]
    output = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    return "\n".join(
        line.rstrip() for line in output.replace("python -m understudy", "understudy").splitlines()
    ).strip()


def verbs_of(verb: str) -> list[str]:
    """`data pairs` and the like, as the code registers them: a new one must not be forgotten here."""
    app = importlib.import_module(f"understudy.cli.{verb}").app
    return [f"{verb} {command.name}" for command in app.registered_commands if not command.hidden]


def commands_page() -> str:
    """All help texts, one after the other."""
    parts = ["# Commands\n\nWritten by `make docs` from the code.\n", f"```text\n{help_text('')}\n```\n"]
    verbs = [*VERBS, *(below for verb in VERBS_WITH_VERBS for below in verbs_of(verb))]
    parts += [f"## understudy {verb}\n\n```text\n{help_text(verb)}\n```\n" for verb in verbs]
    return "\n".join(parts)


def recipe_page() -> str:
    """Every key of the recipe with its type, default and meaning."""
    from understudy.core.recipe import Recipe

    schema = Recipe.model_json_schema()
    parts = ["# The recipe\n\nWritten by `make docs` from the schema. Every key is optional but `name`.\n"]
    parts += _section("", schema, schema["$defs"])
    return "\n".join(parts)


def _section(prefix: str, schema: dict[str, Any], definitions: dict[str, Any]) -> list[str]:
    title = f"## {prefix or 'recipe'}\n\n{schema.get('description', '').strip()}\n"
    rows, below = ["| key | type | default | meaning |", "|---|---|---|---|"], []
    for name, field in schema["properties"].items():
        key = f"{prefix}.{name}" if prefix else name
        section = _reference(field, definitions)
        if section:
            is_list = "items" in field
            rows.append(f"| `{key}` | {'list of ' if is_list else ''}section | | see below |")
            below += _section(f"{key}.0" if is_list else key, section, definitions)
        else:
            text = field.get("description", "").replace("|", "\\|")
            rows.append(f"| `{key}` | {_type(field, definitions)} | {_default(field)} | {text} |")
    return [title, *rows, "", *below]


def _reference(field: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any] | None:
    target = field.get("$ref") or field.get("items", {}).get("$ref")
    found = definitions.get(str(target).rsplit("/", 1)[-1]) if target else None
    return found if found and "properties" in found else None


def _type(field: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(option, definitions) for option in field["anyOf"]))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}), definitions)}"
    return str(field.get("type", "value")).replace("null", "`null`")


def _default(field: dict[str, Any]) -> str:
    return "" if "default" not in field else f"`{field['default']}`".replace("None", "null").replace("|", "\\|")


def pages() -> dict[str, str]:
    """The generated pages by file name."""
    return {"commands.md": commands_page(), "recipe.md": recipe_page()}


if __name__ == "__main__":
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
        print(f"wrote docs/reference/{name}")
