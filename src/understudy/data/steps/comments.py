"""Drops files with hardly a comment, or hardly anything else (StarCoder: under 0.01 and over 0.8).

The share is that of whole lines: a line counts where it starts as a comment, stands in a block comment that started a
line, or in a Python docstring; what stands behind code does not. Languages whose markers we do not know have no share.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from understudy.data.measures import Measures, share
from understudy.data.steps.measured import MeasuredStep, Rule


def _comment_share(measures: Measures) -> np.ndarray:
    """NaN, which no limit speaks against, where it is not known."""
    shares: np.ndarray = np.where(
        measures.comment_bytes < 0, np.nan, share(measures.comment_bytes, measures.text_bytes)
    )
    return shares


class Comments(MeasuredStep):
    """Drops a file by the share of its text that stands in comments."""

    name: ClassVar[str] = "comments"
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "min_comment_fraction", "few-comments", _comment_share, False,
            "{value:.1%} of the text in comments < {limit:.1%}",
        ),
        Rule(
            "max_comment_fraction", "mostly-comments", _comment_share, True,
            "{value:.1%} of the text in comments > {limit:.1%}",
        ),
    )  # fmt: skip
