"""From sources to a clean corpus.

sources ─▶ survey ─▶ listing ─▶ steps (decode, filters, redaction) ─▶ duplicates ─▶ split ─▶ corpus, funnel, statistics
"""

from __future__ import annotations

from understudy.data.survey import survey

__all__ = ["survey"]
