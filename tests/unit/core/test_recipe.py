"""The recipe is strict, and every mistake is answered with its line and the nearest right key."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.core.errors import RecipeError
from understudy.core.recipe import Recipe
from understudy.core.recipe_file import load_recipe, parse_recipe

# (text, what the message says, what the hint says)
MISTAKES = [
    ("name: x\nbudgt: {minutes: 3}", "line 2: there is no key 'budgt'", "'budget'"),
    ("name: x\ntrain:\n  - lerning_rate: 3", "line 3: there is no key 'train.0.lerning_rate'", "'learning_rate'"),
    ("name: x\nbudget:\n  minutes: many", "line 3: budget.minutes: should be a valid number", "schema"),
    ("name: x\nbudget: {minutes: .nan}", "line 2: budget.minutes: should be a finite number", "schema"),
    ("name: x\nbudget: {minutes: 1, hours: 2}", "give one of minutes, hours and usd", "schema"),
    ("name: x\nbudget: {usd: 5}", "needs `gpu`", "schema"),
    ("name: !!python/object:os.system x", "line 1: the tag 'python/object:os.system' is not allowed", "plain values"),
    ("name: !secret x", "line 1: the tag '!secret' is not allowed", "plain values"),
    ("- a", "a recipe is a mapping", "name: my-model"),
    ("name: x\nname: y", "line 2: the key 'name' stands twice", None),
    ("a: [", "line 1: not valid YAML", None),
    ("name: x\ntrain:\n  - {tokens: lots}", "line 3: train.0.tokens", "schema"),
    ("name: x\ntrain:\n  - {tokens: -5}", "line 3: train.0: tokens is -5", "schema"),
    ("name: x\ntrain:\n  - {context: 512, batch_tokens: 100}", "batch_tokens (100) is less than one row", "schema"),
    ("name: x\ntrain: []", "line 2: train: should have at least 1 entry", "schema"),
    ("name: x\ndata:\n  sources:\n   - {dir: a, git: b}", "line 4: data.sources.0: a source is one of", "schema"),
    ("name: x\ndata:\n  sources:\n   - {}", "this one has none", "schema"),
    ("name: x\nmodel: {scratch: {parameters: 12.5}}", "12.5 is not a whole number", "schema"),
    (
        "name: x\nmodel: {scratch: {layers: 0}}",
        "line 2: model.scratch.layers: should be greater than or equal to 1",
        None,
    ),
    ("name: x\nmodel: {scratch: {layers: 1000000}}", "model.scratch.layers", "schema"),
    ("name: ../x", "line 1: name: should be text that matches", "schema"),
    ("budget: {minutes: 3}", "the key 'name' is missing", None),
    ("", "the key 'name' is missing", None),
    (
        "name: x\ndata: {split: {by: folder}}",
        "line 2: data.split.by: should be 'repository', 'file' or 'commit-time'",
        "schema",
    ),
]


@pytest.mark.parametrize(("text", "message", "hint"), MISTAKES)
def test_a_mistake_names_its_line_and_the_fix(text: str, message: str, hint: str | None) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text)
    assert message in caught.value.message
    assert hint is None or hint in str(caught.value.hint)
    assert caught.value.exit_code == 3


def test_every_value_knows_where_it_came_from() -> None:
    resolved = parse_recipe(
        "name: x\nbudget: {minutes: 4}\ntrain:\n  - context: 256\n", ["train.0.tokens=2M", "data.split.valid=0.1"]
    )
    assert resolved.origins["budget.minutes"] == "line 2"
    assert resolved.origins["train.0.context"] == "line 4"
    assert resolved.origins["train.0.tokens"] == "--set"
    assert resolved.origins["data.split.valid"] == "--set"
    assert resolved.origins["seed"] == "default"
    assert resolved.recipe.train[0].tokens == 2_000_000
    assert resolved.recipe.data.split.valid == 0.1


@pytest.mark.parametrize("override", ["train", "train.x=1", "train.7.context=64", "name.first=1", "seed=[", "nope=1"])
def test_a_wrong_override_is_refused(override: str) -> None:
    with pytest.raises(RecipeError, match=r"--set|nope"):
        parse_recipe("name: x", [override])


def test_an_override_makes_the_sections_it_needs() -> None:
    recipe = parse_recipe("name: x", ["model.scratch.layers=3", "data.sources.0.dir=/code"]).recipe
    assert recipe.model.scratch.layers == 3
    assert recipe.data.sources[0].dir == "/code"


def test_an_alias_bomb_is_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    with pytest.raises(RecipeError, match="more values than any recipe has"):
        parse_recipe("\n".join(lines))


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(RecipeError):
        parse_recipe("name: " + "[" * 5000 + "]" * 5000)


def test_a_missing_recipe_names_a_near_one(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text("name: x")
    with pytest.raises(RecipeError, match=r"demo\.yaml"):
        load_recipe(tmp_path / "dmo.yaml")


def test_a_recipe_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(RecipeError, match="not UTF-8"):
        load_recipe(tmp_path / "r.yaml")


def test_paths_start_at_the_recipes_folder(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("name: x")
    recipe = load_recipe(tmp_path / "r.yaml").recipe
    assert recipe.resolve("code") == tmp_path / "code"
    assert recipe.resolve("~") == Path.home()


def test_a_section_changes_only_with_its_own_keys() -> None:
    one = Recipe.model_validate({"name": "a", "seed": 1, "eval": {"samples": 5}})
    two = Recipe.model_validate({"name": "b", "seed": 1, "eval": {"samples": 6}})
    assert one.section(("seed", "train.0.fim")) == two.section(("seed", "train.0.fim"))
    assert one.section(("eval",)) != two.section(("eval",))


def test_the_schema_has_at_most_about_a_hundred_keys_beside_the_limits_of_filters() -> None:
    schema = Recipe.model_json_schema()
    parts = [part for name, part in schema["$defs"].items() if name != "Filters"]  # a table: docs/concepts/quality.md
    n_keys = sum(len(part.get("properties", {})) for part in (schema, *parts))
    assert n_keys <= 110


def test_an_error_that_comes_up_later_names_the_line_of_its_key() -> None:
    text = "name: r\ndata:\n  filters:\n    by_language:\n      pyhton: {max_line_length: 5}\n  languages: [c]\n"
    resolved = parse_recipe(text, ["seed=3"])
    told = []
    for message in ("data.filters.by_language.pyhton: none", "data.languages.0: none", "seed: bad", "no key: at all"):
        with pytest.raises(RecipeError) as error, resolved.with_lines():
            raise RecipeError(message)
        told.append(error.value.message.removesuffix(message))
    assert told == ["recipe, line 5: ", "recipe, line 6: ", "--set: ", ""]
