"""The contract of a step, and the two shapes that nearly all steps have: one that judges, one that redacts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import ClassVar, NamedTuple, Protocol

import pyarrow as pa

from understudy.data.documents import Verdict, dropped, open_rows, text_bytes, texts, with_columns


class Step(Protocol):
    """One row-wise transform, the same function on every engine. It adds and changes columns, never removes rows."""

    name: ClassVar[str]

    def setup(self) -> None:
        """Compile patterns and load tables, once for each worker."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch after this step. Pure: the same batch gives the same result, whatever came before."""


class JudgingStep(ABC):
    """A step that drops documents or lets them pass."""

    name: ClassVar[str]

    def setup(self) -> None:  # noqa: B027  # most have nothing to prepare
        """Nothing to prepare."""

    @abstractmethod
    def judge(self, text: str, path: str, lang: str) -> Verdict | None:
        """Why this document is dropped; None lets it pass."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        contents = texts(batch)
        paths, langs = batch.column("path").to_pylist(), batch.column("lang").to_pylist()
        verdicts = {}
        for row in open_rows(batch):
            verdict = self.judge(contents[row] or "", paths[row], langs[row] or "")
            if verdict is not None:
                verdicts[row] = verdict
        return dropped(batch, self.name, verdicts)


class Span(NamedTuple):
    """A piece of a document, in bytes, that a placeholder will stand for. `kind` is counted in the statistics."""

    start: int
    end: int
    kind: str
    placeholder: bytes


class RedactingStep(ABC):
    """A step that replaces pieces of documents by placeholders, and drops the document too where the recipe says so.

    Dropped documents are redacted as well: they stay on disk for inspection, and what is private must not.
    """

    name: ClassVar[str]
    reason: ClassVar[str]

    def __init__(self, handling: str) -> None:
        self._drops = handling == "drop"

    @abstractmethod
    def setup(self) -> None:
        """Compile the patterns."""

    @abstractmethod
    def find(self, data: bytes) -> Iterable[Span]:
        """What must not stay in this document, in any order, overlaps allowed."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        found: dict[int, list[Span]] = {}
        for row, data in enumerate(text_bytes(batch)):
            spans = _apart(self.find(data)) if data else []
            if spans:
                found[row] = spans
        if not found:
            return batch
        verdicts = {row: self._verdict(text_bytes(batch)[row] or b"", spans) for row, spans in found.items()}
        batch = _replaced(batch, found)
        return dropped(batch, self.name, verdicts) if self._drops else batch

    def _verdict(self, data: bytes, spans: list[Span]) -> Verdict:
        line = data.count(b"\n", 0, spans[0].start) + 1
        return Verdict(self.reason, f"line {line}: {spans[0].kind}, {len(spans)} in all")


def _apart(spans: Iterable[Span]) -> list[Span]:
    """The spans in order; of two that overlap the one that starts first stays, and of those the longer."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end, span.kind)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def _replaced(batch: pa.RecordBatch, found: dict[int, list[Span]]) -> pa.RecordBatch:
    contents = list(text_bytes(batch))
    redacted = batch.column("redacted").to_pylist()
    for row, spans in found.items():
        contents[row] = _with_placeholders(contents[row] or b"", spans)
        redacted[row] = [*redacted[row], *(span.kind for span in spans)]
    content = pa.array(contents, pa.binary()).view(pa.string())
    return with_columns(batch, {"content": content, "redacted": redacted, "redactions": list(map(len, redacted))})


def _with_placeholders(data: bytes, spans: list[Span]) -> bytes:
    pieces, at = [], 0
    for span in spans:
        pieces += [data[at : span.start], span.placeholder]
        at = span.end
    return b"".join([*pieces, data[at:]])
