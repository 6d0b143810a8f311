"""Which completions a reader is shown. By rule, before anyone has seen them: the best ones would flatter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy.eval.results import MODEL, MODES

RULE = (
    "own-code items of each mode in order of the model's edit similarity (equal ones by task id): the one at the upper "
    "quartile, the one at the median, the one at the lower quartile. Not the best, not picked by eye."
)
QUANTILES = (0.75, 0.5, 0.25)
SHOWN_PREFIX_LINES = 12
SHOWN_SUFFIX_LINES = 6


def showcase(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The rule and the items it chooses, modes in turn, so that the first three hold both."""
    ranked = {mode: _ranked(samples, mode) for mode in MODES}
    items: list[dict[str, Any]] = []
    for quantile in QUANTILES:
        for mode in MODES:
            shown = {item["task_id"] for item in items}
            items.extend(_shown(sample, quantile) for sample in _nearest(ranked[mode], quantile, shown))
    return {"rule": RULE, "items": items}


def _ranked(samples: Sequence[Mapping[str, Any]], mode: str) -> list[Mapping[str, Any]]:
    of_mode = [sample for sample in samples if sample["mode"] == mode]
    return sorted(of_mode, key=lambda sample: (sample["systems"][MODEL]["edit_similarity"], sample["task_id"]))


def _nearest(ranked: Sequence[Mapping[str, Any]], quantile: float, shown: set[str]) -> list[Mapping[str, Any]]:
    """The sample at the quantile, or the nearest that is not shown yet when there are too few; none when all are."""
    rank = quantile * (len(ranked) - 1)
    free = [place for place, sample in enumerate(ranked) if sample["task_id"] not in shown]
    return [ranked[min(free, key=lambda place: abs(place - rank))]] if free else []


def _shown(sample: Mapping[str, Any], quantile: float) -> dict[str, Any]:
    suffix = sample["suffix"]
    answer = sample["systems"][MODEL]
    return {
        **{name: sample[name] for name in ("task_id", "mode", "task", "repo", "path", "lang", "truth")},
        "quantile": quantile,
        "prefix": "".join(sample["prefix"].splitlines(keepends=True)[-SHOWN_PREFIX_LINES:]),
        "suffix": None if suffix is None else "".join(suffix.splitlines(keepends=True)[:SHOWN_SUFFIX_LINES]),
        "completion": answer["completion"],
        "exact_match": answer["exact_match"],
        "edit_similarity": answer["edit_similarity"],
    }
