from __future__ import annotations

import pytest

from understudy.model.config import dial, n_parameters
from understudy.model.loss import CHUNK_SCORES
from understudy.plan import memory
from understudy.plan.memory import disk_needed, training_memory

SHAPE = dial(6, 8192, 512)


def test_the_parts_add_up_to_the_total() -> None:
    parts = training_memory(SHAPE, 4, "bf16", "muon", "cpu")
    assert sum(parts.by_part().values()) == parts.total


def test_adamw_in_bf16_takes_eighteen_bytes_a_parameter_and_a_quarter_of_it_on_four_devices() -> None:
    # 2 weights + 4 master + 4 gradient + 8 moments, less the activations and the process, which are not sharded.
    one, four = (training_memory(SHAPE, 1, "bf16", "adamw", "cuda", devices) for devices in (1, 4))
    held = [memory.weights + memory.master_weights + memory.gradients + memory.optimizer for memory in (one, four)]
    assert held[0] == 18 * n_parameters(SHAPE).total
    assert held[1] == pytest.approx(held[0] / 4, rel=1e-4)
    assert one.activations == four.activations


def test_a_row_shared_by_eight_devices_takes_an_eighth_of_the_activations() -> None:
    whole, shared = (training_memory(SHAPE, 1, "bf16", "adamw", "cuda", 8, split) for split in (1, 8))
    assert shared.activations == pytest.approx(whole.activations / 8, rel=1e-6)
    assert shared.weights == whole.weights


def test_muon_keeps_less_than_adamw_and_fp32_needs_no_master_copy() -> None:
    muon, adamw = (training_memory(SHAPE, 1, "fp32", optimizer, "cpu") for optimizer in ("muon", "adamw"))
    assert muon.optimizer < adamw.optimizer
    assert muon.master_weights == 0


def test_activations_grow_with_the_micro_batch_and_the_weights_do_not() -> None:
    small, large = (training_memory(SHAPE, rows, "bf16", "muon", "cpu") for rows in (2, 8))
    assert large.activations == pytest.approx(4 * small.activations, rel=1e-6)
    assert large.weights == small.weights


def test_the_chunk_of_scores_is_the_one_the_loss_uses() -> None:
    assert memory.CHUNK_SCORES == CHUNK_SCORES


def test_disk_counts_corpus_tokens_checkpoints_and_model() -> None:
    disk = disk_needed(SHAPE, "muon", 31_000_000, 8_000_000)
    assert disk.total == sum(disk.by_part().values())
    assert disk.checkpoints > disk.model > 4 * n_parameters(SHAPE).total
    assert disk.tokens == 8_000_000 * 4
