"""Replaces names, and all else that a token-classification model finds, by `<NAME>` and its kin. Optional and offline.

text ─▶ windows that overlap ─▶ the model's label for each token ─▶ runs of one label ─▶ spans
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from understudy.core.errors import ResourceError
from understudy.data.steps.contract import RedactingStep, Span
from understudy.data.steps.name_model import label_kinds

MOST_TOKENS = 512  # a window; less where the model's positions end sooner
OVERLAP = 8  # an eighth of a window is seen twice; a token's label is taken where it stands farther from the border
WINDOWS = 8  # at a time, all of one document: what a document's neighbours are changes nothing


class Piece(NamedTuple):
    """A run of tokens with one label, in characters."""

    start: int
    end: int
    name: str


class Names(RedactingStep):
    """Finds what a model in a Hugging Face folder was trained to find. Roughly 1,000 times slower than the rules."""

    name: ClassVar[str] = "names"
    version: ClassVar[str] = "1"
    reason: ClassVar[str] = "name"

    def __init__(self, handling: str, model: str, model_id: str = "") -> None:
        """`model_id` is a hash of the folder's files, so that kept results belong to one model."""
        super().__init__(handling)
        self._folder = Path(model)

    def setup(self) -> None:
        try:
            from transformers import AutoModelForTokenClassification, AutoTokenizer
        except ImportError as error:
            raise ResourceError(f"redact.names: {error}", "pip install 'understudy[hf]'") from None
        given = {"local_files_only": True, "trust_remote_code": False}
        self._tokenizer: Any = AutoTokenizer.from_pretrained(self._folder, use_fast=True, **given)
        self._model: Any = AutoModelForTokenClassification.from_pretrained(
            self._folder, use_safetensors=True, **given
        ).eval()
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token or self._tokenizer.unk_token
        self._kinds = label_kinds(self._model.config.id2label)
        positions = getattr(self._model.config, "max_position_embeddings", None) or MOST_TOKENS
        self._window = min(MOST_TOKENS, positions, self._tokenizer.model_max_length)

    def find(self, data: bytes) -> Iterator[Span]:
        text = data.decode()
        for piece in runs(self._labels(text), self._kinds):
            start, end = _trimmed(text, piece.start, piece.end)
            if end - start >= 2 and not _is_stand_in(text, start, end):
                first = len(text[:start].encode())
                yield Span(
                    first,
                    first + len(text[start:end].encode()),
                    f"model-{piece.name.lower()}",
                    b"<%s>" % piece.name.encode(),
                )

    def _labels(self, text: str) -> list[tuple[int, int, int]]:
        """(start, end, label) of every token, in order."""
        windows = self._tokenizer(
            text, truncation=True, max_length=self._window, stride=self._window // OVERLAP, padding=True,
            return_overflowing_tokens=True, return_offsets_mapping=True, return_tensors="pt",
        )  # fmt: skip
        best: dict[tuple[int, int], tuple[int, int]] = {}
        for first in range(0, len(windows["input_ids"]), WINDOWS):
            labels = self._judged(windows, slice(first, first + WINDOWS))
            for offsets, row in zip(windows["offset_mapping"][first : first + WINDOWS].tolist(), labels, strict=True):
                for at, ((start, end), label) in enumerate(zip(offsets, row, strict=True)):
                    margin = min(at, len(offsets) - at)
                    if end > start and margin > best.get((start, end), (-1, 0))[0]:
                        best[start, end] = (margin, label)
        return [(start, end, label) for (start, end), (_, label) in sorted(best.items())]

    def _judged(self, windows: Any, which: slice) -> list[list[int]]:
        import torch

        with torch.inference_mode():
            logits = self._model(
                input_ids=windows["input_ids"][which], attention_mask=windows["attention_mask"][which]
            ).logits
        return logits.argmax(-1).tolist()  # type: ignore[no-any-return]


def runs(labels: Sequence[tuple[int, int, int]], kinds: dict[int, tuple[str, bool]]) -> list[Piece]:
    """Neighbouring tokens of one kind as one piece; a label that begins (B-) opens another unless inside a word."""
    pieces: list[Piece] = []
    before = ""
    for start, end, label in labels:
        name, begins = kinds[label]
        if name and name == before and not (begins and start > pieces[-1].end):
            pieces[-1] = pieces[-1]._replace(end=end)
        elif name:
            pieces.append(Piece(start, end, name))
        before = name
    return pieces


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


def _is_stand_in(text: str, start: int, end: int) -> bool:
    """Whether the piece lies in a placeholder of an earlier step."""
    opened = text.rfind("<", max(0, start - 24), end)
    closed = text.find(">", opened, end + 24) if opened >= 0 else -1
    return closed >= end - 1 and text[opened + 1 : closed].replace("_", "A").isalnum() and text[opened + 1].isupper()
