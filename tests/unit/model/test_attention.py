"""Blockwise attention is attention: equal to PyTorch's, values and gradients, whatever the blocks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from understudy.model.attention import attention_bias, plain_attention
from understudy.model.blockwise import blockwise_attention
from understudy.model.config import dial
from understudy.model.initial import random_decoder


def inputs(n_time: int = 37) -> tuple[list[Tensor], Tensor]:
    generator = torch.Generator().manual_seed(3)
    shapes = [(2, 4, n_time, 8), (2, 2, n_time, 8), (2, 2, n_time, 8)]
    tensors = [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]
    segments = torch.tensor([[0] * 10 + [1] * 20 + [-1] * (n_time - 30), [0] * 5 + [1] * 5 + [2] * (n_time - 10)])
    return tensors, segments


@pytest.mark.parametrize("window", [None, 1, 6, 100])
@pytest.mark.parametrize("has_segments", [False, True])
@pytest.mark.parametrize("block", [1, 8, 16, 37, 64])
def test_blocks_change_nothing(block: int, has_segments: bool, window: int | None) -> None:
    (q, k, v), segments = inputs()
    bias = attention_bias(segments if has_segments else None, 37, window, torch.float32, torch.device("cpu"))
    expected = plain_attention(q, k, v, bias)
    gradients = torch.autograd.grad(expected.square().sum(), (q, k, v))
    actual = blockwise_attention(q, k, v, bias, window, block)
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)
    for ours, theirs in zip(torch.autograd.grad(actual.square().sum(), (q, k, v)), gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_every_token_sees_itself_and_nothing_of_another_piece() -> None:
    _, segments = inputs()
    mask = attention_bias(segments, 37, None, torch.float32, torch.device("cpu")) == 0
    assert mask.diagonal(dim1=1, dim2=2).all()
    assert not mask[0, 10:30, :10].any()
    assert not mask.triu(1).any()


def test_pieces_in_one_row_score_as_they_would_alone() -> None:
    decoder = random_decoder(dial(2, 300, 64, hidden=32), 1)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
        first, second = torch.randint(0, 300, (2, 12), generator=torch.Generator().manual_seed(4))
        segments = torch.tensor([[0] * 12 + [1] * 12])
        packed = decoder(torch.cat((first, second))[None], segments)[0]
        torch.testing.assert_close(packed[12:], decoder(second[None])[0], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(packed[:12], decoder(first[None])[0], rtol=1e-4, atol=1e-4)
