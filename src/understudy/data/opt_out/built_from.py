"""Which artifacts were built from files that are opted out: the store's corpora, then all that was made from them.

Contents are opened only where the list has SHA-256 hashes; all else is told by the columns repo, path and id.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from understudy.core.artifact import Artifact, Store
from understudy.core.paths import Project, read_json
from understudy.core.tracking import Events
from understudy.data.opt_out.opt_outs import OPTED_OUT, OptOuts, sha256_of
from understudy.formats.corpus import Side, corpus_batches

SIDES: tuple[Side, ...] = ("train", "valid", "rejected")
WITHOUT_CONTENT = (OPTED_OUT, "duplicate")  # rejected rows that hold a name and a hash only
MOST_FILES = 10_000  # named for each corpus; all are counted
ROWS_AT_ONCE = 4_096


def built_from(project: Project, opt_outs: OptOuts, events: Events) -> dict[str, Any]:
    """Every artifact that holds or was made from a listed file, with the files: `corpora`, `descendants`, `untouched`.

    Time: a second for a million rows; with SHA-256 hashes on the list, as long as hashing the corpora takes.
    """
    store = Store(project)
    corpora, untouched = [], []
    listed = store.all("corpus")
    for done, corpus in enumerate(listed):
        events.progress("looking into corpora", done, len(listed), "corpora")
        found = _found_in(corpus, opt_outs)
        if found["n_files"]:
            corpora.append(found)
        else:
            untouched.append(corpus.id)
    touched = {item["id"] for item in corpora if item["n_trained"] or item["n_held_out"]}
    return {
        "corpora": corpora,
        "descendants": [_told(artifact, touched) for artifact in store.all() if _ancestors(artifact) & touched],
        "untouched": untouched,
    }


def _found_in(corpus: Artifact, opt_outs: OptOuts) -> dict[str, Any]:
    counts: dict[str, int] = dict.fromkeys(SIDES, 0)
    files: list[dict[str, str]] = []
    for side in SIDES:
        for row in _rows(corpus.path, side, with_content=bool(opt_outs.sha256)):
            sha256 = None if row.get("content") is None else sha256_of(row["content"].encode())
            entry = opt_outs.match(row["repo"], row["path"], (row["id"], sha256))
            if entry is None or row.get("drop_reason") in WITHOUT_CONTENT:
                continue
            counts[side] += 1
            if len(files) < MOST_FILES:
                files.append({"repository": row["repo"], "path": row["path"], "side": side, "entry": str(entry)})
    return {
        "id": corpus.id,
        "created": corpus.created,
        "n_files": sum(counts.values()),
        "n_trained": counts["train"],
        "n_held_out": counts["valid"],
        "n_rejected": counts["rejected"],
        "files": files,
    }


def _rows(corpus: Path, side: Side, with_content: bool) -> Iterator[dict[str, Any]]:
    names = ["repo", "path", "id"]
    names += ["drop_reason"] if side == "rejected" else []
    names += ["content"] if with_content else []
    for batch in corpus_batches(corpus, side, names, ROWS_AT_ONCE):
        yield from batch.to_pylist()


def _ancestors(artifact: Artifact) -> set[str]:
    """The ids of all that an artifact was made from, as its own lineage says: also of what is deleted by now."""
    lineage = artifact.path / "lineage.json"
    found: set[str] = set()
    waiting = [read_json(lineage)] if lineage.exists() else []
    while waiting:
        for identifier, record in waiting.pop().items():
            found.add(identifier)
            waiting.append(record["inputs"])
    return found


def _told(artifact: Artifact, touched: set[str]) -> dict[str, Any]:
    return {
        "id": artifact.id,
        "kind": artifact.kind,
        "created": artifact.created,
        "from": sorted(_ancestors(artifact) & touched),
    }
