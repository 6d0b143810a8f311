"""Completions as a person would meet them: prompt with its cursor, the truth, what the model wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from understudy.core.units import percent_text
from understudy.report.blocks import Block, Completion, Completions, Missing, Section
from understudy.report.reading import MODES, Run, at, number, rows, text
from understudy.report.visible import visible_code

PROMPT_LINES = 10
SUFFIX_LINES = 6
ANSWER_LINES = 12
MAX_CHARACTERS = 1500  # of any one text; minified lines are long
MAX_SHOWCASE = 12
MORE_PER_MODE = 5
SCANNED = 4000  # rows of samples.jsonl looked at for the further ones


def section(run: Run) -> Section:
    """Completions beside the truth, by rule and then in the exam's order."""
    if "scores" not in run.artifacts:
        return Section("completions", "Completions", "", [Missing("there are no scores among these artifacts")])
    showcase = run.json("scores", "showcase.json")
    items = [item for item in rows(showcase, "items") if isinstance(item, dict)][:MAX_SHOWCASE]
    blocks: list[Block] = []
    if items:
        rule = text(showcase, "rule") or ""
        blocks.append(
            Completions("", [_completion(item) for item in items], f"How these were chosen: {rule}" if rule else "")
        )
    blocks += _more(run, {text(item, "task_id") for item in items})
    lead = "Held-out code the model has not seen. Where its text departs from the truth, the rest is underlined."
    return Section("completions", "Completions", lead, blocks or [Missing("no completions were recorded")])


def _more(run: Run, shown: set[str | None]) -> list[Block]:
    """The first of the exam's other answers, in the exam's own order: nobody chose them."""
    samples = run.first_records("scores", "samples.jsonl", SCANNED)
    found: list[Completion] = []
    for mode in MODES:
        others = [s for s in samples if text(s, "mode") == mode and text(s, "task_id") not in shown]
        found += [_completion(sample) for sample in others[:MORE_PER_MODE]]
    if not found:
        return []
    note = "The first answers of the exam in its own order, which is random and was drawn before anyone saw them."
    return [Completions(f"{len(found)} more", found, note, is_folded=True)]


def _completion(item: Mapping[str, Any]) -> Completion:
    """One completion, from a row of showcase.json or of samples.jsonl."""
    answer = at(item, "systems", "model") or item
    truth, completion = text(item, "truth") or "", text(answer, "completion") or ""
    suffix = text(item, "suffix")
    is_exact = at(answer, "exact_match") is True
    similarity = number(answer, "edit_similarity")
    return Completion(
        mode=text(item, "mode") or "",
        path=text(item, "path") or "",
        remark=_remark(item),
        prefix=visible_code(_tail(text(item, "prefix") or "")),
        suffix=None if suffix is None else visible_code(_head(suffix, SUFFIX_LINES)),
        truth=visible_code(_head(truth, ANSWER_LINES)),
        completion=_compared(_head(completion, ANSWER_LINES), truth),
        verdict="exactly right" if is_exact else "" if similarity is None else f"{percent_text(similarity)} similar",
        is_exact=is_exact,
    )


def _remark(item: Mapping[str, Any]) -> str:
    quantile = number(item, "quantile")
    place = {0.75: "upper quartile", 0.5: "median", 0.25: "lower quartile"}.get(quantile or 0.0, "")
    return ", ".join(word for word in (text(item, "repo"), (text(item, "task") or "").replace("-", " "), place) if word)


def _compared(completion: str, truth: str) -> Markup:
    """The completion, marked from the first character that differs from the truth."""
    if not completion:
        return Markup('<span class="nothing">(nothing)</span>')
    shorter = min(len(completion), len(truth))
    same = next((place for place in range(shorter) if completion[place] != truth[place]), shorter)
    if not completion[same:].strip():
        return visible_code(completion)
    return visible_code(completion[:same]) + Markup("<mark>{}</mark>").format(visible_code(completion[same:]))


def _tail(prefix: str) -> str:
    """The end of the prompt, whole lines where possible."""
    lines = prefix.splitlines(keepends=True)[-PROMPT_LINES:]
    kept = "".join(lines)[-MAX_CHARACTERS:]
    return kept if len(kept) == len(prefix) else f"…\n{kept}"


def _head(code: str, n_lines: int) -> str:
    kept = "".join(code.splitlines(keepends=True)[:n_lines])[:MAX_CHARACTERS]
    return kept if len(kept) == len(code) else f"{kept.rstrip()}\n…"
