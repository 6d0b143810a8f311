"""MB per CPU-second of finding near-duplicates, Parquet in, clusters out, and how right the answer is, beside rivals.

    python benchmarks/near_duplicates.py --sdists FOLDER --rivals PYTHON [--rounds 3]

FOLDER holds the sdists of PACKAGES (`pip download --no-binary :all: --no-deps Django==4.2.16 …`); with the running
Python's own library they make the corpus. PYTHON has the rivals installed; see `rivals/near_duplicates.py`.

What is right is known: the Jaccard similarity of every pair of files by brute force; 0.7 or more makes a true pair.
    recall             true pairs that end in one cluster
    cluster_precision  pairs in one cluster that are true; chains (a like b, b like c) count against it
    drop_precision     dropped files that are truly like the file they were dropped for (rivals: their cluster's first)
    family_precision   pairs of a file that stays and those dropped for it, and pairs of those, that are true
    lost               dropped files that are truly like no file that stays
    left_over          true pairs of which both files stay
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from clock import Spent, ratios, timed
from numpy.typing import NDArray
from record import write_result

from understudy.data.near_duplicates import NearSettings
from understudy.data.near_duplicates.clusters import joined
from understudy.data.near_duplicates.columns import text_column
from understudy.data.near_duplicates.find import choose, cluster_ids, find_clusters
from understudy.data.near_duplicates.kernels import shingle_column
from understudy.data.near_duplicates.sketching import Sketcher

PACKAGES = ("Django-4.2.16", "Django-5.1.3", "sqlalchemy-1.4.54", "sqlalchemy-2.0.36", "sympy-1.12", "sympy-1.13.3")
RIVALS = ("daft", "datasketch", "datatrove", "text-dedup")
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
LEAST_BYTES, MOST_BYTES = 32, 1_000_000
NEAR = NearSettings()


def make_corpus(sdists: Path, target: Path) -> pa.Table:
    rows = sorted([*_members(sdists), *_library()])
    repos, paths, contents = zip(*rows, strict=True)
    table = pa.table({"place": np.arange(len(rows)), "repo": repos, "path": paths, "content": contents})
    pq.write_table(table, target, compression="zstd", row_group_size=2_000)
    return table


def _members(sdists: Path) -> Iterator[tuple[str, str, str]]:
    for package in PACKAGES:
        with tarfile.open(sdists / f"{package}.tar.gz") as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(".py") and member.size <= MOST_BYTES:
                    file = archive.extractfile(member)
                    yield from _row(package, member.name, file.read() if file else b"")


def _library() -> Iterator[tuple[str, str, str]]:
    for path in LIBRARY.rglob("*.py"):
        if "site-packages" not in path.parts and path.stat().st_size <= MOST_BYTES:
            yield from _row("cpython", str(path.relative_to(LIBRARY)), path.read_bytes())


def _row(repo: str, path: str, data: bytes) -> Iterator[tuple[str, str, str]]:
    """Files as the stage would have them: text, of 32 bytes or more, with words in it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    if len(data) >= LEAST_BYTES and re.search(r"\w", text):
        yield repo, path, text


def ours(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each file's cluster, and the file it was dropped for, or itself. As in the stage: batch after batch."""
    sketcher, contents, facts = Sketcher(NEAR), [], []
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=2_000, use_threads=False):
            content = batch.column("content")
            contents.append(content)
            columns = {name: batch.column(name) for name in ("place", "repo", "path")}
            facts.append(pa.table(columns | sketcher.columns(content, np.arange(len(batch)))))
    rows = pa.concat_tables(facts)
    rows = rows.append_column("commit_time", pa.nulls(len(rows), pa.int64()))
    texts, bands = pa.chunked_array(contents), rows["bands"]
    clusters = find_clusters(rows, lambda at: _taken(texts, at), lambda at: _taken(bands, at), NEAR)
    ids = cluster_ids(clusters, rows).to_numpy(zero_copy_only=False)
    return np.where(np.isnan(ids), np.arange(len(rows)), ids).astype(np.int64), choose(clusters).similar_to


def _taken(column: pa.ChunkedArray, at: NDArray[np.int64]) -> pa.Array:
    return column.take(pa.array(at)).combine_chunks()


@numba.njit
def _similar_pairs(hashes: Any, borders: Any, starts: Any, holders: Any, threshold: float) -> Any:
    """Every pair whose similarity is the threshold or more, by counting what each file shares with all before it."""
    n = len(borders) - 1
    shared = np.zeros(n, np.int64)
    found = []
    for file in range(n):
        size = borders[file + 1] - borders[file]
        shared[:file] = 0
        for at in range(borders[file], borders[file + 1]):
            for i in range(starts[hashes[at]], starts[hashes[at] + 1]):
                if holders[i] >= file:
                    break
                shared[holders[i]] += 1
        for other in range(file):
            if shared[other] > 0:
                union = size + borders[other + 1] - borders[other] - shared[other]
                if shared[other] / union >= threshold:
                    found.append((other, file))
    return found


def true_pairs(texts: pa.Array) -> set[tuple[int, int]]:
    """Pairs of files with a similarity of the threshold or more, each tested."""
    data, offsets = text_column(texts)
    out, borders = np.zeros(len(data) // 2 + len(texts), np.uint64), np.zeros(len(texts) + 1, np.int64)
    shingle_column(data, offsets, NEAR.ngram, out, borders)
    numbers = np.unique(out[: borders[-1]], return_inverse=True)[1]
    order = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], np.arange(numbers.max() + 2))
    holders = np.searchsorted(borders, order, side="right") - 1
    return set(_similar_pairs(numbers, borders, starts, holders, NEAR.threshold))


def judged(clusters: NDArray[np.int64], dropped_for: NDArray[np.int64], truth: set[tuple[int, int]]) -> dict[str, Any]:
    stays = dropped_for == np.arange(len(clusters))
    dropped = [(min(a, b), max(a, b)) for a, b in enumerate(dropped_for.tolist()) if a != b]
    held = {a if stays[b] else b for a, b in truth if stays[a] != stays[b]}
    return {
        "n_kept": int(stays.sum()),
        "n_dropped": len(dropped),
        "recall": round(sum(bool(clusters[a] == clusters[b]) for a, b in truth) / len(truth), 5),
        "cluster_precision": precision(clusters, truth),
        "family_precision": precision(dropped_for, truth),
        "drop_precision": round(sum(pair in truth for pair in dropped) / max(1, len(dropped)), 5),
        "lost": int(sum(file not in held for file in np.flatnonzero(~stays).tolist())),
        "left_over": sum(bool(stays[a] and stays[b]) for a, b in truth),
    }


def precision(groups: NDArray[np.int64], truth: set[tuple[int, int]]) -> float:
    """The share of pairs in one group that are true."""
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    n_pairs = sum(len(files) * (len(files) - 1) // 2 for files in members)
    return round(sum(bool(groups[a] == groups[b]) for a, b in truth) / max(1, n_pairs), 5)


def rival(name: str, python: Path, corpus: Path) -> tuple[Spent, NDArray[np.int64]]:
    """What it took without importing and starting, and the cluster of each file."""
    with tempfile.TemporaryDirectory() as folder:
        target, script = Path(folder, "clusters.parquet"), Path(__file__).parent / "rivals" / "near_duplicates.py"
        done = subprocess.run(
            [python, script, name, corpus, target], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
        return Spent(*json.loads(done.stdout.splitlines()[-1])), pq.read_table(target)["cluster"].to_numpy()


def exact_components(n: int, truth: set[tuple[int, int]]) -> NDArray[np.int64]:
    """What hangs together by true pairs: no clusters with a recall of 1 can be more precise than these."""
    one, other = (np.array(side, np.int64) for side in zip(*truth, strict=True))
    return np.asarray(joined(n, one, other))


def firsts(clusters: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first file of each file's cluster: the one that such tools keep."""
    _, first, inverse = np.unique(clusters, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sdists", type=Path, required=True)
    parser.add_argument("--rivals", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "corpus.parquet")
        texts = make_corpus(given.sdists, path)["content"].combine_chunks()
        truth = true_pairs(texts)
        n_bytes = text_column(texts).offsets[-1].item()
        measured = compared(path, truth, n_bytes, given)
    head = {"n_files": len(texts), "size_mb": round(n_bytes / 1e6, 1), "n_true_pairs": len(truth), **NEAR._asdict()}
    write_result("near_duplicates", head | measured, ("numpy", "numba", "pyarrow"))


def compared(path: Path, truth: set[tuple[int, int]], n_bytes: int, given: argparse.Namespace) -> dict[str, Any]:
    ours(path)  # compiled and warm, as every round after the first in a stage is
    spent, found = zip(*(timed(lambda: ours(path)) for _ in range(given.rounds)), strict=True)
    clusters, dropped_for = found[0]
    measured = {
        "understudy": _speed(spent, n_bytes) | judged(clusters, dropped_for, truth),
        "cluster_precision_of_exact_components": precision(exact_components(len(clusters), truth), truth),
    }
    for name in RIVALS if given.rivals else ():
        try:
            theirs, clusters = rival(name, given.rivals, path)
        except RuntimeError as error:
            measured[name] = {"failed": str(error)[-300:]}
            continue
        by = ratios(spent, [theirs] * len(spent))
        measured[name] = _speed([theirs], n_bytes) | judged(clusters, firsts(clusters), truth) | by
    return measured


def _speed(spent: Any, n_bytes: int) -> dict[str, Any]:
    cpu = sorted(item.cpu for item in spent)[len(spent) // 2]
    wall = sorted(item.wall for item in spent)[len(spent) // 2]
    return {"cpu_seconds": round(cpu, 2), "seconds": round(wall, 2), "mb_per_cpu_second": round(n_bytes / 1e6 / cpu, 1)}


if __name__ == "__main__":
    main()
