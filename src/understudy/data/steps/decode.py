"""Bytes to text: UTF-8, UTF-16 and UTF-32 with their marks, and for Python the encoding that the file declares."""

from __future__ import annotations

import codecs
import re
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from understudy.data.documents import Verdict, dropped, with_columns

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MAGIC = {
    b"\x7fELF": "an ELF program",
    b"MZ\x90\x00": "a Windows program",
    b"\xcf\xfa\xed\xfe": "a macOS program",
    b"\xca\xfe\xba\xbe": "a Java class or macOS program",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "gzip data",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x00asm": "a WebAssembly program",
}
STARTS = (*MAGIC, *(mark for mark, _ in MARKS))
LONGEST_MARK = max(map(len, STARTS))
CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263; first two lines
# Codecs that Python has but no editor writes; a cookie that names one is a trick or a test.
NOT_ENCODINGS = frozenset(("unicode_escape", "raw_unicode_escape", "idna", "punycode", "utf_7", "undefined"))


class Decoded(NamedTuple):
    """The text, or the verdict on bytes that are none."""

    text: str | None
    verdict: Verdict | None = None


class Decode:
    """Fills `content` from `raw`. Newlines stay as they are; a byte-order mark goes."""

    name: ClassVar[str] = "decode"
    version: ClassVar[str] = "1"

    def setup(self) -> None:
        """Nothing to prepare."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        raw = batch.column("raw")
        content = _plain(raw)
        rows = range(len(batch)) if content is None else _with_marks(raw)
        langs = batch.column("lang").to_pylist()
        decoded = {row: decode(raw[row].as_py(), langs[row] or "") for row in rows if raw[row].is_valid}
        if content is None:
            content = pa.array([decoded[row].text if row in decoded else None for row in rows], pa.string())
        elif decoded:
            mask = np.isin(np.arange(len(batch)), list(decoded))
            content = pc.replace_with_mask(
                content, mask, pa.array([found.text for found in decoded.values()], pa.string())
            )
        verdicts = {row: found.verdict for row, found in decoded.items() if found.verdict}
        nothing = pa.nulls(len(batch), pa.binary())
        return dropped(with_columns(batch, {"content": content, "raw": nothing}), self.name, verdicts)


def _plain(raw: pa.Array) -> pa.Array | None:
    """The bytes as text, without a copy, where all files of a batch are UTF-8 without NULs; else None."""
    data = raw.buffers()[2]
    if data is not None and not np.frombuffer(data, np.uint8).all():
        return None
    try:
        return raw.cast(pa.string())
    except pa.ArrowInvalid:
        return None


def _with_marks(raw: pa.Array) -> list[int]:
    """The rows whose first bytes say that they are no plain text."""
    heads = pc.binary_slice(raw, 0, LONGEST_MARK).to_pylist()
    return [row for row, head in enumerate(heads) if head and head.startswith(STARTS)]


def decode(data: bytes, lang: str) -> Decoded:
    """The text in a file's bytes, or why they are not text."""
    for magic, what in MAGIC.items():
        if data.startswith(magic):
            return Decoded(None, Verdict("binary", what))
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding)
    decoded = _decoded(data, "utf-8")
    if decoded.verdict and decoded.verdict.reason == "undecodable" and lang == "python":
        declared = _declared(data)
        return _decoded(data, declared) if declared else decoded
    return decoded


def _decoded(data: bytes, encoding: str) -> Decoded:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if b"\0" in data:
            return Decoded(None, Verdict("binary", f"a NUL byte at offset {data.index(0)}"))
        value = f", byte 0x{data[error.start]:02x}" if error.start < len(data) else ""
        return Decoded(None, Verdict("undecodable", f"not {encoding} at offset {error.start}{value}"))
    except LookupError:
        return Decoded(None, Verdict("undecodable", f"it declares an unknown encoding, {encoding[:40]}"))
    if "\0" in text:
        return Decoded(None, Verdict("nul-bytes", f"a NUL character at offset {text.index(chr(0))}"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return Decoded(None, Verdict("undecodable", "half a surrogate pair"))
    return Decoded(text)


def _declared(data: bytes) -> str | None:
    """The encoding a Python file declares in its first two lines."""
    for line in data.split(b"\n", 2)[:2]:
        match = CODING.match(line)
        if match:
            name = match[1].decode()
            return None if name.lower().replace("-", "_") in NOT_ENCODINGS else name
        if line.strip() and not line.lstrip().startswith(b"#"):
            return None
    return None
