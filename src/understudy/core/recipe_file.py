"""Reads a recipe's YAML: strict, with the line of every mistake, the nearest key, and the origin of every value."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from understudy.core.errors import RecipeError
from understudy.core.recipe import Recipe

Key = tuple[str | int, ...]
MAX_RECIPE_BYTES = 1_000_000
MAX_NODES = 20_000  # a recipe has about a hundred keys; more is a mistake or an alias bomb


@dataclass(frozen=True, slots=True)
class ResolvedRecipe:
    """A recipe with, for every value, where it came from: `default`, `line 12`, `--set`, `derived: …`."""

    recipe: Recipe
    origins: dict[str, str]
    path: Path | None

    def rows(self) -> list[tuple[str, str, str]]:
        """(key, value, origin) for every value of the recipe, in the schema's order."""
        values = self.recipe.model_dump(mode="json")
        return [(dotted(key), value_text(value), self.origins[dotted(key)]) for key, value in leaves(values)]

    @contextmanager
    def with_lines(self) -> Iterator[None]:
        """Errors about a key (`data.languages.0: …`) that come up later name its line too."""
        try:
            yield
        except RecipeError as error:
            origin = self._origin(error.message.partition(":")[0])
            if origin == "--set":
                error.message = f"--set: {error.message}"
            elif origin.startswith("line "):
                error.message = f"{self.path or 'recipe'}, {origin}: {error.message}"
            raise

    def _origin(self, key: str) -> str:
        """Where a key was given, or what it holds, or what holds it; `default` where nothing of that was."""
        for part in _sections(key):
            given = [origin for name, origin in self.origins.items() if name == part or name.startswith(f"{part}.")]
            if given := [origin for origin in given if origin != "default"]:
                return given[0]
        return "default"


def _sections(key: str) -> Iterator[str]:
    """A key and what holds it: `data.languages.0`, `data.languages`, `data`."""
    while key:
        yield key
        key = key.rpartition(".")[0]


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> ResolvedRecipe:
    """The recipe in a YAML file, with `key.path=value` overrides. Raises RecipeError naming the line and the fix."""
    return parse_recipe(_read(path), overrides, path)


def parse_recipe(text: str, overrides: Sequence[str] = (), path: Path | None = None) -> ResolvedRecipe:
    """The recipe in a YAML text; `path` is where it came from."""
    where = str(path) if path else "recipe"
    text = text.removeprefix("\ufeff")
    values, lines = _parse_yaml(text, where)
    origins = {dotted(key): f"line {line}" for key, line in lines.items()}
    for override in overrides:
        key = _apply_override(values, override)
        origins = {name: origin for name, origin in origins.items() if name != key and not name.startswith(f"{key}.")}
        origins[key] = "--set"
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        raise _as_recipe_error(error, origins, where) from None
    if path is not None:
        recipe._folder = path.resolve().parent
    return ResolvedRecipe(recipe, _spread(origins, recipe), path)


def dotted(key: Key) -> str:
    """`train.0.tokens`, as people and `--set` write a key."""
    return ".".join(str(part) for part in key)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_RECIPE_BYTES + 1)  # and no more: it may be /dev/zero
        if len(raw) > MAX_RECIPE_BYTES:
            raise RecipeError(f"{path} is larger than a recipe can be ({MAX_RECIPE_BYTES:,} bytes)")
        return raw.decode()
    except FileNotFoundError:
        known = sorted(str(found) for found in Path().glob("recipes/*.yaml")) + sorted(
            map(str, path.parent.glob("*.yaml"))
        )
        near = difflib.get_close_matches(str(path), known, 1, 0.4)
        raise RecipeError(
            f"there is no recipe at {path}", f"did you mean {near[0]}?" if near else "understudy recipe schema"
        ) from None
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path} is not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}") from None


def _parse_yaml(text: str, where: str) -> tuple[dict[str, Any], dict[Key, int]]:
    lines: dict[Key, int] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = {} if node is None else _construct(node, (), lines, where, yaml.SafeLoader(""))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise RecipeError(f"{where}, line {mark.line + 1 if mark else '?'}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise RecipeError(f"{where}: not valid YAML: {error}") from None
    except RecursionError:
        raise RecipeError(f"{where}: nested too deeply") from None
    if not isinstance(values, dict):
        raise RecipeError(f"{where}: a recipe is a mapping of keys to values", "start with   name: my-model")
    return values, lines


def _construct(node: yaml.Node, key: Key, lines: dict[Key, int], where: str, loader: Any) -> Any:
    """The value of a YAML node, noting the line of every key. Tags that would build objects are refused."""
    line = node.start_mark.line + 1
    if len(lines) > MAX_NODES:
        raise RecipeError(f"{where}, line {line}: more values than any recipe has")
    lines.setdefault(key, line)
    if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.startswith("tag:yaml.org,2002:python"):
        raise RecipeError(
            f"{where}, line {line}: the tag {node.tag.removeprefix('tag:yaml.org,2002:')!r} is not allowed",
            "a recipe holds plain values only",
        )
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*key, index), lines, where, loader) for index, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(node, where, loader)
    mapping: dict[str, Any] = {}
    for name_node, value_node in node.value:
        name = str(_scalar(name_node, where, loader)) if isinstance(name_node, yaml.ScalarNode) else "?"
        if name in mapping:
            raise RecipeError(f"{where}, line {name_node.start_mark.line + 1}: the key {name!r} stands twice")
        lines[(*key, name)] = name_node.start_mark.line + 1
        mapping[name] = _construct(value_node, (*key, name), lines, where, loader)
    return mapping


def _scalar(node: yaml.Node, where: str, loader: Any) -> Any:
    """The plain value of a node. Raises RecipeError for what only looks like one, as the date 2026-13-45 does."""
    try:
        return loader.construct_object(node)
    except ValueError as error:
        raise RecipeError(f"{where}, line {node.start_mark.line + 1}: {str(error)[:200]}") from None


def _apply_override(values: dict[str, Any], override: str) -> str:
    """Set `train.0.learning_rate=1e-4` inside `values`; returns the key. Lists and sections are made as needed."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise RecipeError(
            f"--set {override}: write it as key.path=value", "for instance --set train.0.learning_rate=1e-3"
        )
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise RecipeError(f"--set {override[:200]}: the value is not valid YAML") from None
    place: Any = values
    parts = key.split(".")
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        is_last = following is None
        fresh: Any = value if is_last else [] if following is not None and following.isdigit() else {}
        if isinstance(place, list):
            if not part.isdigit() or int(part) > len(place):
                raise RecipeError(f"--set {key}: there is no entry {part!r}; the list has {len(place)}")
            if int(part) == len(place):
                place.append(fresh)
            elif is_last or place[int(part)] is None:
                place[int(part)] = fresh
            place = place[int(part)]
        elif isinstance(place, dict):
            if is_last or place.get(part) is None:
                place[part] = fresh
            place = place[part]
        else:
            raise RecipeError(f"--set {key}: {part!r} lies inside a value, not a section")
    return key


def _as_recipe_error(error: ValidationError, origins: dict[str, str], where: str) -> RecipeError:
    """The first mistakes, each with its line, its key and the nearest known one."""
    messages, hint = [], None
    for detail in _distinct(error.errors()):
        key = _plain_key(detail["loc"])
        place = _place(key, origins, where)
        if detail["type"] == "extra_forbidden":
            known = _known_keys(key[:-1])
            near = difflib.get_close_matches(str(key[-1]), known, 1, 0.5)
            messages.append(f"{place}: there is no key {dotted(key)!r}")
            hint = hint or (f"did you mean {near[0]!r}?" if near else f"known keys here: {', '.join(known)}")
        elif detail["type"] == "missing":
            messages.append(f"{place}: the key {dotted(key)!r} is missing")
        else:
            messages.append(f"{place}: {dotted(key) or 'recipe'}: {_reason(detail)}")
    return RecipeError("\n".join(messages[:5]), hint or "understudy recipe schema   (every key with its meaning)")


def _reason(detail: ErrorDetails) -> str:
    if detail["type"] in ("model_type", "dict_type"):
        return (
            "has no keys; give it one or remove the line" if detail["input"] is None else "should be a mapping of keys"
        )
    if detail["type"] in ("too_short", "too_long"):
        limits, given = detail["ctx"], detail["ctx"]["actual_length"]
        bound = f"at least {limits['min_length']}" if "min_length" in limits else f"at most {limits['max_length']}"
        return f"should have {bound} {'entry' if bound.endswith(' 1') else 'entries'}, not {given}"
    text = (
        detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ").replace("a valid tuple", "a list")
    )
    text = text.replace("String should match pattern", "text that matches")
    given = detail.get("input")
    shown = f", not {given!r}" if isinstance(given, (str, int, float, bool)) and detail["type"] != "value_error" else ""
    return text[:200] if detail["type"] == "value_error" else f"should be {text[:200]}{shown[:80]}"


def _distinct(details: list[ErrorDetails]) -> Iterator[ErrorDetails]:
    """One error for each key: unions report one for each type, and a list is called too short when its entry failed."""
    keys = [_plain_key(detail["loc"]) for detail in details]
    seen: set[Key] = set()
    for key, detail in zip(keys, details, strict=True):
        has_inner = any(other[: len(key)] == key and len(other) > len(key) for other in keys)
        if key not in seen and not has_inner:
            seen.add(key)
            yield detail


def _plain_key(loc: tuple[int | str, ...]) -> Key:
    """A pydantic location without the names of union members, which are no keys of the recipe."""
    key: list[str | int] = []
    fields: Any = Recipe
    for part in loc:
        if isinstance(part, int) or not key or _is_section(fields):
            key.append(part)
            fields = _field_type(fields, part)
    return tuple(key)


def _place(key: Key, origins: dict[str, str], where: str) -> str:
    """`demo.yaml, line 7`: of the key itself or the nearest section around it."""
    for length in range(len(key), 0, -1):
        origin = origins.get(dotted(key[:length]))
        if origin is not None:
            return "--set" if origin == "--set" else f"{where}, {origin}"
    has_override = any(origin == "--set" and name.startswith(f"{dotted(key)}.") for name, origin in origins.items())
    return "--set" if key and has_override else where


def _known_keys(key: Key) -> list[str]:
    fields: Any = Recipe
    for part in key:
        fields = _field_type(fields, part)
    return list(fields.model_fields) if _is_section(fields) else []


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _field_type(kind: Any, part: str | int) -> Any:
    """The section class below `kind` at `part`, looking through optional, tuple and union types."""
    if isinstance(part, int):
        return kind
    annotation = kind.model_fields[part].annotation if _is_section(kind) and part in kind.model_fields else None
    waiting = [annotation]
    while waiting:
        candidate = waiting.pop()
        if _is_section(candidate):
            return candidate
        waiting.extend(getattr(candidate, "__args__", ()))
    return None


def leaves(values: Any, key: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Every value inside nested sections with its key; a list of plain values is one value."""
    if isinstance(values, dict) and values:
        for name, item in values.items():
            yield from leaves(item, (*key, name))
    elif isinstance(values, list) and values and isinstance(values[0], dict):
        for index, item in enumerate(values):
            yield from leaves(item, (*key, index))
    else:
        yield key, values


def _spread(origins: dict[str, str], recipe: Recipe) -> dict[str, str]:
    """Origins of every leaf: its own, or that of the list it stands in, or `default`."""
    spread = {}
    for key, _ in leaves(recipe.model_dump(mode="json")):
        spread[dotted(key)] = origins.get(dotted(key), "default")
    return spread


def value_text(value: Any) -> str:
    """The value as it stands in YAML."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(value_text(item) for item in value)}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
