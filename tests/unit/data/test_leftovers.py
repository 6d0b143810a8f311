"""What an earlier run left behind, whole or damaged, never gets into a corpus and never stops the next run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from understudy.core.paths import Project

MakeCorpus = Callable[..., Any]
TASK = {"task_id": "1", "prompt": "Write the nine muses down in the order that Hesiod names them, with a comma."}


def test_half_written_files_of_a_killed_run_are_not_published(code: Path, make_corpus: MakeCorpus) -> None:
    whole = make_corpus(code, work="whole").hashes()
    work = code.parent / "project" / "killed"
    (work / "train").mkdir(parents=True)
    for name in (".funnel.json.k8s_f1a", "near_duplicates.parquet.tmp", "train/part-00007.parquet"):
        (work / name).write_bytes(b"half a file")
    assert make_corpus(code, work="killed").hashes() == whole


@pytest.mark.parametrize("flip", [0, 100, 1000, -60, -5, None])
def test_a_damaged_index_of_exams_is_made_again(
    code: Path, project: Project, make_corpus: MakeCorpus, tmp_path: Path, flip: int | None
) -> None:
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text(json.dumps(TASK) + "\n")
    first = make_corpus(code, decontaminate=[str(tasks)]).hashes()
    (index,) = (project.cache / "contamination").iterdir()
    whole = index.read_bytes()
    damaged = bytearray(whole if flip is not None else whole[:-30])
    damaged[flip or 0] ^= 4
    index.write_bytes(damaged)
    for batch in (project.cache / "batches").glob("*.done"):
        batch.unlink()
    assert make_corpus(code, work="again", decontaminate=[str(tasks)]).hashes() == first
