"""Causal attention, twice: blockwise for training on CPU, and PyTorch's own everywhere else.

On CPU the backward pass of `scaled_dot_product_attention` was a quarter of a training step, and FlexAttention has no
backward there. Cutting the queries into blocks makes it all batched matrix products, which oneDNN runs near its peak,
and skips what lies in the future: with 4 blocks 5/8 of the square is computed instead of all of it.

Letters: b batch, t time (queries), s time (keys), h heads, k key-value heads, d head width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

QUERY_BLOCK = 128  # 64 to 256 measured within 4 % of each other at a context of 512; 128 is the middle


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


def visible(segments_bt: Tensor | None, start: int, stop: int, window: int | None, device: torch.device) -> Tensor:
    """Which keys 0..stop the queries start..stop may see, (b or 1, queries, keys): earlier, same piece, in window."""
    queries = torch.arange(start, stop, device=device)[:, None]
    keys = torch.arange(stop, device=device)[None, :]
    mask = keys <= queries
    if window is not None:
        mask = mask & (keys > queries - window)
    if segments_bt is None:
        return mask[None]
    return mask[None] & (segments_bt[:, start:stop, None] == segments_bt[:, None, :stop])


def blockwise_attention(
    q_bhtd: Tensor,
    k_bksd: Tensor,
    v_bksd: Tensor,
    segments_bt: Tensor | None,
    window: int | None,
    block: int = QUERY_BLOCK,
) -> Tensor:
    """Causal attention by one pair of batched matrix products per block of queries; (b, h, t, d) as the queries."""
    n_batch, n_heads, n_time, width = q_bhtd.shape
    n_kv = k_bksd.shape[1]
    group = n_heads // n_kv
    q = (q_bhtd * width**-0.5).reshape(n_batch * n_kv, group, n_time, width)
    k = k_bksd.reshape(n_batch * n_kv, n_time, width)
    v = v_bksd.reshape(n_batch * n_kv, n_time, width)
    outputs = []
    for start in range(0, n_time, block):
        stop = min(start + block, n_time)
        first = 0 if window is None else max(0, start - window + 1)
        rows = q[:, :, start:stop].reshape(n_batch * n_kv, group * (stop - start), width)
        scores = torch.bmm(rows, k[:, first:stop].transpose(1, 2))
        mask = visible(segments_bt, start, stop, window, q.device)[:, None, None, :, first:]
        shape = (n_batch, n_kv, group, stop - start, stop - first)
        weights = scores.view(shape).float().masked_fill(~mask, float("-inf")).softmax(dim=-1).to(v.dtype)
        mixed = torch.bmm(weights.view(n_batch * n_kv, group * (stop - start), stop - first), v[:, first:stop])
        outputs.append(mixed.view(n_batch, n_heads, stop - start, width))
    return torch.cat(outputs, dim=2)


def plain_attention(
    q_bhtd: Tensor, k_bksd: Tensor, v_bksd: Tensor, segments_bt: Tensor | None, window: int | None
) -> Tensor:
    """The same by PyTorch's `scaled_dot_product_attention`: the reference, and the fast way on other devices."""
    if segments_bt is None and window is None:
        return F.scaled_dot_product_attention(q_bhtd, k_bksd, v_bksd, is_causal=True, enable_gqa=True)
    mask = visible(segments_bt, 0, q_bhtd.shape[2], window, q_bhtd.device)[:, None]
    return F.scaled_dot_product_attention(q_bhtd, k_bksd, v_bksd, attn_mask=mask, enable_gqa=True)


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
