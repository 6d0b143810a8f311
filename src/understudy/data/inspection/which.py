"""The corpus that a person means: by its recipe, by its id, or by anything that was made from it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from understudy.core.artifact import Artifact, Store
from understudy.core.errors import UsageError
from understudy.core.paths import Project, expanded
from understudy.core.recipe_file import load_recipe
from understudy.data.stage import STAGE

ENDINGS = (".yaml", ".yml")


def corpus_meant(target: Path | str, project: Project, overrides: Sequence[str] = ()) -> Artifact:
    """The corpus of a recipe, or the one of an id, a prefix, a path or `latest`; of a model, the one it learned from.

    Raises UsageError with the next command where the recipe's corpus has not been made.
    """
    path = expanded(target)
    if path.is_file() or path.suffix in ENDINGS:
        return _of_recipe(path, project, overrides)
    store = Store(project)
    artifact = store.open(str(target), "corpus" if str(target) == "latest" else None)
    corpus = artifact if artifact.kind == "corpus" else _behind(store, artifact)
    if corpus is None:
        raise UsageError(f"{artifact.id} was made from no corpus that is still here", "understudy runs   (lists them)")
    return corpus


def _of_recipe(path: Path, project: Project, overrides: Sequence[str]) -> Artifact:
    """The newest corpus that was made by exactly this recipe. Its sources may have changed since: nothing is read."""
    recipe = load_recipe(path, overrides).recipe
    section = recipe.section(STAGE.reads)
    made = Store(project).all("corpus")
    for artifact in reversed(made):
        if artifact.made_by.get("section") == section:
            return artifact
    typed = " ".join([shlex.quote(str(path)), *(f"--set {shlex.quote(value)}" for value in overrides)])
    older = [artifact.id for artifact in made if artifact.made_by.get("recipe") == recipe.name]
    message = f"the corpus of {path} has not been made yet"
    if older:
        message = f"{path} was changed since its corpus {older[-1]} was made"
    also = f"; or look into the older one:  understudy data inspect {older[-1]}" if older else ""
    raise UsageError(message, f"understudy data {typed}{also}")


def _behind(store: Store, artifact: Artifact) -> Artifact | None:
    """The corpus among all that an artifact was made from."""
    waiting, seen = list(artifact.inputs), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        found = store.find(name.rsplit("-", 1)[0], name)
        if found and found.kind == "corpus":
            return found
        waiting.extend(found.inputs if found else ())
    return None


def tokens_of(corpus: Artifact, project: Project) -> Artifact | None:
    """The newest tokens that were made from a corpus; None before there are any."""
    made = [artifact for artifact in Store(project).all("tokens") if corpus.id in artifact.inputs]
    return made[-1] if made else None
