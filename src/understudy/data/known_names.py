"""Refuses names in the recipe that stand for nothing: a misspelt language or licence would silently do nothing."""

from __future__ import annotations

import difflib

from understudy.core.errors import RecipeError
from understudy.core.recipe import Recipe
from understudy.formats.languages import BY_NAME


def check_names(recipe: Recipe) -> None:
    """Raises RecipeError for the first unknown language or licence; its message begins with the key."""
    for at, language in enumerate(recipe.data.languages or ()):
        _check_language(f"data.languages.{at}", language)
    for language in recipe.data.filters.by_language:
        _check_language(f"data.filters.by_language.{language}", language)
    _check_licenses(recipe)


def _check_language(key: str, language: str) -> None:
    if language in BY_NAME:
        return
    near = [language.lower()] if language.lower() in BY_NAME else difflib.get_close_matches(language, BY_NAME, 1, 0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(BY_NAME)}"
    raise RecipeError(f"{key}: there is no language {language!r}", hint)


def _check_licenses(recipe: Recipe) -> None:
    policy, sources = recipe.data.licenses, recipe.data.sources
    if policy.allow in ("any", "permissive") and not policy.deny and not any(source.license for source in sources):
        return  # reading SPDX's list takes a moment
    from understudy.data.licenses.expressions import canonical
    from understudy.data.licenses.policy import nearest_license, policy_of

    policy_of(recipe)
    for at, source in enumerate(sources):
        if source.license is not None and canonical(source.license) is None:
            raise RecipeError(
                f"data.sources.{at}.license: there is no licence {source.license!r}", nearest_license(source.license)
            )
