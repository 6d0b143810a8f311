"""Takes personal text out of what the corpus has not cleaned: commit messages and diffs, by the files' steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from understudy.core.recipe import Recipe
from understudy.data.documents import completed
from understudy.data.steps import STEPS, steps_of
from understudy.data.steps.contract import RedactingStep, Step

SECRETS = "secrets"


class Cleaner:
    """The recipe's redacting steps. A text with a secret is never given back, whatever the recipe says of files."""

    def __init__(self, recipe: Recipe) -> None:
        settings = {setting.name: setting.settings for setting in steps_of(recipe)}
        settings[SECRETS] = {**settings.get(SECRETS, {}), "handling": "redact"}
        self._steps: list[Step] = []
        for name, row in STEPS.items():
            if name in settings and issubclass(row.make, RedactingStep):
                step: Any = row.make(**settings[name])
                step.setup()
                self._steps.append(step)

    def clean(self, texts: Sequence[str]) -> list[str] | None:
        """The texts with placeholders for what is personal; None if there is a secret in any."""
        batch = _batch(texts)
        for step in self._steps:
            before = _n_redactions(batch)
            batch = step(batch)
            if step.name == SECRETS and _n_redactions(batch) > before:
                return None
        cleaned: list[str] = batch.column("content").to_pylist()
        return cleaned


def _n_redactions(batch: pa.RecordBatch) -> int:
    return sum(batch.column("redactions").to_pylist())


def _batch(texts: Sequence[str]) -> pa.RecordBatch:
    """Texts as the rows that steps work on."""
    n = len(texts)
    return completed({"content": texts, "path": ["commit"] * n, "repo": [""] * n, "redactions": [0] * n}, n)
