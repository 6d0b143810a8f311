"""The training path and the probe that runs it."""

from __future__ import annotations

import pytest
import torch

from understudy.model.config import dial
from understudy.model.initial import random_decoder
from understudy.model.loss import plain_loss, targets_of
from understudy.model.throughput import matmul_ceiling, measure_step
from understudy.model.training_path import TrainingPath, can_compile


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.randint(0, 100, (2, 33), generator=torch.Generator().manual_seed(1))
    return tokens, torch.tensor([[0] * 20 + [1] * 10 + [-1] * 3, [0] * 33])


def test_its_loss_is_the_plain_cross_entropy() -> None:
    decoder, (tokens, segments) = random_decoder(dial(2, 100, 32, hidden=32), 3), rows()
    expected = plain_loss(
        decoder.hidden(tokens[:, :-1], segments[:, :-1]).flatten(0, 1),
        decoder.head.weight,
        targets_of(tokens, segments).flatten(),
    )
    actual = TrainingPath(decoder, compiled=False).loss(tokens, segments)
    assert actual.item() == pytest.approx(expected.item(), rel=1e-5)


def test_fresh_weights_are_a_function_of_the_seed_alone() -> None:
    config = dial(2, 100, 32, hidden=32)
    torch.manual_seed(1)
    first = random_decoder(config, 3)
    torch.manual_seed(2)
    second, other = random_decoder(config, 3), random_decoder(config, 4)
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.embedding.weight, other.embedding.weight)


@pytest.mark.skipif(not can_compile(), reason="no C++ compiler")
@pytest.mark.torture
def test_compiled_layers_give_the_same_loss_and_gradients() -> None:
    tokens, segments = rows()
    found = []
    for compiled in (False, True):
        decoder = random_decoder(dial(2, 100, 32, hidden=32), 3)
        loss = TrainingPath(decoder, compiled).loss(tokens, segments)
        loss.backward()  # type: ignore[no-untyped-call]
        found.append((loss.item(), [p.grad for p in decoder.parameters()]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    for ours, theirs in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_the_probes_find_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("understudy.model.throughput.CEILING_SECONDS", 0.05)
    monkeypatch.setattr("understudy.model.throughput.STEP_SECONDS", 0.05)
    assert matmul_ceiling(torch.float32) > 1e8
    rate = measure_step(dial(1, 300, 32, hidden=32), 2, 32, "fp32", compiled=False)
    assert rate.tokens_per_second > 10
    assert rate.peak_memory_bytes > 1e7
