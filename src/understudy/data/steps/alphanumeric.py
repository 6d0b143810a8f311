"""Drops files that hold few letters and digits, few letters, or many digits: tables of signs, ASCII art, numbers.

Letters and digits are those of any alphabet. Least share of both: The Stack's quarter. Least letters and most digits
are OpenCoder's rules; see docs/concepts/quality.md for the numbers.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from understudy.data.measures import Measures
from understudy.data.steps.measured import MeasuredStep, Rule


class Alphanumeric(MeasuredStep):
    """Drops a file by the share of its characters that are letters or digits."""

    name: ClassVar[str] = "alphanumeric"
    version: ClassVar[str] = "2"
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "alphanumeric_fraction", "few-alphanumeric", lambda of: _share(of, of.alphanumeric), False,
            "{value:.1%} letters and digits < {limit:.1%}",
        ),
        Rule(
            "alphabetic_fraction", "few-letters", lambda of: _share(of, of.letters), False,
            "{value:.1%} letters < {limit:.1%}",
        ),
        Rule(
            "digit_fraction", "many-digits", lambda of: 1 - _share(of, of.characters - of.digits), True,
            "{value:.1%} digits > {limit:.1%}",
        ),
    )  # fmt: skip


def _share(measures: Measures, count: np.ndarray) -> np.ndarray:
    """`count` among all characters; 1 for an empty text, which no share can speak against."""
    shares: np.ndarray = np.where(measures.characters == 0, 1.0, count / np.maximum(1, measures.characters))
    return shares
