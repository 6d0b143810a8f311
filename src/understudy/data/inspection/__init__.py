"""Looks into a finished corpus: why a file was dropped, what is in a cluster, what a rule removed; and SQL over it.

corpus/*.parquet ──opened──▶ DuckDB views, read only ──▶ questions · summary · sql ──▶ plain JSON values
                                                            └─ excerpt, side_by_side: what there is to see
"""

from __future__ import annotations
