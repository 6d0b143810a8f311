"""One place where a question and its value become an answer: the table of what `data inspect` can be asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from understudy.data.inspection import questions
from understudy.data.inspection.files import files_named
from understudy.data.inspection.opened import Corpus, opened
from understudy.data.inspection.summary import summary

QUESTIONS: dict[str, Callable[[Corpus, Any, int], dict[str, Any]]] = {
    "file": files_named,
    "cluster": questions.cluster,
    "rule": questions.rule,
    "redactions": questions.redactions,
    "license": questions.license_,
    "funnel": lambda corpus, _, limit: questions.funnel(corpus),
    "held-out": lambda corpus, _, limit: questions.held_out(corpus, limit),
    "clusters": lambda corpus, _, limit: {"clusters": questions.clusters(corpus, limit)},
}


def answer(folder: Path, question: str, value: Any, limit: int) -> dict[str, Any]:
    """The answer to one of QUESTIONS about the corpus in a folder."""
    with opened(folder) as corpus:
        return QUESTIONS[question](corpus, value, limit)


def summary_of(folder: Path) -> dict[str, Any]:
    """What the data report shows of the corpus in a folder."""
    with opened(folder) as corpus:
        return summary(corpus)
