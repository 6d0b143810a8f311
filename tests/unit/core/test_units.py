"""Numbers read as people write them."""

from __future__ import annotations

import pytest

from understudy.core import units


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (31_525_224, "31.5 MB"), (2e9, "2.00 GB")]
)
def test_bytes(value: float, text: str) -> None:
    assert units.bytes_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1790, "1,790"), (9999, "9,999"), (10_000, "10.0k"), (2.1e6, "2.10M"), (525e9, "525B")],
)
def test_counts(value: float, text: str) -> None:
    assert units.count_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.44, "0.4 s"), (41, "41 s"), (247, "4 min 07 s"), (3600 * 3.2, "3 h 12 min"), (3600 * 291, "12 days 3 h")],
)
def test_durations(value: float, text: str) -> None:
    assert units.duration_text(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("125M", 125_000_000), ("1.3B", 1_300_000_000), ("32k", 32_000), ("1e6", 1_000_000), (4096, 4096)],
)
def test_counts_are_read_back(text: str | float, value: int) -> None:
    assert units.parse_count(text) == value


@pytest.mark.parametrize("text", ["", "many", "1.5", "nan", "inf", "M"])
def test_what_is_no_count_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        units.parse_count(text)
