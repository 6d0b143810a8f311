"""The decoder: one readable transformer that is Llama, Qwen2, Qwen3, Mistral, SmolLM or StarCoder2 by its config.

    tokens ─▶ embedding ─▶ [ norm ─ attention ─ + ─ norm ─ MLP ─ + ] × layers ─▶ norm ─▶ head

`hidden` is the training path: whole rows, several pieces of text per row that do not see each other. `forward_cached`
is the generating path: new tokens only, the rest from a `Cache`. Both go through the same layers and are tested equal.
Query, key and value matrices are stored as one, gate and up likewise: one larger product is faster than three.

Letters: b batch, t time, d model width, h heads, k key-value heads, v vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from understudy.model.attention import attention_bias, cached_attention, plain_attention, rotary_tables, rotate
from understudy.model.blockwise import blockwise_attention
from understudy.model.cache import Cache
from understudy.model.config import DecoderConfig

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
}


class Rotary(nn.Module):
    """Rotary tables, computed when first needed in fp32 and never stored with the weights."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.head_dim, self.theta = config.head_dim, config.rope_theta
        self.tables: tuple[Tensor, Tensor] | None = None

    def forward(self, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Cosines and sines of positions 0..length, each (length, head_dim)."""
        if self.tables is None or self.tables[0].shape[0] < length or self.tables[0].device != device:
            with torch.inference_mode(mode=False):  # tables made while generating must still do for training
                rounded = 1 << (length - 1).bit_length()  # grows by doubling, not with every generated token
                self.tables = rotary_tables(self.head_dim, self.theta, rounded, device)
        return self.tables[0][:length], self.tables[1][:length]


class RMSNorm(nn.Module):
    """Root-mean-square norm (Zhang and Sennrich 2019), in fp32 whatever the weights are."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.ones(width)), epsilon

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        scaled = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.epsilon)
        return self.weight * scaled.to(x.dtype)


def _norm(config: DecoderConfig) -> nn.Module:
    if config.norm == "rms":
        return RMSNorm(config.hidden, config.norm_epsilon)
    return nn.LayerNorm(config.hidden, eps=config.norm_epsilon)


class Attention(nn.Module):
    """Grouped-query attention with rotary positions and optional norms on queries and keys."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.qkv = nn.Linear(config.hidden, config.query_width + 2 * config.kv_width, bias=config.qkv_bias)
        self.output = nn.Linear(config.query_width, config.hidden, bias=config.output_bias)
        self.query_norm = RMSNorm(config.head_dim, config.norm_epsilon) if config.qk_norm else nn.Identity()
        self.key_norm = RMSNorm(config.head_dim, config.norm_epsilon) if config.qk_norm else nn.Identity()

    def project(self, x_btd: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated queries (b, h, t, d), rotated keys and plain values (b, k, t, d)."""
        c = self.config
        q, k, v = self.qkv(x_btd).split((c.query_width, c.kv_width, c.kv_width), dim=-1)
        q = self.query_norm(q.unflatten(-1, (c.heads, c.head_dim))).transpose(1, 2)
        k = self.key_norm(k.unflatten(-1, (c.kv_heads, c.head_dim))).transpose(1, 2)
        v = v.unflatten(-1, (c.kv_heads, c.head_dim)).transpose(1, 2)
        return rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype), v

    def forward(self, x_btd: Tensor, cos: Tensor, sin: Tensor, bias_bts: Tensor) -> Tensor:
        q, k, v = self.project(x_btd, cos, sin)
        if x_btd.device.type == "cpu":
            mixed_bthd = blockwise_attention(q, k, v, bias_bts, self.config.sliding_window)
        else:
            mixed_bthd = plain_attention(q, k, v, bias_bts)
        output: Tensor = self.output(mixed_bthd.flatten(2))
        return output


class MLP(nn.Module):
    """The gated (SwiGLU, Shazeer 2020) or plain feed-forward part."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.gated, self.activation = config.mlp == "gated", _ACTIVATIONS[config.activation]
        self.up = nn.Linear(config.hidden, config.intermediate * (2 if self.gated else 1), bias=config.mlp_bias)
        self.down = nn.Linear(config.intermediate, config.hidden, bias=config.mlp_bias)

    def forward(self, x_btd: Tensor) -> Tensor:
        wide = self.up(x_btd)
        if self.gated:
            gate, up = wide.chunk(2, dim=-1)
            wide = self.activation(gate) * up
        else:
            wide = self.activation(wide)
        output: Tensor = self.down(wide)
        return output


class Layer(nn.Module):
    """One pre-norm block. Each layer is compiled on its own: they share one compiled graph."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.attention_norm, self.attention = _norm(config), Attention(config)
        self.mlp_norm, self.mlp = _norm(config), MLP(config)

    def forward(self, x_btd: Tensor, cos: Tensor, sin: Tensor, bias_bts: Tensor) -> Tensor:
        x_btd = x_btd + self.attention(self.attention_norm(x_btd), cos, sin, bias_bts)
        output: Tensor = x_btd + self.mlp(self.mlp_norm(x_btd))
        return output

    def forward_cached(
        self, x_btd: Tensor, cos: Tensor, sin: Tensor, mask_bts: Tensor, cache: Cache, index: int
    ) -> Tensor:
        """The same for new tokens only, with the earlier ones' keys and values in the cache."""
        q, k, v = self.attention.project(self.attention_norm(x_btd), cos, sin)
        cache.write(index, k, v)
        n_seen = mask_bts.shape[-1]
        mixed = cached_attention(q, cache.keys[index][:, :, :n_seen], cache.values[index][:, :, :n_seen], mask_bts)
        x_btd = x_btd + self.attention.output(mixed.transpose(1, 2).flatten(2))
        output: Tensor = x_btd + self.mlp(self.mlp_norm(x_btd))
        return output


class Decoder(nn.Module):
    """A causal language model of the shape `config`. Weights are whatever `torch.nn` makes them until set or read."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.hidden)
        self.rotary = Rotary(config)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = _norm(config)
        self.head = nn.Linear(config.hidden, config.vocabulary, bias=False)
        if config.tied:
            self.head.weight = self.embedding.weight

    @property
    def dtype(self) -> torch.dtype:
        return self.embedding.weight.dtype

    @property
    def device(self) -> torch.device:
        return self.embedding.weight.device

    def hidden(self, tokens_bt: Tensor, segments_bt: Tensor | None = None) -> Tensor:
        """What the head reads, (b, t, d), for whole rows. Tokens see earlier tokens of the same segment only."""
        n_time, device = tokens_bt.shape[1], tokens_bt.device
        cos, sin = self.rotary(n_time, device)
        bias_bts = attention_bias(segments_bt, n_time, self.config.sliding_window, self.dtype, device)
        x_btd = self.embedding(tokens_bt)
        for layer in self.layers:
            x_btd = layer(x_btd, cos, sin, bias_bts)
        normed: Tensor = self.norm(x_btd)
        return normed

    def logits(self, hidden_btd: Tensor) -> Tensor:
        """Scores of the next token, (b, t, v)."""
        scores: Tensor = self.head(hidden_btd)
        return scores

    def forward(self, tokens_bt: Tensor, segments_bt: Tensor | None = None) -> Tensor:
        return self.logits(self.hidden(tokens_bt, segments_bt))

    @torch.no_grad()
    def forward_cached(self, tokens_bt: Tensor, cache: Cache, lengths_b: Tensor | None = None) -> Tensor:
        """Logits after each row's last new token, (b, v); the cache then holds the new tokens too.

        Row i's new tokens are its first `lengths_b[i]`; the rest of the row is padding. None means all of them. A row
        of length 0 is left alone, and its logits mean nothing. Raises InputDataError when the cache is full.
        """
        n_batch, n_time = tokens_bt.shape
        lengths_b = torch.full((n_batch,), n_time, device=self.device) if lengths_b is None else lengths_b
        cache.check_room(n_time)
        positions_bt = cache.lengths_b[:, None] + torch.arange(n_time, device=self.device)
        n_seen = cache.longest + n_time
        cos, sin = (table[positions_bt][:, None] for table in self.rotary(n_seen, self.device))
        mask_bts = _seen(positions_bt, n_seen, self.config.sliding_window)
        x_btd = self.embedding(tokens_bt)
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            x_btd = layer.forward_cached(x_btd, cos, sin, mask_bts, cache, index)
        cache.advance(lengths_b)
        last_bd = x_btd[torch.arange(n_batch, device=self.device), (lengths_b - 1).clamp(min=0)]
        return self.logits(self.norm(last_bd))


def _seen(positions_bt: Tensor, n_seen: int, window: int | None) -> Tensor:
    """Which cached positions each new token may see, (b, t, s)."""
    keys = torch.arange(n_seen, device=positions_bt.device)
    mask = keys <= positions_bt[..., None]
    return mask if window is None else mask & (keys > positions_bt[..., None] - window)
