"""Batch, micro-batch and learning rate where the recipe leaves them to the plan."""

from __future__ import annotations

import math
from collections.abc import Callable

from understudy.core.recipe import Phase

# Muon's step has the same size whatever the gradient's, so one rate serves every width (Jordan et al. 2024); 0.02 is
# what nanochat and modded-nanogpt train with. The trainer scales the token tables' AdamW rate from it.
MUON_LEARNING_RATE = 0.02
# Rows computed at once on a CPU: more spills the caches, fewer starves the matrix product. 4 is what the fastest
# configuration measured so far used (63 % of the ceiling).
CPU_MICRO_BATCH = 4
# Tokens computed at once on a GPU, at most: more gains nothing in speed.
GPU_MICRO_BATCH_TOKENS = 65_536
# Fewer steps than this leave no room for warm-up and decay.
FEWEST_STEPS = 50
FEWEST_ROWS = 8


def learning_rate(phase: Phase, flops: float) -> float:
    """The peak rate: the recipe's; Muon's constant; for AdamW 0.3118 · C^-0.125 (DeepSeek LLM 2024), up to 3e-3."""
    if phase.learning_rate != "auto":
        return phase.learning_rate
    if phase.optimizer == "muon":
        return MUON_LEARNING_RATE
    return float(f"{min(3e-3, 0.3118 * flops**-0.125):.2g}")


def batch_rows(phase: Phase, flops: float, tokens: float, unique_tokens: float, devices: int) -> int:
    """Rows of `context` tokens in a step: the recipe's, or the power of two nearest to 0.292 · C^0.3271 tokens.

    The law (DeepSeek LLM 2024, eq. 3) was fitted from 1e17 FLOPs up; at 4e13 it gives 8k tokens, which is what we
    use there. Never so many that fewer than 50 steps remain, or that one step holds more than a quarter of the data.
    """
    if phase.batch_tokens != "auto":
        return max(1, phase.batch_tokens // phase.context)
    law = max(FEWEST_ROWS, 0.292 * flops**0.3271 / phase.context)
    rows = 1 << round(math.log2(law))
    most = max(1.0, min(tokens / FEWEST_STEPS, unique_tokens / 4) / phase.context)
    rows = min(rows, 1 << int(math.log2(most)))
    return rows if devices == 1 else -(-rows // devices) * devices


def micro_batch(phase: Phase, rows: int, devices: int, device: str, fits: Callable[[int], bool]) -> int:
    """Rows computed at once on one device: the recipe's, or the largest power of two that divides the step and fits."""
    if phase.micro_batch != "auto":
        return min(phase.micro_batch, rows)
    most = CPU_MICRO_BATCH if device == "cpu" else max(1, GPU_MICRO_BATCH_TOKENS // phase.context)
    per_device = max(1, rows // devices)
    size = 1
    while size * 2 <= most and per_device % (size * 2) == 0 and fits(size * 2):
        size *= 2
    return size
