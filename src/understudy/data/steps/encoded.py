"""Drops files that carry binary data as text: base64, hexadecimal, runs of escapes.

The limits are those of StarCoder2 (Lozhkov et al. 2024, section 3.2): more than half of the file, or one blob of more
than 1,024 characters. Our runs are stricter than its patterns: base64 needs capitals, small letters and digits in at
least 64 characters of one line, so that word lists, rulers and paths are none; runs at most 32 bytes apart, as the
lines of one blob are, count as one. Our default for a blob is 4,096: a key or certificate in a test has 1,600 to 1,900.
"""

from __future__ import annotations

from typing import ClassVar

from understudy.data.measures import share
from understudy.data.steps.measured import MeasuredStep, Rule


class Encoded(MeasuredStep):
    """Drops a file by its encoded runs."""

    name: ClassVar[str] = "encoded"
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "encoded_fraction", "encoded", lambda of: share(of.encoded_bytes, of.bytes), True,
            "{value:.1%} of the file is base64, hex or escapes > {limit:.1%}",
        ),
        Rule(
            "encoded_run", "encoded-blob", lambda of: of.longest_blob, True,
            "a blob of {value:,} bytes of base64, hex or escapes > {limit:,.0f}",
        ),
    )  # fmt: skip
