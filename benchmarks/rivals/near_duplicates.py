"""Near-duplicates by other tools, each as its documentation shows: python near_duplicates.py TOOL IN OUT

Needs daft, datasketch, datatrove (with spacy and tokenizers), text-dedup and pyarrow in an environment of their own;
text-dedup 0.4.0 is the last on the registry, and 0.4.1 wants Python 3.12. All use 5-grams of words, 256 permutations,
and the bands that datasketch and text-dedup derive for a threshold of 0.7: 25 of 10 rows. The last line of the output
is [wall, cpu] seconds from the Parquet file to the clusters, imports left out; OUT holds the cluster of each row.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import resource
import struct
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

N_HASHES, NGRAM, THRESHOLD, BANDS, ROWS = 256, 5, 0.7, 25, 10
WORD = re.compile(r"\w+")


def components(n: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    parent = list(range(n))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b in pairs:
        a, b = root(a), root(b)
        parent[max(a, b)] = min(a, b)
    return [root(node) for node in range(n)]


def datasketch(path: Path) -> list[int]:
    from datasketch import MinHash, MinHashLSH

    start()
    texts = pq.read_table(path, columns=["content"])["content"].to_pylist()
    index, pairs = MinHashLSH(threshold=THRESHOLD, num_perm=N_HASHES), []
    for row, text in enumerate(texts):
        words = WORD.findall(text)
        shingles = {" ".join(words[at : at + NGRAM]).encode() for at in range(max(1, len(words) - NGRAM + 1))}
        sketch = MinHash(num_perm=N_HASHES)
        sketch.update_batch(list(shingles))
        pairs += [(other, row) for other in index.query(sketch)]
        index.insert(row, sketch)
    return components(len(texts), pairs)


def daft(path: Path) -> list[int]:
    import daft as engine
    from daft import col
    from daft.functions import minhash, regexp_replace

    start()
    frame = engine.read_parquet(str(path))
    words = regexp_replace(col("content"), r"\W+", " ")
    frame = frame.select(col("place"), minhash(words, num_hashes=N_HASHES, ngram_size=NGRAM).alias("hashes"))
    frame = frame.collect()
    bands = engine.from_arrow(_bands(frame.to_arrow()))
    buckets = bands.groupby("band", "value").agg(col("place").list_agg().alias("rows"))
    n = len(frame)
    lists = buckets.to_arrow()["rows"].to_pylist()
    return components(n, ((rows[0], other) for rows in lists for other in rows[1:]))


def _bands(table: pa.Table) -> pa.Table:
    """One row for each band: its number, its 40 bytes, and the file. By numpy: quicker than expressions would be."""
    import numpy as np

    hashes = table["hashes"].combine_chunks().flatten().to_numpy().astype(np.uint32).reshape(-1, N_HASHES)
    used = np.ascontiguousarray(hashes[:, : BANDS * ROWS])
    values = pa.Array.from_buffers(pa.binary(ROWS * 4), len(used) * BANDS, [None, pa.py_buffer(used)])
    places = np.repeat(table["place"].to_numpy(), BANDS)
    return pa.table({"band": np.tile(np.arange(BANDS), len(used)), "value": values.cast(pa.binary()), "place": places})


def datatrove(path: Path) -> list[int]:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import ParquetReader

    config = MinhashConfig(n_grams=NGRAM, num_buckets=BANDS, hashes_per_bucket=ROWS)
    start()
    reader = ParquetReader(str(path.parent), glob_pattern=path.name, text_key="content", id_key="path")
    for pipeline, tasks in (
        ([reader, MinhashDedupSignature("signatures", config=config)], 1),
        ([MinhashDedupBuckets("signatures", "buckets", config=config)], BANDS),
        ([MinhashDedupCluster("buckets", "clusters", config=config, save_cluster_id=True)], 1),
    ):
        LocalPipelineExecutor(pipeline=pipeline, tasks=tasks, workers=1).run()
    n = pq.ParquetFile(path).metadata.num_rows
    clusters = list(range(n))
    for file in Path("clusters").glob("*.clusters"):
        for row, cluster in struct.iter_unpack("<II", file.read_bytes()):
            clusters[row] = n + cluster
    return clusters


def text_dedup(path: Path) -> list[int]:
    from text_dedup.minhash import main

    start()
    options = {
        "path": "parquet", "data_files": str(path), "split": "train", "column": "content", "cache_dir": "cache",
        "output": "output", "ngram": NGRAM, "num_perm": N_HASHES, "threshold": THRESHOLD, "batch_size": 10000,
        "num_proc": os.cpu_count(),
    }  # fmt: skip
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    main([*given, "--debug"], standalone_mode=False)
    with Path("output", "uf.pkl").open("rb") as file:
        found = pickle.load(file)
    found = found[0] if isinstance(found, tuple) else found
    parents = getattr(found, "parent", found)
    n = pq.ParquetFile(path).metadata.num_rows
    return components(n, parents.items())


_began = [0.0, 0.0]


def start() -> None:
    _began[:] = time.perf_counter(), _cpu_seconds()


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(item.ru_utime + item.ru_stime for item in used)


if __name__ == "__main__":
    tool, corpus, target = sys.argv[1:]
    clusters = globals()[tool.replace("-", "_")](Path(corpus))
    print(json.dumps([time.perf_counter() - _began[0], _cpu_seconds() - _began[1]]))
    pq.write_table(pa.table({"cluster": pa.array(clusters, pa.int64())}), target)
