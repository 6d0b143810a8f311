"""Expressions are taken apart and held against a policy: of alternatives one is enough, of what applies all must be."""

from __future__ import annotations

import pytest

from understudy.core.errors import RecipeError
from understudy.core.recipe import Recipe
from understudy.data.licenses.expressions import all_of, any_of, canonical, ids_in, is_allowed, permissive, terms
from understudy.data.licenses.policy import policy_of

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("(MIT OR GPL-3.0-only) AND (Zlib OR AGPL-3.0-only)", True),
        ("LGPL-3.0-only", False),
        ("MPL-2.0", False),
        ("LicenseRef-Acme", False),
        ("no such licence", False),
    ],
)
def test_permissive_means_what_the_stack_means(expression: str, expected: bool) -> None:
    assert is_allowed(expression, permissive(), NONE) is expected


def test_what_is_denied_is_not_taken_whatever_is_allowed() -> None:
    deny = frozenset(("GPL-3.0-only",))
    assert not is_allowed("GPL-3.0-only", None, deny)
    assert is_allowed("GPL-3.0-only OR MIT", None, deny)
    assert not is_allowed("GPL-3.0-only WITH GCC-exception-3.1", None, deny)
    assert is_allowed("GPL-3.0-only WITH GCC-exception-3.1", frozenset(("GPL-3.0-only WITH GCC-exception-3.1",)), deny)


def test_expressions_are_spelled_as_spdx_does() -> None:
    assert canonical("mit or gpl-2.0+") == "MIT OR GPL-2.0-or-later"
    assert canonical("MIT OR") is None
    assert canonical("(" * 3_000) is None
    assert terms("MIT AND (BSD-3-Clause OR GPL-2.0-only) AND MIT") == ("MIT", "BSD-3-Clause OR GPL-2.0-only")
    assert all_of(["MIT", "Zlib OR ISC", "MIT"]) == "MIT AND (Zlib OR ISC)"
    assert any_of(["MIT", "Zlib AND ISC"]) == "MIT OR (Zlib AND ISC)"
    assert ids_in("MIT AND (Zlib OR MIT)") == ("MIT", "Zlib")


def test_a_name_without_only_or_later_means_both() -> None:
    recipe = Recipe.model_validate({"name": "t", "data": {"licenses": {"allow": ["MIT"], "deny": ["GPL-3.0"]}}})
    assert policy_of(recipe).deny == {"GPL-3.0-only", "GPL-3.0-or-later"}


def test_a_licence_that_does_not_exist_is_told_with_the_nearest() -> None:
    recipe = Recipe.model_validate({"name": "t", "data": {"licenses": {"deny": ["AGPL-3.0-onyl"]}}})
    with pytest.raises(RecipeError, match=r"AGPL-3\.0-onyl") as error:
        policy_of(recipe)
    assert "AGPL-3.0-only" in str(error.value.hint)
