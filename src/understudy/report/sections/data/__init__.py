"""The sections of a data report, from the JSON that `understudy.data.inspection.summary` makes.

opening ─▶ funnel ─▶ groups ─▶ sizes ─▶ rules ─▶ kept ─▶ near-duplicates ─▶ redactions ─▶ records ─▶ recipe
"""

from __future__ import annotations
