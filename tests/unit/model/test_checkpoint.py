"""Checkpoints: what is read is what was saved, or it is not read."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from understudy.model.checkpoint import newest_checkpoint, save_checkpoint


def save(folder: Path, step: int) -> Path:
    return save_checkpoint(folder, step, {"w": torch.full((5,), float(step))}, {"seconds": step / 3})


def test_the_newest_is_read_back_exactly(tmp_path: Path) -> None:
    for step in (3, 20, 100):
        save(tmp_path, step)
    found = newest_checkpoint(tmp_path, pytest.fail)
    assert found is not None
    assert (found.step, found.state) == (100, {"seconds": 100 / 3})
    assert torch.equal(found.tensors["w"], torch.full((5,), 100.0))


def test_two_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save(tmp_path, step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000003"]


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_any_damage_is_noticed_and_the_one_before_is_used(tmp_path: Path, name: str, damage: str) -> None:
    save(tmp_path, 1)
    file = save(tmp_path, 2) / name
    raw = bytearray(file.read_bytes())
    if damage == "flip":
        raw[-5] ^= 4
        file.write_bytes(bytes(raw))
    elif damage == "truncate":
        file.write_bytes(bytes(raw[:-5]))
    else:
        file.unlink()
    heard: list[str] = []
    found = newest_checkpoint(tmp_path, heard.append)
    assert found is not None
    assert found.step == 1
    assert len(heard) == 1
    assert "step-00000002 is damaged" in heard[0]


def test_half_written_ones_are_not_seen_and_nothing_is_none(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path / "missing", pytest.fail) is None
    save(tmp_path, 1).rename(tmp_path / "step-00000001.partial")
    assert newest_checkpoint(tmp_path, pytest.fail) is None
    save(tmp_path, 1)  # over the leftovers
    assert newest_checkpoint(tmp_path, pytest.fail) is not None
