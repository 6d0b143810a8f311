"""How the stage and its workers talk: over pipes, each message a JSON header and some bytes, lengths first."""

from __future__ import annotations

import json
import struct
from typing import IO, Any, NamedTuple

LENGTHS = struct.Struct("<II")


class Frame(NamedTuple):
    """One message."""

    header: dict[str, Any]
    body: bytes = b""


def send(pipe: IO[bytes], frame: Frame) -> None:
    """Write one message. Raises OSError when the other side is gone."""
    header = json.dumps(frame.header).encode()
    pipe.write(LENGTHS.pack(len(header), len(frame.body)) + header)
    pipe.write(frame.body)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Frame | None:
    """The next message; None when the other side is gone."""
    lengths = pipe.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    n_header, n_body = LENGTHS.unpack(lengths)
    header, body = pipe.read(n_header), pipe.read(n_body)
    if len(header) < n_header or len(body) < n_body:
        return None
    return Frame(json.loads(header), body)
