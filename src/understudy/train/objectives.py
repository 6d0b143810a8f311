"""What the model is asked to get right. One function per objective; the loop knows only its sum and its count."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from understudy.model.training_path import TrainingPath
from understudy.train.batches import MicroBatch


def n_targets(batch: Sequence[MicroBatch]) -> int:
    """How many tokens of a step are predicted: those whose predecessor is of the same piece."""
    return sum(int(((s[:, 1:] == s[:, :-1]) & (s[:, 1:] >= 0)).sum()) for _, s in batch)


def next_token_step(path: TrainingPath, batch: Sequence[MicroBatch]) -> float:
    """Run forward and backward over a step's micro-batches; the mean loss in nats per predicted token.

    The gradient is that of the mean over the whole step, so it does not depend on how the step is cut up.
    """
    count, total = max(1, n_targets(batch)), 0.0
    for tokens_bt, segments_bt in batch:
        loss = path.loss(tokens_bt.to(path.device), segments_bt.to(path.device))
        (loss / count).backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return total / count


def next_token_nats(path: TrainingPath, tokens_bt: torch.Tensor, segments_bt: torch.Tensor) -> float:
    """The summed loss of held-out rows, in nats.

    Gradients stay enabled although none is taken: the compiled layers of the training step are reused as they are,
    where a graph without gradients would be compiled anew for ten seconds.
    """
    return float(path.loss(tokens_bt.to(path.device), segments_bt.to(path.device)).detach())
