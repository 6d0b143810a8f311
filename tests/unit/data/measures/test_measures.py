"""The compiled pass against a reference in plain Python: every measure of every text has to be the same."""

from __future__ import annotations

import re
from typing import NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.data.measures import DOCSTRINGS, HIDING, Measures, measured
from understudy.formats.languages import BY_NAME

BLANKS = b" \t\r\f\v"
RUN = re.compile(rb"[A-Za-z0-9+/]{64,}")
ESCAPE = re.compile(rb"\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|0[xX][0-9a-fA-F]{2,16}[ \t\r\f\v\n,]*")
WORD = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")
TRIPLE = re.compile(rb"\"\"\"|'''")


def batch_of(*texts: str | None, lang: str | None = "python") -> pa.RecordBatch:
    arrays = [pa.array(texts, pa.string()), pa.array([lang] * len(texts), pa.string())]
    return pa.RecordBatch.from_arrays(arrays, ["content", "lang"])


def row_of(measures: Measures, row: int) -> dict[str, int]:
    return {name: int(values[row]) for name, values in measures._asdict().items()}


def reference(text: str, lang: str | None) -> dict[str, int]:
    """What `measured` should say, written for reading and not for speed."""
    data = text.encode()
    lines = [line.strip(BLANKS) for line in data.split(b"\n") if line.strip(BLANKS)]
    words = WORD.findall(data)
    phrases = [tuple(words[start : start + 10]) for start in range(len(words) - 9)]
    encoded = encoded_in(data)
    return {
        "characters": len(text),
        "lines": text.count("\n") + (not text.endswith("\n") and text != ""),
        "longest_line": max(map(len, text.split("\n"))),
        "letters": sum(map(str.isalpha, text)),
        "digits": sum(map(str.isdecimal, text)),
        "alphanumeric": sum(map(str.isalnum, text)),
        "text_bytes": sum(map(len, lines)),
        "comment_bytes": comment_bytes(lines, lang),
        "data_bytes": sum(len(line) for line in lines if is_data(line)),
        "repeated_bytes": sum(len(line) for n, line in enumerate(lines) if line in lines[:n]),
        "phrases": len(phrases),
        "repeated_phrases": len(phrases) - len(set(phrases)),
        "encoded_bytes": sum(end - start for start, end in encoded),
        "longest_blob": longest_blob(encoded),
        "hiding": sum(ord(character) in HIDING for character in text),
        "line_characters": len(text) - text.count("\n"),
        "bytes": len(data),
    }


def is_data(line: bytes) -> bool:
    start = line[1:] if re.match(rb"[bBrRuU][\"']", line) else line
    return bool(re.match(rb"[0-9\"'\-+\[({\])}<]", start) and re.search(rb"[0-9\"',;\[({\])}|>]$", line))


def is_marked(line: bytes, marker: str) -> bool:
    """True where the line starts with the marker; one that ends in a letter has to end there as a word."""
    end = rb"(?![A-Za-z0-9_\x80-\xff])" if marker[-1].isalpha() else b""
    return re.match(re.escape(marker).encode() + end, line, re.IGNORECASE) is not None


def comment_bytes(lines: list[bytes], lang: str | None) -> int:
    known = BY_NAME.get(lang or "")
    markers = known.line_comments[:2] if known else ()
    block = known.block_comment if known else None
    if not markers and not block and lang not in DOCSTRINGS:
        return -1
    total, closer, quote, in_docstring = 0, b"", b"", False
    for line in lines:
        is_comment = False
        if closer:
            is_comment, closer = True, b"" if closer in line.lower() else closer
        elif quote:
            is_comment, quote = in_docstring, open_quote(line, quote)
        elif block and is_marked(line, block[0]):
            rest = line[len(block[0]) :].lower()
            is_comment, closer = True, b"" if block[1].lower().encode() in rest else block[1].lower().encode()
        elif any(is_marked(line, marker) for marker in markers):
            is_comment = True
        elif lang in DOCSTRINGS:
            start = line[1:] if line[:1] in b"bBrRuU" else line
            is_comment = in_docstring = start[:3] in (b'"""', b"'''")
            quote = open_quote(start, b"")
        total += len(line) if is_comment else 0
    return total


def open_quote(line: bytes, quote: bytes) -> bytes:
    at = 0
    while match := TRIPLE.search(line, at):
        if not quote or match[0] == quote:
            quote, at = b"" if quote else match[0], match.end()
        else:
            at = match.start() + 1
    return quote


class Piece(NamedTuple):
    start: int
    end: int


def encoded_in(data: bytes) -> list[Piece]:
    """Every run of base64 or hex, and every eight escapes in a row that start outside of one, in order."""
    pieces: list[Piece] = []
    at = 0
    while at < len(data):
        found = [piece for piece in (next_run(data, at), next_escapes(data, at)) if piece]
        if not found:
            break
        pieces.append(min(found))
        at = pieces[-1].end
    return pieces


def next_run(data: bytes, at: int) -> Piece | None:
    for match in RUN.finditer(data, at):
        run = match[0]
        has_digit, is_hex = re.search(rb"[0-9]", run), re.fullmatch(rb"[0-9a-fA-F]+", run)
        upper, lower = re.search(rb"[A-Z]", run), re.search(rb"[a-z]", run)
        if has_digit and ((upper and lower) or (is_hex and (upper or lower))):
            return Piece(*match.span())
    return None


def next_escapes(data: bytes, at: int) -> Piece | None:
    while first := ESCAPE.search(data, at):
        n, end = 1, first.end()
        while following := ESCAPE.match(data, end):
            n, end = n + 1, following.end()
        if n >= 8:
            return Piece(first.start(), end)
        at = end
    return None


def longest_blob(pieces: list[Piece]) -> int:
    longest, start, end = 0, 0, -100
    for piece in pieces:
        start = piece.start if piece.start - end > 32 else start
        end = piece.end
        longest = max(longest, end - start)
    return longest


# Texts that hit the rules' edges far more often than random characters would.
PIECES = st.sampled_from(
    [
        "\n", "\n", " ", "\t", "\r\n", "x", "Été", "数", "٣", "½", "\u202e", "\u200b", "\U000e0041", "\ufeff",
        "#", "//", "/*", "*/", '"""', "'''", "'", '"', "r", "--", "--[[", "]]", "<!--", "-->", "REM", "::", "dnl",
        "0x1F, ", "0x", "\\x41", "\\u00e9", "\\", "\\x41\\x42" * 5, "0x12,\n" * 9, "0" * 40, "aB3+" * 15, "aB3/" * 17,
        "deadbeef" * 9, "A" * 70, "one two three four five six seven eight nine ten\n", "[1, 2],\n", "b'x',",
    ]
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(PIECES, max_size=40).map("".join),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=200),
)
LANGUAGES = st.sampled_from([None, "python", "c", "lua", "batchfile", "sql", "json", "php", "html", "visual-basic"])


@settings(max_examples=400, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4), LANGUAGES)
def test_the_compiled_pass_measures_what_the_reference_does(texts: list[str], lang: str | None) -> None:
    measures = measured(batch_of(*texts, lang=lang))
    assert [row_of(measures, row) for row in range(len(texts))] == [reference(text, lang) for text in texts]


def test_real_files_measure_as_the_reference_says() -> None:
    import argparse
    import pathlib

    folder = pathlib.Path(argparse.__file__).parent
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("[a-d]*.py"))]
    texts.append((folder / "encodings" / "cp037.py").read_text(encoding="utf-8"))
    measures = measured(batch_of(*texts))
    assert [row_of(measures, row) for row in range(len(texts))] == [reference(text, "python") for text in texts]


def test_rows_without_content_and_slices_keep_their_places() -> None:
    batch = batch_of("a = 1\n", None, "# é\n", "b\n")
    assert measured(batch).characters.tolist() == [6, 0, 4, 2]
    assert measured(batch.slice(2)).characters.tolist() == [4, 2]
    assert measured(batch.slice(0, 0)).characters.tolist() == []


def test_one_batch_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from understudy.data import measures

    calls: list[int] = []
    real = measures._measure
    monkeypatch.setattr(measures, "_measure", lambda *columns: calls.append(1) or real(*columns))
    batch = batch_of("only once\n")
    first = measured(batch)
    again = batch.set_column(1, "lang", batch.column("lang"))
    assert measured(again) is first
    assert measured(batch_of("another\n")).characters.tolist() == [8]
    assert len(calls) == 2


def test_a_line_of_two_million_characters_is_measured() -> None:
    text = "x" * 2_000_000 + "\n" + "y = 1\n" * 10
    assert row_of(measured(batch_of(text)), 0)["longest_line"] == 2_000_000
