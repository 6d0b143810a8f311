"""Safetensors headers, read with suspicion: model folders come from strangers, and pickle is not read at all.

The library checks much of this too. We check before it allocates, and name the file and the tensor in the error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from understudy.core.errors import InputDataError

MAX_HEADER_BYTES = 100_000_000  # the format's own limit
_ITEM_BYTES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
               "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8}  # fmt: skip


class TensorEntry(NamedTuple):
    """What the header says of one tensor: where it lies in the data, in bytes."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def read_header(path: Path) -> dict[str, TensorEntry]:
    """Tensors of a safetensors file by name. Raises InputDataError when the header lies about anything."""
    try:
        size_bytes = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size_bytes < 8 or length > MAX_HEADER_BYTES or length > size_bytes - 8:
                raise _damaged(path, f"its header claims {length:,} bytes, the file has {size_bytes:,}")
            text = file.read(length)
    except OSError as error:
        raise InputDataError(f"cannot read {path}: {error.strerror}") from error
    return _checked(path, _parse(path, text), size_bytes - 8 - length)


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    def no_doubles(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise _damaged(path, f"its header holds the key {key!r} twice")
            found[key] = value
        return found

    try:
        header = json.loads(text, object_pairs_hook=no_doubles)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its header is not JSON") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not an object")
    return header


def _checked(path: Path, header: dict[str, Any], data_bytes: int) -> dict[str, TensorEntry]:
    entries = {name: _entry(path, name, value) for name, value in header.items() if name != "__metadata__"}
    reached = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].stop)):
        if entry.start != reached:
            raise _damaged(path, f"tensor {name!r} starts at byte {entry.start:,}, expected {reached:,}")
        reached = entry.stop
    if reached != data_bytes:
        raise _damaged(path, f"its tensors cover {reached:,} of {data_bytes:,} bytes")
    return entries


def _entry(path: Path, name: str, value: Any) -> TensorEntry:
    try:
        dtype, shape, (start, stop) = value["dtype"], tuple(value["shape"]), value["data_offsets"]
        n_items = 1
        for length in (*shape, start, stop):
            if type(length) is not int or length < 0:
                raise ValueError
        for length in shape:
            n_items *= length
        if n_items * _ITEM_BYTES[dtype] != stop - start:
            raise ValueError
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, f"the entry of tensor {name!r} does not add up") from error
    return TensorEntry(dtype, shape, start, stop)


def _damaged(path: Path, reason: str) -> InputDataError:
    return InputDataError(f"{path} is not a sound safetensors file: {reason}", "fetch or train the model again")
