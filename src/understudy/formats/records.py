"""Records of a small table a person hands in: JSON lines, JSON, CSV or Parquet, packed by gzip or not."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from understudy.core.errors import InputDataError

MAX_BYTES = 500_000_000  # unpacked; the largest exam file known is 4 MB
KINDS = (".jsonl", ".json", ".csv", ".parquet")


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file, in order. Raises InputDataError naming the file, and the line where there is one."""
    kind = Path(path.name.removesuffix(".gz")).suffix.lower()
    if kind not in KINDS:
        raise InputDataError(f"{path} is not a file of records", f"give one of {', '.join(KINDS)} (.gz as well)")
    try:
        if kind == ".parquet":
            yield from _parquet(path)
        else:
            text = _text(path)
            yield from {".jsonl": _json_lines, ".json": _json, ".csv": _csv}[kind](text, path)
    except OSError as error:
        raise InputDataError(f"{path} cannot be read: {error.strerror or error}") from None


def _text(path: Path) -> str:
    """The file as text, read against a byte budget and never by what a header says."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (EOFError, zlib.error) as error:
        raise InputDataError(f"{path} is no whole gzip file: {error}") from None
    if len(raw) > MAX_BYTES:
        raise InputDataError(f"{path} is larger than {MAX_BYTES:,} bytes, which no exam is")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputDataError(f"{path} is not UTF-8 text (byte {error.start})") from None


def _json_lines(text: str, path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _record(_parsed(line, f"{path}, line {number}"), f"{path}, line {number}")


def _json(text: str, path: Path) -> Iterator[dict[str, Any]]:
    """A list of records, an object of them, or JSON lines under another name."""
    try:
        values = _parsed(text, str(path))
    except InputDataError:
        yield from _json_lines(text, path)
        return
    if isinstance(values, dict) and values and all(isinstance(value, dict) for value in values.values()):
        values = list(values.values())
    for number, value in enumerate(values if isinstance(values, list) else [values], 1):
        yield _record(value, f"{path}, record {number}")


def _csv(text: str, path: Path) -> Iterator[dict[str, Any]]:
    try:
        yield from csv.DictReader(io.StringIO(text, newline=""), strict=True)
    except csv.Error as error:
        raise InputDataError(f"{path} is not CSV: {error}") from None


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(256):
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise InputDataError(f"{path} is not a Parquet file: {error}") from None


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputDataError(f"{where} is not JSON: {str(error)[:200]}") from None


def _record(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputDataError(f"{where} is not an object with fields")
    return value
