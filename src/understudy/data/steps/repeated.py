"""Drops files that say the same thing again and again: lines, or phrases of ten words.

Lines are OpenCoder's rule (over 0.7 of them repeated), counted in bytes, so that a file of closing braces does not
look repetitive. Both are counted within the first million of a file, and only where there are enough of them.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from understudy.data.measures import Measures, share
from understudy.data.steps.measured import MeasuredStep, Rule

LEAST_LINES = 20
LEAST_PHRASES = 100


def _lines(measures: Measures) -> np.ndarray:
    shares: np.ndarray = np.where(
        measures.lines < LEAST_LINES, 0.0, share(measures.repeated_bytes, measures.text_bytes)
    )
    return shares


def _phrases(measures: Measures) -> np.ndarray:
    shares: np.ndarray = np.where(
        measures.phrases < LEAST_PHRASES, 0.0, share(measures.repeated_phrases, measures.phrases)
    )
    return shares


class Repeated(MeasuredStep):
    """Drops a file by the share of its text that stood there before."""

    name: ClassVar[str] = "repeated"
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "repeated_lines", "repeated-lines", _lines, True,
            "{value:.1%} of the text in lines that stood before > {limit:.1%}",
        ),
        Rule(
            "repeated_phrases", "repeated-phrases", _phrases, True,
            "{value:.1%} of all ten words in a row stood before > {limit:.1%}",
        ),
    )  # fmt: skip
