"""Batches are a function of seed and step, and a pass over the data meets every row once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from understudy.core.errors import InputDataError
from understudy.formats.shards import TokenShards
from understudy.train.batches import Batches, micro_batches, spread_rows


@pytest.fixture
def shards(world: Callable[..., Any]) -> TokenShards:
    return TokenShards.open(world(n_rows=10).root / "tokens", "train")


def test_each_pass_meets_every_row_once_across_step_borders(shards: TokenShards) -> None:
    batches = Batches(shards, seed=3, batch_rows=4, micro_batch=2)
    rows = np.concatenate([batches.rows_of(step) for step in range(10)])
    for number in range(4):
        assert sorted(rows[10 * number : 10 * (number + 1)].tolist()) == list(range(10))
    assert rows[:10].tolist() != rows[10:20].tolist()


def test_a_step_does_not_depend_on_those_before_it(shards: TokenShards) -> None:
    first = Batches(shards, 3, 4, 2)
    for step in range(5):
        first.rows_of(step)
    assert first.rows_of(5).tolist() == Batches(shards, 3, 4, 1).rows_of(5).tolist()
    assert first.rows_of(5).tolist() != Batches(shards, 4, 4, 1).rows_of(5).tolist()


def test_a_step_larger_than_the_data_takes_it_several_times(shards: TokenShards) -> None:
    assert len(Batches(shards, 3, 25, 2).rows_of(1)) == 25


def test_micro_batches_are_the_rows_in_order(shards: TokenShards) -> None:
    batch = Batches(shards, 3, 5, 2).step(0)
    assert [len(tokens) for tokens, _ in batch] == [2, 2, 1]
    assert batch[2][0][0].tolist() == shards.row(int(Batches(shards, 3, 5, 2).rows_of(0)[4])).tokens.tolist()


def test_an_impossible_id_is_refused_with_its_row(shards: TokenShards) -> None:
    shards.vocabulary = 20
    with pytest.raises(InputDataError, match=r"row 7 of the train shards .* outside the vocabulary of 20"):
        list(micro_batches(shards, np.array([7]), 4))


def test_spread_rows_are_even_and_never_more_than_there_are() -> None:
    assert spread_rows(100, 4).tolist() == [0, 25, 50, 75]
    assert spread_rows(3, 10).tolist() == [0, 1, 2]
    assert spread_rows(0, 10).tolist() == []
