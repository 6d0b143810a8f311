"""From sources to a clean corpus. `stage.py` draws the way; what the other stages know of it is `survey`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.core.paths import Project
    from understudy.core.recipe import Recipe
    from understudy.core.stage import Survey
    from understudy.core.tracking import Events


def survey(recipe: Recipe, project: Project, events: Events) -> Survey:
    """What the recipe's sources hold now. Unchanged files are not read again.

    Raises InputDataError naming the source that is missing, empty or without a usable file.
    """
    from understudy.data.inventory import take_survey  # workers import this package and must not pay for the recipe

    return take_survey(recipe, project, events)


__all__ = ["survey"]
