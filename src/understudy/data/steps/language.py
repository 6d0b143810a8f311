"""Corrects the language that a file's name gave it, where the name is open and the content is not.

name ─▶ contradicted by the first line? ─▶ shared by several languages: signs ─▶ magika, with `detect: content`

A name that says one thing is believed: `.py` is Python, and only a first line of XML takes that back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import pyarrow as pa

from understudy.data.documents import Verdict, dropped, open_rows, texts, with_columns
from understudy.data.steps.magika_model import KNOWN, LEAST_SCORE, Model
from understudy.data.steps.signs import by_shebang, by_sign, contradiction
from understudy.formats.languages import KEPT_BY_DEFAULT, claimants, extension_of

NOTEBOOK = ".ipynb"  # the step before has read its kernel
BY_NAME_ALONE = "its name"


class Answer(NamedTuple):
    """A language, and what told it."""

    lang: str | None
    told_by: str


class DetectLanguage:
    """Sets `lang` by content where the name leaves it open, and drops files of languages that are not wanted then.

    `wanted`: the languages to keep, None for the usual ones. `magika`: the model's edition, None to do without.
    """

    name: ClassVar[str] = "language"
    version: ClassVar[str] = "1"

    def __init__(self, wanted: Sequence[str] | None = None, magika: str | None = None) -> None:
        self._wanted = KEPT_BY_DEFAULT if wanted is None else frozenset(wanted)
        self._edition = magika
        self._model: Model | None = None

    def setup(self) -> None:
        self._model = Model() if self._edition is not None else None

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        contents, paths = texts(batch), batch.column("path").to_pylist()
        langs, verdicts = batch.column("lang").to_pylist(), {}
        for row in open_rows(batch):
            if extension_of(paths[row]) == NOTEBOOK:
                continue
            answer = self._answer(contents[row] or "", paths[row], langs[row])
            if answer.lang not in self._wanted:
                verdicts[row] = _unwanted(answer, langs[row])
            langs[row] = answer.lang
        return dropped(with_columns(batch, {"lang": langs}), self.name, verdicts)

    def _answer(self, text: str, path: str, lang: str | None) -> Answer:
        """Which language it is, by what its name leaves open."""
        if lang is not None and (other := contradiction(text, lang)):
            return Answer(other, "its first line")
        shared = claimants(path)
        if shared:
            sign = by_sign(text, extension_of(path), shared)
            if sign is not None:
                return Answer(sign, "its words")
        elif lang is None and (shebang := by_shebang(text)):
            return Answer(shebang, "its first line")
        return self._guessed(text, lang, shared)

    def _guessed(self, text: str, lang: str | None, shared: tuple[str, ...]) -> Answer:
        """Magika's answer: any language for a name that says nothing, else one of those that share the extension."""
        if lang is not None and (self._model is None or len(KNOWN.intersection(shared) - {"xml"}) < 2):
            return Answer(lang, BY_NAME_ALONE)
        guess = self._model.guess(text.encode()) if self._model is not None else None
        if guess is not None and guess.score >= LEAST_SCORE and guess.lang is not None and (
            lang is None or guess.lang in shared
        ):  # fmt: skip
            return Answer(guess.lang, f"magika, {guess.score:.2f}")
        if lang is not None:
            return Answer(lang, BY_NAME_ALONE)
        return Answer(None, f"magika says {guess.label}, {guess.score:.2f}" if guess else "no sign in its text")


def _unwanted(answer: Answer, lang: str | None) -> Verdict:
    if answer.lang is None:
        return Verdict("unknown-language", answer.told_by)
    named = f"named as {lang}, " if lang not in (None, answer.lang) else ""
    return Verdict("language-not-wanted", f"{named}it is {answer.lang} by {answer.told_by}")
