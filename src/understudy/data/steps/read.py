"""Fetches the bytes of files that lie in a folder, on the worker that will need them.

Repositories and archives are streams: their bytes come with the batch.
"""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from understudy.data.documents import Verdict, dropped, with_columns
from understudy.data.sources.reading import raw_id, read_file


class ReadFiles:
    """Fills `raw` from `location`, and sets aside files that are not what they were when they were listed.

    A corpus is named after the contents that were listed; a file that changed since must not enter under that name.
    """

    name: ClassVar[str] = "read"
    version: ClassVar[str] = "1"

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def setup(self) -> None:
        """Nothing to prepare."""

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        raws, raw_ids = batch.column("raw").to_pylist(), batch.column("raw_id").to_pylist()
        verdicts, is_changed, is_closed = {}, False, batch.column("drop_reason").is_valid().to_pylist()
        for row, location in enumerate(batch.column("location").to_pylist()):
            if is_closed[row]:
                continue
            reason, evidence = "", ""
            if raws[row] is None and location is None:
                reason, evidence = "vanished", "its archive or repository no longer has it"
            elif raws[row] is None:
                raws[row], reason, evidence = read_file(location, self._limit)
                is_changed = True
            if raws[row] is not None and raw_id(raws[row]) != raw_ids[row]:
                is_changed = True
                raws[row], reason, evidence = None, "changed", "its content is not what it was when it was listed"
            if reason:
                verdicts[row] = Verdict(reason, evidence)
        if is_changed:
            batch = with_columns(batch, {"raw": raws})
        return dropped(batch, self.name, verdicts)
