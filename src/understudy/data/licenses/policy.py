"""A recipe's policy on licences, with every name spelled out."""

from __future__ import annotations

import difflib
from typing import NamedTuple

from understudy.core.errors import RecipeError
from understudy.core.recipe import Recipe
from understudy.data.licenses.expressions import family, known_ids, permissive


class Policy(NamedTuple):
    """What a recipe takes; `allow` None is every licence."""

    allow: frozenset[str] | None
    deny: frozenset[str]
    drops_unknown: bool


def policy_of(recipe: Recipe) -> Policy:
    """The recipe's policy with names spelled out: `GPL-3.0` is both `-only` and `-or-later`.

    Raises RecipeError for a name that is no licence.
    """
    licenses = recipe.data.licenses
    if licenses.allow == "any":
        allow = None
    elif licenses.allow == "permissive":
        allow = permissive()
    else:
        allow = _ids(licenses.allow, "allow")
    return Policy(allow, _ids(licenses.deny, "deny"), licenses.unknown == "drop")


def _ids(names: str | tuple[str, ...], key: str) -> frozenset[str]:
    found: set[str] = set()
    for name in (names,) if isinstance(names, str) else names:
        ids = permissive() if name == "permissive" else family(name)
        if not ids:
            raise RecipeError(f"data.licenses.{key}: there is no licence {name!r}", nearest_license(name))
        found.update(ids)
    return frozenset(found)


def nearest_license(name: str) -> str:
    """What to write instead: an id that begins like the name (`GPL-3`), or else the one most like it."""
    ids = known_ids()
    like = [known for known in ids if known.lower().startswith(name.lower())]
    near = difflib.get_close_matches(name, like, 1, 0.0) or difflib.get_close_matches(name, ids, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else "use ids of https://spdx.org/licenses, as in MIT"
