"""Drops files whose content is on the opt-out list by SHA-256, which nothing else in the pipeline computes.

All other entries of the list are decided over the finished rows, where they cost nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import ClassVar

import pyarrow as pa

from understudy.data.documents import Verdict, dropped

OPTED_OUT = "opted-out"


class OptedOut:
    """Compares the bytes of each file, as they were read, with the list."""

    name: ClassVar[str] = OPTED_OUT
    version: ClassVar[str] = "1"

    def __init__(self, sha256: Sequence[str]) -> None:
        self._unwanted = frozenset(sha256)

    def setup(self) -> None:
        """Nothing to prepare."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        verdicts = {}
        for row, raw in enumerate(batch.column("raw")):
            if raw.is_valid:
                content = hashlib.sha256(raw.as_buffer()).hexdigest()
                if content in self._unwanted:
                    verdicts[row] = Verdict(OPTED_OUT, content)
        return dropped(batch, self.name, verdicts)
