"""A name in the recipe that stands for nothing is refused before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from understudy.core.errors import RecipeError
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.data.inventory import check_recipe


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        ({"languages": ["c", "C++"]}, "data.languages.1: there is no language 'C++'", "did you mean 'c++'?"),
        ({"filters": {"by_language": {"Python": {"max_line_length": 5}}}},
         "data.filters.by_language.Python: there is no language 'Python'", "did you mean 'python'?"),
        ({"filters": {"by_language": {"pyhton": {"max_line_length": 5}}}},
         "data.filters.by_language.pyhton: there is no language 'pyhton'", "did you mean 'python'?"),
        ({"licenses": {"deny": ["GPL-3"]}}, "data.licenses.deny: there is no licence 'GPL-3'",
         "did you mean 'GPL-3.0-only'?"),
        ({"sources": [{"dir": "x", "license": "MITT"}]},
         "data.sources.0.license: there is no licence 'MITT'", "did you mean 'MIT'?"),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_named_with_the_nearest(
    data: dict[str, Any], message: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as error:
        check_recipe(Recipe.model_validate({"name": "r", "data": data}), Project(tmp_path))
    assert (error.value.message, error.value.hint) == (message, hint)


def test_a_file_of_rules_that_is_not_there_is_the_recipes_mistake(tmp_path: Path) -> None:
    recipe = Recipe.model_validate({"name": "r", "data": {"redact": {"rules": "missing.yaml"}}})
    with pytest.raises(RecipeError, match=r"redact\.rules: cannot read .*missing\.yaml: No such file"):
        check_recipe(recipe, Project(tmp_path))


@pytest.mark.parametrize("name", ["MIT", "GPL-3.0", "LicenseRef-Acme", "MIT OR Apache-2.0", "Apache-2.0 AND MIT"])
def test_licences_of_sources_may_be_expressions_and_names_of_ones_own(name: str, tmp_path: Path) -> None:
    sources = [{"dir": "x", "license": name}]
    check_recipe(Recipe.model_validate({"name": "r", "data": {"sources": sources}}), Project(tmp_path))
