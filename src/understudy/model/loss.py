"""Next-token cross entropy without the scores of all tokens in memory at once.

The scores of a micro-batch are its largest tensor (2,048 tokens x 8,192 words in fp32: 67 MB, three times over with
their gradient). Here a chunk of tokens is scored, turned into its gradient at once, and thrown away: the forward pass
already knows the gradient up to a scalar. The same idea is in Liger-Kernel's fused linear cross entropy.

Letters: n tokens, d model width, v vocabulary, c tokens of one chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -100  # a target that costs nothing: padding, or the first token of the next piece
CHUNK_SCORES = 2**24  # scores in memory at once: 2,048 tokens at a vocabulary of 8,192; 64 MiB in fp32

ScoreGradient = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def targets_of(tokens_bt: Tensor, segments_bt: Tensor) -> Tensor:
    """What each token of rows of context + 1 should be followed by, (b, t - 1); IGNORED where nothing is."""
    known = (segments_bt[:, 1:] == segments_bt[:, :-1]) & (segments_bt[:, 1:] >= 0)
    return torch.where(known, tokens_bt[:, 1:], IGNORED)


def plain_loss(hidden_nd: Tensor, head_vd: Tensor, targets_n: Tensor) -> Tensor:
    """The summed cross entropy, in nats, by the obvious way: the reference."""
    return F.cross_entropy((hidden_nd @ head_vd.T).float(), targets_n, ignore_index=IGNORED, reduction="sum")


def chunked_loss(
    hidden_nd: Tensor, head_vd: Tensor, targets_n: Tensor, score_gradient: ScoreGradient | None = None
) -> Tensor:
    """The same sum, by chunks of tokens. `score_gradient` may be a compiled `gradient_of_scores`."""
    loss: Tensor = _ChunkedLoss.apply(hidden_nd, head_vd, targets_n, score_gradient or gradient_of_scores)  # type: ignore[no-untyped-call]
    return loss


def gradient_of_scores(scores_cv: Tensor, targets_c: Tensor, known_c: Tensor) -> tuple[Tensor, Tensor]:
    """The losses of a chunk, (c,) in fp32, and their gradient by the scores, (c, v), in the scores' type."""
    wide_cv = scores_cv.float()
    totals_c = wide_cv.logsumexp(-1)
    at_target = torch.arange(scores_cv.shape[1], device=scores_cv.device) == targets_c[:, None]
    gradient_cv = ((wide_cv - totals_c[:, None]).exp() - at_target.float()) * known_c[:, None]
    losses_c = (totals_c - wide_cv.gather(1, targets_c[:, None])[:, 0]) * known_c
    return losses_c, gradient_cv.to(scores_cv.dtype)


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden_nd: Tensor, head_vd: Tensor, targets_n: Tensor, score_gradient: ScoreGradient
    ) -> Tensor:
        needs_gradient = hidden_nd.requires_grad or head_vd.requires_grad
        hidden_gradient = torch.empty_like(hidden_nd) if needs_gradient else None
        head_gradient = torch.zeros_like(head_vd, dtype=torch.float32) if needs_gradient else None
        total = torch.zeros((), dtype=torch.float32, device=hidden_nd.device)
        chunk = max(1, min(hidden_nd.shape[0], CHUNK_SCORES // head_vd.shape[0]))
        for start in range(0, hidden_nd.shape[0], chunk):
            rows = slice(start, start + chunk)
            known_c = (targets_n[rows] != IGNORED).float()
            losses_c, gradient_cv = score_gradient(hidden_nd[rows] @ head_vd.T, targets_n[rows].clamp(min=0), known_c)
            total += losses_c.sum()
            if hidden_gradient is not None and head_gradient is not None:
                torch.mm(gradient_cv, head_vd, out=hidden_gradient[rows])
                head_gradient += gradient_cv.T @ hidden_nd[rows]
        ctx.gradients = (hidden_gradient, head_gradient, head_vd.dtype)
        return total

    @staticmethod
    def backward(ctx: Any, *outputs: Any) -> tuple[Tensor, Tensor, None, None]:
        (scale,) = outputs
        hidden_gradient, head_gradient, dtype = ctx.gradients
        ctx.gradients = None
        return hidden_gradient.mul_(scale), head_gradient.mul_(scale).to(dtype), None, None
