"""The chunked loss is the plain one."""

from __future__ import annotations

import pytest
import torch

from understudy.model import loss as module
from understudy.model.loss import IGNORED, chunked_loss, plain_loss, targets_of


@pytest.mark.parametrize("chunk", [1, 7, 50, 10_000])
def test_value_and_gradients_equal_the_plain_loss(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_SCORES", chunk * 61)
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(50, 16, generator=generator, requires_grad=True)
    head = torch.randn(61, 16, generator=generator, requires_grad=True)
    targets = torch.randint(0, 61, (50,), generator=generator)
    targets[::7] = IGNORED
    expected = plain_loss(hidden, head, targets)
    actual = chunked_loss(hidden, head, targets)
    assert actual.item() == pytest.approx(expected.item(), rel=1e-5)
    gradients = [torch.autograd.grad(0.3 * value, (hidden, head)) for value in (actual, expected)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_nothing_to_predict_costs_nothing() -> None:
    hidden, head = torch.randn(4, 8, requires_grad=True), torch.randn(9, 8, requires_grad=True)
    loss = chunked_loss(hidden, head, torch.full((4,), IGNORED))
    assert loss.item() == 0.0
    assert all(float(g.abs().max()) == 0.0 for g in torch.autograd.grad(loss, (hidden, head)))


def test_targets_leave_out_padding_and_the_first_token_of_a_piece() -> None:
    tokens = torch.tensor([[10, 11, 12, 13, 14, 15]])
    segments = torch.tensor([[0, 0, 1, 1, -1, -1]])
    assert targets_of(tokens, segments).tolist() == [[11, IGNORED, 13, IGNORED, IGNORED]]
