"""Drops files whose lines are too long to be written by hand, and files too short to teach anything or too long.

Limits of The Stack and StarCoder: longest line over 1,000 characters, mean line over 100; for JSON 50 to 5,000
characters (Li et al. 2023, section 3.3). A `\\r` before the line break counts as a character of its line.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pyarrow as pa

from understudy.data.documents import dropped, with_columns
from understudy.data.measures import Measures, measured
from understudy.data.steps.measured import MeasuredStep, Rule


class Length(MeasuredStep):
    """Writes down every file's lines, and drops the files outside of the limits."""

    name: ClassVar[str] = "length"
    version: ClassVar[str] = "2"
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("min_file_bytes", "too-short", lambda of: of.bytes, False, "{value:,} bytes < {limit:,.0f}"),
        Rule("max_characters", "too-long", lambda of: of.characters, True, "{value:,} characters > {limit:,.0f}"),
        Rule(
            "max_line_length", "long-line", lambda of: of.longest_line, True,
            "longest line {value:,} characters > {limit:,.0f}",
        ),
        Rule(
            "mean_line_length", "long-lines", Measures.mean_line, True,
            "mean line {value:.1f} characters > {limit:g}",
        ),
    )  # fmt: skip

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        measures, is_known = measured(batch), batch.column("content").is_valid().to_numpy(zero_copy_only=False)
        columns = {
            "longest_line": pa.array(measures.longest_line.astype(np.int32), mask=~is_known),
            "n_lines": pa.array(measures.lines.astype(np.int32), mask=~is_known),
        }
        return dropped(with_columns(batch, columns), self.name, self.verdicts(batch))
