"""own-code: complete lines and spans of held-out files, from the left only and with the suffix known.

    held-out files ──items──▶ model · random weights · nearest line ──cut──▶ exact match, edit similarity ──▶ intervals

A completion is cut to as many lines as the truth has, for every system alike; whitespace at line ends does not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from understudy.eval.documents import held_out, training_text
from understudy.eval.exam import Exam
from understudy.eval.items import Item, choose_items
from understudy.eval.nearest_line import copy_nearest
from understudy.eval.results import (
    MODEL,
    MODES,
    NEAREST_LINE,
    RANDOM_WEIGHTS,
    Mode,
    SuiteResult,
    measured,
    not_measured,
)
from understudy.eval.similarity import cut_to_lines, edit_similarity, exact_match
from understudy.eval.statistics import MIN_CLUSTERS, generator, mean_interval, paired_difference, share_interval

MAX_HELD_OUT_BYTES = 64_000_000  # of files opened, all together
MAX_TRAINING_BYTES = 200_000_000  # that the nearest line is looked for in: 25 s; a larger corpus gives every k-th file
PROMPT_CHARACTERS_PER_TOKEN = 8  # kept around the cursor; code has 3 to 5, so the context ends first
RANDOM_ITEMS = 32  # per mode: random weights never stop by themselves, and so few show that they know nothing
RULE = (
    "Places in held-out files chosen by seed, files in turn: the rest of a line, the whole next line (left-to-right); "
    "a span inside a line, one to three whole lines (fill-in-the-middle). Not blank or bracket lines, imports, or the "
    "comment a file begins with. Greedy; cut to as many lines as the truth has. Exact match: equal but for whitespace "
    "at line ends. Edit similarity: 1 - Levenshtein / longer length. Intervals: 95 %, resampled by file. "
    "smallest_difference: what a 5 % test finds with 80 % power, in another model's score or, paired, the difference. "
    f"random-weights answers the first {RANDOM_ITEMS} items of a mode."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion, cut, beside how right it is."""

    text: str
    exact_match: float
    edit_similarity: float


Answers = dict[str, Answer]  # by task id


def own_code(exam: Exam) -> SuiteResult:
    """Scores of both modes for the model and the baselines that the recipe names."""
    items = {mode: _items(exam, mode) for mode in MODES}
    every = [item for mode in MODES for item in items[mode]]
    answers = {MODEL: _answers(every, exam.complete(MODEL, every))}
    for baseline in exam.settings.baselines:
        asked = [item for mode in MODES for item in items[mode][: _n_asked(baseline, items[mode])]]
        answers[baseline] = _answers(asked, _ask_baseline(exam, baseline, asked))
    scores: dict[str, Any] = {mode: _mode_scores(exam, mode, items[mode], answers) for mode in MODES}
    return SuiteResult(RULE, scores, [_sample(item, answers) for item in every], _metrics(scores))


def _items(exam: Exam, mode: Mode) -> list[Item]:
    """The mode's items; none when the model does not know the mode, or when one file alone would give them."""
    if not _knows(exam, mode):
        return []
    settings, random = exam.settings, generator(exam.seed, f"own-code/{mode}")
    documents = held_out(exam.corpus, random, settings.samples, MAX_HELD_OUT_BYTES)
    window = PROMPT_CHARACTERS_PER_TOKEN * exam.context
    items = choose_items(documents, mode, settings.samples, settings.max_tokens, window, random)
    return items if len({item.file_id for item in items}) >= MIN_CLUSTERS else []


def _knows(exam: Exam, mode: Mode) -> bool:
    return mode != "fill-in-the-middle" or exam.usage.fim_mode is not None


def _n_asked(baseline: str, items: Sequence[Item]) -> int:
    return RANDOM_ITEMS if baseline == RANDOM_WEIGHTS else len(items)


def _ask_baseline(exam: Exam, baseline: str, items: Sequence[Item]) -> list[str]:
    if baseline == RANDOM_WEIGHTS:
        return exam.complete(RANDOM_WEIGHTS, items)
    return _nearest_lines(exam, items)


def _nearest_lines(exam: Exam, items: Sequence[Item]) -> list[str]:
    keys = [exam.key(NEAREST_LINE, item.task_id) for item in items]
    if any(exam.finished.get(key) is None for key in keys):
        exam.events.progress("looking for the nearest training lines", 0, len(items), "items")
        texts = copy_nearest(items, training_text(exam.corpus, MAX_TRAINING_BYTES))
        exam.finished.add(dict(zip(keys, texts, strict=True)))
    return [str(exam.finished.get(key)) for key in keys]


def _answers(items: Sequence[Item], texts: Sequence[str]) -> Answers:
    return {item.task_id: judge(item, text) for item, text in zip(items, texts, strict=True)}


def judge(item: Item, text: str) -> Answer:
    """The completion cut by the suite's rule and compared with the truth."""
    cut = cut_to_lines(text, item.n_lines)
    return Answer(cut, float(exact_match(cut, item.truth)), edit_similarity(cut, item.truth))


def _mode_scores(exam: Exam, mode: Mode, items: Sequence[Item], answers: Mapping[str, Answers]) -> dict[str, Any]:
    if not _knows(exam, mode):
        return not_measured("the model was trained without fill-in-the-middle")
    if not items:
        return not_measured("fewer than two held-out files have lines to ask for; raise data.split.valid")
    scores: dict[str, Any] = {}
    for system, given in answers.items():
        asked = [item for item in items if item.task_id in given]
        scores[system] = _system_scores(exam, asked, given)
        if system != MODEL:
            scores[system]["difference"] = _differences(exam, asked, answers[MODEL], given)
    ours = answers[MODEL]
    scores[MODEL]["by_task"] = _by(exam, items, ours, [(item.task, item) for item in items])
    scores[MODEL]["by_language"] = _by(exam, items, ours, [(item.lang, item) for item in items])
    return scores


def _system_scores(exam: Exam, items: Sequence[Item], given: Answers) -> dict[str, Any]:
    files = [item.file_id for item in items]
    hits = [given[item.task_id].exact_match for item in items]
    similarities = [given[item.task_id].edit_similarity for item in items]
    n_files = len(set(files))
    return {
        "exact_match": measured(share_interval(hits, files, exam.seed), n_files),
        "edit_similarity": measured(mean_interval(similarities, files, exam.seed), n_files),
    }


def _differences(exam: Exam, items: Sequence[Item], ours: Answers, theirs: Answers) -> dict[str, Any]:
    """Model minus baseline on the items both were asked, paired."""
    files = [item.file_id for item in items]
    found = {}
    for measure in ("exact_match", "edit_similarity"):
        our_values = [getattr(ours[item.task_id], measure) for item in items]
        their_values = [getattr(theirs[item.task_id], measure) for item in items]
        found[measure] = measured(paired_difference(our_values, their_values, files, exam.seed), len(set(files)))
    return found


def _by(exam: Exam, items: Sequence[Item], given: Answers, named: Sequence[tuple[str, Item]]) -> dict[str, Any]:
    names = sorted({name for name, _ in named})
    return {name: _system_scores(exam, [item for other, item in named if other == name], given) for name in names}


def _sample(item: Item, answers: Mapping[str, Answers]) -> dict[str, Any]:
    """The row of samples.jsonl: all that is needed to judge by eye, or to judge again."""
    return {
        "suite": "own-code",
        "task_id": item.task_id,
        "mode": item.mode,
        "task": item.task,
        "repo": item.repo,
        "path": item.path,
        "lang": item.lang,
        "prefix": item.prefix,
        "suffix": item.suffix,
        "truth": item.truth,
        "systems": {
            system: {
                "completion": given[item.task_id].text,
                "exact_match": bool(given[item.task_id].exact_match),
                "edit_similarity": given[item.task_id].edit_similarity,
            }
            for system, given in answers.items()
            if item.task_id in given
        },
    }


def _metrics(scores: Mapping[str, Any]) -> dict[str, float]:
    """`own-code.<mode>.<measure>` for the model, `own-code.<mode>.<baseline>.<measure>` for the others."""
    found = {}
    for mode, systems in scores.items():
        for system, values in systems.items():
            if system == "not_measured":
                continue
            name = f"own-code.{mode}" if system == MODEL else f"own-code.{mode}.{system}"
            for measure in ("exact_match", "edit_similarity"):
                if "value" in values[measure]:
                    found[f"{name}.{measure}"] = values[measure]["value"]
    return found
