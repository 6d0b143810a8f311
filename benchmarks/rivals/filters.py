"""Filters and redaction by Daft and Polars, as `filters.py` asks: `PYTHON rivals/filters.py NAME IN OUT CORES`.

Both work with their own expressions, the way their documentation shows, on the patterns that are passed in as JSON on
standard input. Prints wall and CPU seconds from the first read to the written file; imports are not counted.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time

CORPUS, TARGET = sys.argv[2], sys.argv[3]
RULES = json.load(sys.stdin)


def by_polars() -> None:
    text = pl.col("content")
    n = text.str.len_chars()
    frame = pl.scan_parquet(CORPUS).filter(
        ~text.str.contains(RULES["long_line"]),
        (n - text.str.count_matches("\n", literal=True)) / (text.str.count_matches("\n", literal=True) + 1)
        <= RULES["mean_line"],
        text.str.count_matches("[A-Za-z0-9]") / n >= RULES["alphanumeric"],
        ~text.str.slice(0, RULES["head"]).str.contains(RULES["generated"]),
    )
    for pattern, placeholder in RULES["redactions"]:
        frame = frame.with_columns(text.str.replace_all(pattern, placeholder))
    frame.sink_parquet(TARGET, compression="zstd", compression_level=1)


def by_daft() -> None:
    text = daft.col("content")
    n, breaks = F.length(text), F.regexp_count(text, "\n")
    frame = daft.read_parquet(CORPUS)
    frame = frame.where(~F.regexp(text, RULES["long_line"]))
    frame = frame.where((n - breaks) / (breaks + 1) <= RULES["mean_line"])
    frame = frame.where(F.regexp_count(text, "[A-Za-z0-9]") / n >= RULES["alphanumeric"])
    frame = frame.where(~F.regexp(F.left(text, RULES["head"]), RULES["generated"]))
    for pattern, placeholder in RULES["redactions"]:
        frame = frame.with_column("content", F.regexp_replace(daft.col("content"), pattern, placeholder))
    frame.write_parquet(TARGET, compression="zstd")


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in used)


if __name__ == "__main__":
    os.environ["POLARS_MAX_THREADS"] = sys.argv[4]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[4])])
    if sys.argv[1] == "polars":
        import polars as pl
    else:
        import daft
        import daft.functions as F
    wall, cpu = time.perf_counter(), cpu_seconds()
    {"polars": by_polars, "daft": by_daft}[sys.argv[1]]()
    print(json.dumps({"wall": time.perf_counter() - wall, "cpu": cpu_seconds() - cpu}), flush=True)
    os._exit(0)  # daft 0.7 now and then crashes on the way out, after its work
