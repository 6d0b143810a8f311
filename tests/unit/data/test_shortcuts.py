"""The shortcuts of decoding and of the search for addresses find what the long way finds."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

from understudy.data.documents import WORKING_SCHEMA
from understudy.data.steps.decode import Decode, decode
from understudy.data.steps.ip_addresses import IpAddresses

ODD = [
    b"\xef\xbb\xbfa = 1\n", b"", None, b"\x7fELFabc", b"caf\xe9", b"# coding: latin-1\nx = '\xe9'\n", b"a\0b",
    b"PK\x03\x04", b"GIF8 x", "x = 1".encode("utf-16"), b"%PDF-", b"\xed\xa0\x80", b"\xc0\x80",
]  # fmt: skip
PLAIN = [b"x = 1\n", "naïve = '日本'\n".encode(), b"import os\n" * 40]


def decoded_one_by_one(raws: list[bytes | None]) -> list[tuple[str | None, str | None]]:
    found = [None if raw is None else decode(raw, "python") for raw in raws]
    return [(None, None) if one is None else (one.text, one.verdict and one.verdict.reason) for one in found]


@pytest.mark.parametrize("seed", range(40))
def test_a_batch_is_decoded_as_its_files_are_one_by_one(seed: int) -> None:
    draw = random.Random(seed)
    raws = [*draw.sample(PLAIN, 2), *draw.sample(ODD, draw.randrange(4))]
    draw.shuffle(raws)
    rows = [{"raw": raw, "lang": "python", "path": "a.py", "repo": "r"} for raw in raws]
    batch = pa.RecordBatch.from_pylist(rows, WORKING_SCHEMA)
    for part, expected in ((batch, raws), (batch.slice(1, 1), raws[1:2])):
        out = Decode()(part)
        told = zip(out.column("content").to_pylist(), out.column("drop_reason").to_pylist(), strict=True)
        assert list(told) == decoded_one_by_one(expected)


def whole(step: IpAddresses, data: bytes) -> list[object]:
    """The long way: RE2 over the whole file."""
    return list(step._between(data, 0, len(data)))


PIECES = [
    "203.5.113.77", "2a02:8388:1:5::77", "81.2.69.142", "1.2.3", ".", ":", "2", "\n", " ", "10.0.0.1", "2001:", "::",
    "version ", "9.8.7.6.5", "x = '", "\t(", "255.255.255.0", "2600:1f18:abcd::1", "77", "a", "é",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_addresses_are_found_as_by_reading_every_byte(seed: int) -> None:
    step, draw = IpAddresses("redact"), random.Random(seed)
    step.setup()
    documents: list[bytes | None] = [
        None if draw.random() < 0.1 else "".join(draw.choices(PIECES, k=draw.randrange(60))).encode() for _ in range(20)
    ]
    found = {row: list(spans) for row, spans in step.find_all(documents)}
    for row, data in enumerate(documents):
        assert found.get(row, []) == whole(step, data or b"")


def test_addresses_in_this_repository_are_found_as_by_reading_every_byte() -> None:
    step = IpAddresses("redact")
    step.setup()
    documents = [path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py"))]
    found = {row: list(spans) for row, spans in step.find_all(documents)}
    assert [found.get(row, []) for row in range(len(documents))] == [whole(step, data) for data in documents]


def test_more_signs_than_there_is_room_for_are_all_looked_at() -> None:
    step = IpAddresses("redact")
    step.setup()
    data = b"81.2.69.142\n" * 5000
    assert len(list(step.find(data))) == 5000
