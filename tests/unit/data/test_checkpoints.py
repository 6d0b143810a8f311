"""Batches on disk: there as a whole or not at all, never believed when damaged, and gone when nothing uses them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from understudy.data.compute import Checkpoints
from understudy.data.compute.checkpoints import KEPT_USES, read_content
from understudy.data.documents import FACTS, Placed, with_columns, working_batch
from understudy.data.listing import Entry

ENDINGS = ("arrow", "parquet", "done")
TEXTS = [f"def function_{number}() -> int:\n    return {number * 7919}\n" * (1 + number % 9) for number in range(60)]


def batch() -> pa.RecordBatch:
    entries = [Entry("r", f"{number}.py", "python", len(text), "", "", "", "") for number, text in enumerate(TEXTS)]
    made = working_batch("archive", [Placed(entry) for entry in entries])
    return with_columns(made, {"content": TEXTS, "spdx": [["MIT"]] * len(TEXTS)})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder with one batch, called `k`."""
    Checkpoints(tmp_path).save("k", batch())
    return tmp_path


def test_a_batch_comes_back_as_it_was(saved: Path) -> None:
    checkpoints = Checkpoints(saved)
    assert "k" in checkpoints and "other" not in checkpoints
    assert read_content(checkpoints.content("k")).to_pylist() == TEXTS
    assert pq.read_table(checkpoints.facts("k")).equals(pa.Table.from_batches([batch().select(FACTS)]))


def test_contents_are_left_away_where_nobody_needs_them(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save("k", batch(), keeps_contents=False)
    assert "k" in checkpoints
    assert read_content(checkpoints.content("k")).null_count == len(TEXTS)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_flipped_bit_anywhere_is_noticed(saved: Path, ending: str) -> None:
    path = saved / f"k.{ending}"
    whole = path.read_bytes()
    for place in range(0, 8 * len(whole), max(1, 8 * len(whole) // 300)):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        assert "k" not in Checkpoints(saved), f"bit {place} of k.{ending}"
    path.write_bytes(whole)
    assert "k" in Checkpoints(saved)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("keep", [0, 1, 0.5, 0.999])
def test_a_file_that_was_cut_short_or_is_gone_is_noticed(saved: Path, ending: str, keep: float) -> None:
    path = saved / f"k.{ending}"
    os.truncate(path, int(keep * path.stat().st_size) if keep < 1 else path.stat().st_size - 1)
    assert "k" not in Checkpoints(saved)
    path.unlink()
    assert "k" not in Checkpoints(saved)


def test_two_batches_do_not_pass_for_each_other(saved: Path) -> None:
    Checkpoints(saved).save("l", batch().slice(1))
    shutil.copyfile(saved / "l.arrow", saved / "k.arrow")
    assert "k" not in Checkpoints(saved) and "l" in Checkpoints(saved)


def test_saving_again_mends_a_damaged_batch(saved: Path) -> None:
    checkpoints = Checkpoints(saved)
    for ending in ENDINGS:
        (saved / f"k.{ending}").write_bytes(b"ARROW1")
    checkpoints.save("k", batch())
    assert "k" in checkpoints


def test_a_batch_that_is_forgotten_is_not_there_any_more(saved: Path) -> None:
    checkpoints = Checkpoints(saved)
    assert "k" in checkpoints
    checkpoints.forget(["k", "never there"])
    assert "k" not in checkpoints
    assert not list(saved.iterdir())


def used(folder: Path, name: str, *keys: str) -> None:
    """A corpus of these batches, made and finished."""
    checkpoints = Checkpoints(folder)
    for key in keys:
        if key not in checkpoints:
            checkpoints.save(key, batch().slice(0, 2))
        checkpoints.facts(key)
    checkpoints.tidy(name, ())


def keys(folder: Path) -> set[str]:
    found = [{path.stem for path in folder.glob(f"*.{ending}")} for ending in ENDINGS]
    assert found[0] == found[1] == found[2]
    return found[0]


def test_batches_of_the_last_corpora_are_kept_and_others_go(tmp_path: Path) -> None:
    for number in range(KEPT_USES + 2):
        used(tmp_path, f"corpus {number}", "in all", f"batch {number}")
    assert keys(tmp_path) == {"in all", *(f"batch {number}" for number in range(2, KEPT_USES + 2))}
    used(tmp_path, "corpus 2", "in all", "batch 2")  # an older one, made again: the oldest now is another
    used(tmp_path, "one more", "in all")
    assert keys(tmp_path) == {"in all", "batch 2", *(f"batch {number}" for number in range(4, KEPT_USES + 2))}


def test_what_killed_processes_left_behind_goes_too(saved: Path) -> None:
    for leftover in (".x.arrow.4711", ".x.parquet.4711", ".x.done.4711", "x.arrow", ".corpus.used.a8s_1"):
        (saved / leftover).write_bytes(b"half")
        os.utime(saved / leftover, (1_600_000_000, 1_600_000_000))
    (saved / ".y.arrow.4711").write_bytes(b"a task that was started twice is still at it")
    (saved / "sql").mkdir()
    (saved / "workers.log").write_text("what workers said")
    used(saved, "corpus", "k")
    assert {path.name for path in saved.iterdir()} == {
        "corpus.used", "k.arrow", "k.parquet", "k.done", "sql", "workers.log", ".y.arrow.4711",
    }  # fmt: skip


def test_batches_that_must_not_be_used_again_go(saved: Path) -> None:
    checkpoints = Checkpoints(saved)
    checkpoints.facts("k")
    checkpoints.tidy("corpus", {"k"})
    assert "k" not in checkpoints and not keys(saved)
