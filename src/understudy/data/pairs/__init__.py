"""Instruction pairs from code, for fine-tuning; `making.py` draws the way."""

from __future__ import annotations

from understudy.data.pairs.making import KINDS, USUAL_KINDS, Writer, check_kinds, make_pairs

__all__ = ["KINDS", "USUAL_KINDS", "Writer", "check_kinds", "make_pairs"]
