"""Notes the licence that a file itself names: SPDX lines and licence notices in its first lines.

It drops nothing. Which licences may stay is decided over all rows, where the repository's licence is known too.
"""

from __future__ import annotations

from typing import ClassVar

import pyarrow as pa

from understudy.data.documents import text_bytes, with_columns
from understudy.data.licenses.expressions import terms
from understudy.data.licenses.headers import license_of_head


class LicenseHeader:
    """Fills `spdx`: expressions that all apply, alternatives inside one of them."""

    name: ClassVar[str] = "license-header"
    version: ClassVar[str] = "1"

    def setup(self) -> None:
        """Compile the patterns."""
        license_of_head(b"license")

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        stated = [None if data is None else license_of_head(data) for data in text_bytes(batch)]
        if not any(stated):
            return batch
        return with_columns(batch, {"spdx": [list(terms(name)) if name else [] for name in stated]})
