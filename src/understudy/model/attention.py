"""Rotary positions, who may see whom, and attention in its plain form: over whole rows, and over a cache.

The form that trains on CPU is in `blockwise.py`; this one is its reference, and the fast one on other devices.

Letters: b batch, t time (queries), s time (keys), h heads, k key-value heads, d head width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def rotary_tables(
    head_dim: int, theta: float, length: int, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary angles, each (length, head_dim), in fp32 (Su et al. 2021; halves as in Llama)."""
    frequencies = theta ** -(torch.arange(0, head_dim, 2, dtype=torch.int64, device=device).float() / head_dim)
    angles = torch.outer(torch.arange(length, device=device).float(), frequencies)
    both = torch.cat((angles, angles), dim=-1)
    return both.cos(), both.sin()


def rotate(x_bhtd: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Queries or keys turned by their positions; `cos` and `sin` broadcast against (b, h, t, d)."""
    first, second = x_bhtd.chunk(2, dim=-1)
    return x_bhtd * cos + torch.cat((-second, first), dim=-1) * sin


def attention_bias(
    segments_bt: Tensor | None, n_time: int, window: int | None, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """0 where a query may look, -inf elsewhere, (b or 1, t, t): earlier tokens, of the same piece, in the window.

    One for all layers: it is made once for a micro-batch.
    """
    places = torch.arange(n_time, device=device)
    mask = places[None, :] <= places[:, None]
    if window is not None:
        mask = mask & (places[None, :] > places[:, None] - window)
    mask_bts = mask[None] if segments_bt is None else mask & (segments_bt[:, :, None] == segments_bt[:, None, :])
    return torch.zeros(mask_bts.shape, dtype=dtype, device=device).masked_fill_(~mask_bts, float("-inf"))


def plain_attention(q_bhtd: Tensor, k_bksd: Tensor, v_bksd: Tensor, bias_bts: Tensor) -> Tensor:
    """Attention over whole rows by PyTorch's `scaled_dot_product_attention`, (b, t, h, d)."""
    mixed = F.scaled_dot_product_attention(q_bhtd, k_bksd, v_bksd, attn_mask=bias_bts[:, None], enable_gqa=True)
    return mixed.transpose(1, 2)


def cached_attention(q_bhtd: Tensor, k_bksd: Tensor, v_bksd: Tensor, mask_bts: Tensor) -> Tensor:
    """Attention over a cache, where each query may see what `mask_bts` says; (b, h, t, d).

    Grouped heads become rows of one product per key-value head, so that the cache is read once and never copied.
    Computed in the cache's precision, returned in the queries': on CPU these small products are two to three times
    faster in fp32 than in bf16.
    """
    n_batch, n_heads, n_time, width = q_bhtd.shape
    n_kv = k_bksd.shape[1]
    group = n_heads // n_kv
    rows = q_bhtd.to(k_bksd.dtype).reshape(n_batch, n_kv, group * n_time, width)
    scores = (rows @ k_bksd.transpose(-1, -2)).view(n_batch, n_kv, group, n_time, -1).float() * width**-0.5
    weights = scores.masked_fill(~mask_bts[:, None, None], float("-inf")).softmax(dim=-1).to(v_bksd.dtype)
    mixed: Tensor = weights.view(n_batch, n_kv, group * n_time, -1) @ v_bksd
    return mixed.view(n_batch, n_heads, n_time, width).to(q_bhtd.dtype)
