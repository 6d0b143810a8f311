"""The one paragraph for somebody who reads nothing else. Every number in it stands again below, with its source."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from understudy.core.units import bytes_text, count_text, duration_text, percent_text
from understudy.report.reading import Run, number, table
from understudy.report.sections.plan import comparisons
from understudy.report.visible import visible_text

MODE = "left-to-right"
BASELINES = (("random-weights", "random weights"), ("nearest-line", "copying the nearest training line"))


def opening(run: Run) -> Markup:
    """The result in a few sentences; what was not measured is left out."""
    parts = [part for part in (_made(run) or _gathered(run), _bits(run), _exact(run)) if part]
    return Markup("; ").join(parts) + "." if parts else Markup("Nothing was measured yet.")


def subtitle(run: Run) -> str:
    """When the newest of the artifacts was made, and by which version."""
    newest = max(run.in_order(), key=lambda artifact: artifact.created, default=None)
    if newest is None:
        return ""
    return f"{newest.created_text} UTC, understudy {newest.made_by.get('understudy', '?')}"


def _made(run: Run) -> Markup | None:
    choice, usage = table(run.json("plan", "plan.json"), "choice"), run.json("model", "training.json")
    parameters = number(usage, "parameters") or number(choice, "parameters")
    if "model" not in run.artifacts or parameters is None:
        return None
    seconds = next(item.actual for item in comparisons(run) if item.name == "training time")
    size = _training_bytes(run)
    words = _strong(f"{count_text(parameters)} parameters")
    words += Markup(" trained") if seconds is None else Markup(" trained {}").format(_strong(duration_text(seconds)))
    return words + (Markup(" on {} of code").format(_strong(bytes_text(size))) if size else Markup(""))


def _gathered(run: Run) -> Markup | None:
    """Without a model: what there is to train on."""
    size = _training_bytes(run)
    if size is None:
        return None
    return Markup("{} of code to train on; no model yet").format(_strong(bytes_text(size)))


def _training_bytes(run: Run) -> float | None:
    """Bytes of text in the training split, from the first file that says."""
    places = (
        number(run.json("tokens", "manifest.json"), "splits", "train", "n_bytes"),
        number(run.json("corpus", "statistics.json"), "totals", "train", "size_bytes"),
    )
    return next((found for found in places if found), None)


def _bits(run: Run) -> Markup | None:
    suites = table(run.json("scores", "scores.json"), "suites")
    value, source = number(suites, "bits-per-byte", "overall", "value"), "held-out"
    if value is None:
        value, source = (
            number(run.json("model", "training.json"), "actual", "valid_bits_per_byte"),
            "held-out while training",
        )
    return Markup("{} {}").format(source, _strong(f"{value:.2f} bits per byte")) if value is not None else None


def _exact(run: Run) -> Markup | None:
    systems = table(run.json("scores", "scores.json"), "suites", "own-code", MODE)
    ours = _share(systems.get("model"))
    if ours is None:
        return None
    words = Markup("completes {} of held-out lines exactly").format(_strong(ours))
    shares = [(name, _share(systems.get(key), has_interval=False)) for key, name in BASELINES]
    others = [Markup("{} <span>{}</span>").format(name, share) for name, share in shares if share is not None]
    return words + (Markup(" ({})").format(Markup(", ").join(others)) if others else Markup(""))


def _share(system: Any, has_interval: bool = True) -> str | None:
    """`14 % [10, 19]`: whole percents, with the interval's ends."""
    record = table(system, "exact_match")
    value, low, high = (number(record, key) for key in ("value", "low", "high"))
    if value is None:
        return None
    words = f"{100 * value:.0f} %" if value == 0 or value >= 0.01 else percent_text(value)
    if not has_interval or low is None or high is None:
        return words
    return f"{words} [{100 * low:.0f}, {100 * high:.0f}]"


def _strong(words: str) -> Markup:
    return Markup("<strong>{}</strong>").format(visible_text(words))
