"""The contract of a step, and two shapes of steps: one that judges texts, one that redacts. A third compares measures
with limits: `measured.py`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar, NamedTuple, Protocol

import pyarrow as pa

from understudy.data.documents import Verdict, dropped, open_rows, text_bytes, texts, with_columns


class Step(Protocol):
    """One row-wise transform, the same function on every engine. It adds and changes columns, never removes rows.

    `version` changes with what the step gives: results of another version in the cache are not used.
    """

    name: ClassVar[str]
    version: ClassVar[str]

    def setup(self) -> None:
        """Compile patterns and load tables, once for each worker."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch after this step. Pure: the same batch gives the same result, whatever came before."""


class JudgingStep(ABC):
    """A step that drops documents or lets them pass."""

    name: ClassVar[str]
    version: ClassVar[str] = "1"

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


class Redaction(NamedTuple):
    """What is told of a redaction: never the text itself. `line` counts from 1 in the text as it was decoded."""

    kind: str
    line: int
    lines_lost: int


class RedactingStep(ABC):
    """A step that replaces pieces of documents by placeholders, and drops the document too where the recipe says so.

    Dropped documents are redacted as well: they stay on disk for inspection, and what is private must not. With
    handling `fail` they are dropped here and the stage stops once all were seen (`figures/redactions.py`).

    Within a document the same text gets the same stand-in and another text another one: `<KEY>`, `<KEY_2>`, …
    """

    name: ClassVar[str]
    version: ClassVar[str] = "2"
    reason: ClassVar[str]

    def __init__(self, handling: str) -> None:
        self._drops = handling in ("drop", "fail")

    @abstractmethod
    def setup(self) -> None:
        """Compile the patterns."""

    @abstractmethod
    def find(self, data: bytes) -> Iterable[Span]:
        """What must not stay in this document, in any order, overlaps allowed."""

    def identity(self, text: bytes) -> bytes:
        """What two texts have in common that get the same stand-in."""
        return text

    def find_all(self, documents: Sequence[bytes | None]) -> Iterator[tuple[int, Iterable[Span]]]:
        """(row, what must go) for the rows where there may be something."""
        for row, data in enumerate(documents):
            if data:
                yield row, self.find(data)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        documents = text_bytes(batch)
        found = {row: kept for row, spans in self.find_all(documents) if (kept := apart(spans))}
        if not found:
            return batch
        batch, verdicts = self._replaced(batch, documents, found)
        return dropped(batch, self.name, verdicts) if self._drops else batch

    def _replaced(
        self, batch: pa.RecordBatch, documents: Sequence[bytes | None], found: dict[int, list[Span]]
    ) -> tuple[pa.RecordBatch, dict[int, Verdict]]:
        contents, verdicts = list(documents), {}
        columns = {name: batch.column(name).to_pylist() for name in ("redacted", "redacted_lines", "lines_lost")}
        for row, spans in found.items():
            data = contents[row] or b""
            earlier = list(map(Redaction, *(values[row] for values in columns.values())))
            new = _redactions(data, spans, earlier)
            for values, added in zip(columns.values(), zip(*new, strict=True), strict=True):
                values[row] = [*values[row], *added]
            contents[row] = with_stand_ins(data, spans, self.identity)
            verdicts[row] = Verdict(self.reason, f"line {new[0].line}: {new[0].kind}, {len(new)} in all")
        content = pa.array(contents, pa.binary()).view(pa.string())
        counts = {"content": content, "redactions": list(map(len, columns["redacted"]))}
        return with_columns(batch, counts | columns), verdicts


def apart(spans: Iterable[Span]) -> list[Span]:
    """The spans in order; of two that overlap the one that starts first stays, then the longer, then
    the one that was found first."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def _redactions(data: bytes, spans: Sequence[Span], earlier: Sequence[Redaction]) -> list[Redaction]:
    """The spans by lines of the original text: what stands below an earlier stand-in for several lines stood lower."""
    found, line, at = [], 1, 0
    before = sorted(earlier, key=lambda redaction: redaction.line)
    for span in spans:
        line, at = line + data.count(b"\n", at, span.start), span.start
        original = line
        for redaction in before:
            if redaction.line < original:
                original += redaction.lines_lost
        found.append(Redaction(span.kind, original, data.count(b"\n", span.start, span.end)))
    return found


def with_stand_ins(data: bytes, spans: Sequence[Span], identity: Callable[[bytes], bytes] = bytes) -> bytes:
    """The text with a stand-in for each span (in order, apart): the first text of a kind gets `<KEY>`, the second
    other one `<KEY_2>`. Counting goes on where stand-ins are in the text already."""
    numbers: dict[tuple[bytes, bytes], int] = {}
    taken = {placeholder: _highest(data, placeholder) for placeholder in {span.placeholder for span in spans}}
    pieces, at = [], 0
    for start, end, _, placeholder in spans:
        key = (placeholder, identity(data[start:end]))
        if key not in numbers:
            taken[placeholder] += 1
            numbers[key] = taken[placeholder]
        pieces += [data[at:start], _numbered(placeholder, numbers[key])]
        at = end
    return b"".join([*pieces, data[at:]])


def _highest(data: bytes, placeholder: bytes) -> int:
    """The highest number among the stand-ins that the text has already; 0 if there are none."""
    if placeholder[:-1] not in data:
        return 0
    numbers = re.findall(re.escape(placeholder[:-1]) + rb"(?:_([0-9]{1,6}))?>", data)
    return max((int(number or 1) for number in numbers), default=0)


def _numbered(placeholder: bytes, number: int) -> bytes:
    return placeholder if number == 1 else b"%s_%d>" % (placeholder[:-1], number)
