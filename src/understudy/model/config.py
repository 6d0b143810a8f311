"""The shape of a decoder, and the one dial that sets all of it from the number of layers.

No torch here: the plan reads shapes, counts parameters and FLOPs long before anything is allocated.

    layers ─▶ dial ─▶ DecoderConfig ─▶ n_parameters, training_flops_per_token, Decoder(config)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from understudy.core.errors import RecipeError

Family = Literal["llama", "qwen2", "qwen3", "mistral", "starcoder2"]

MAX_PARAMETERS = 10**12
_LIMITS = {"layers": 1024, "hidden": 2**16, "heads": 1024, "kv_heads": 1024, "head_dim": 1024, "intermediate": 2**19,
           "vocabulary": 2**22, "context": 2**24}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """Everything that decides a decoder's shape. The defaults are Qwen3's; `family` names its Hugging Face layout.

    Raises RecipeError on construction when the numbers cannot work together, before anything is allocated.
    """

    vocabulary: int
    context: int
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    family: Family = "qwen3"
    norm: Literal["rms", "layer"] = "rms"
    norm_epsilon: float = 1e-6
    mlp: Literal["gated", "plain"] = "gated"
    activation: Literal["silu", "gelu", "gelu_tanh"] = "silu"
    qk_norm: bool = True
    qkv_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    tied: bool = True
    rope_theta: float = 10_000.0
    sliding_window: int | None = None

    def __post_init__(self) -> None:
        found = problem(self)
        if found is not None:
            raise RecipeError(f"this model cannot be built: {found}", "change model.scratch in the recipe")

    @property
    def query_width(self) -> int:
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_dim


class ParameterCount(NamedTuple):
    """All parameters, and how many of them are in the token tables (one table when tied, two when not)."""

    total: int
    embedding: int


def problem(config: DecoderConfig) -> str | None:
    """The first reason why these numbers cannot work together, or None."""
    for name, limit in _LIMITS.items():
        value = getattr(config, name)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= limit:
            return f"{name} is {value!r}, and must be a whole number from 1 to {limit:,}"
    if config.heads % config.kv_heads:
        return f"{config.heads} heads cannot share {config.kv_heads} key-value heads evenly"
    if config.head_dim % 2:
        return f"head_dim is {config.head_dim}, and rotary positions need an even one"
    if config.sliding_window is not None and config.sliding_window < 1:
        return f"sliding_window is {config.sliding_window}, and must be at least 1"
    if not (config.rope_theta > 0 and 0 < config.norm_epsilon < 1):
        return f"rope_theta ({config.rope_theta}) and norm_epsilon ({config.norm_epsilon}) must be positive"
    if n_parameters(config).total > MAX_PARAMETERS:
        return f"it would have {n_parameters(config).total:,} parameters, and the limit is {MAX_PARAMETERS:,}"
    return None


def dial(layers: int, vocabulary: int, context: int, hidden: int | None = None) -> DecoderConfig:
    """The recommended shape for a depth. `hidden` overrides the width; everything else still follows.

    Width is 64 per layer, the aspect ratio at which nanochat sweeps its depths (d12 is 768 wide, as GPT-2). Heads are
    as wide as divides the width, up to 128; MLPs are 8/3 of the width, so that a gated one costs what a plain 4x does.
    The input table is not tied to the head: it costs no FLOPs, and learnt 0.1 bits per byte faster (docs/log.md).
    """
    if layers < 1:
        raise RecipeError(f"model.scratch.layers is {layers}, and must be at least 1")
    width = hidden if hidden is not None else 64 * layers
    head_dim = _head_width(width)
    heads = max(1, width // head_dim)
    return DecoderConfig(
        vocabulary=vocabulary,
        context=context,
        layers=layers,
        hidden=width,
        heads=heads,
        kv_heads=_kv_heads(heads),
        head_dim=head_dim,
        intermediate=_round_up(width * 8 / 3, 64 if width >= 128 else 8),
        tied=False,
    )


def dial_for_parameters(parameters: int, vocabulary: int, context: int) -> DecoderConfig:
    """The dial's setting whose size is nearest to `parameters`, in ratio."""
    # Every depth is tried: sizes do not only grow, because odd depths may have no grouped key-value heads.
    return min((dial(layers, vocabulary, context) for layers in range(1, 241)), key=lambda c: _distance(c, parameters))


def n_parameters(config: DecoderConfig) -> ParameterCount:
    """How many parameters the decoder has: in all, and in its token tables."""
    c = config
    tables = c.vocabulary * c.hidden * (1 if c.tied else 2)
    norm_width = c.hidden * (2 if c.norm == "layer" else 1)
    per_layer = _matrix_parameters_per_layer(c) + 2 * norm_width
    per_layer += (c.query_width + 2 * c.kv_width) * c.qkv_bias + c.hidden * c.output_bias + 2 * c.head_dim * c.qk_norm
    per_layer += (c.intermediate * (2 if c.mlp == "gated" else 1) + c.hidden) * c.mlp_bias
    return ParameterCount(total=tables + c.layers * per_layer + norm_width, embedding=tables)


def training_flops_per_token(config: DecoderConfig, context: int | None = None) -> float:
    """Floating-point operations to train on one token: 6 · N + 6 · L · T · H, for the forward and the backward pass.

    N counts every weight that multiplies an activation: the layers' matrices and the output head, not the look-up of
    the input table. The second term is attention, counted causally (a token sees T/2 others on average): two products
    of T/2 · H each, 2 operations per multiply-add, three times over (forward, and backward for both operands); H is
    heads x head_dim. PaLM's formula (Chowdhery et al. 2022, appendix B) counts the full square: 12 · L · T · H.
    """
    length = config.context if context is None else context
    seen = length if config.sliding_window is None else min(length, 2 * config.sliding_window)
    matrices = config.layers * _matrix_parameters_per_layer(config) + config.vocabulary * config.hidden
    return 6.0 * matrices + 6.0 * config.layers * seen * config.query_width


def _matrix_parameters_per_layer(config: DecoderConfig) -> int:
    attention = config.hidden * (config.query_width + 2 * config.kv_width) + config.query_width * config.hidden
    return attention + config.hidden * config.intermediate * (3 if config.mlp == "gated" else 2)


def _head_width(width: int) -> int:
    for head_dim in (128, 64, 32, 16, 8, 4, 2):
        if width % head_dim == 0 and width // head_dim >= 2:
            return head_dim
    raise RecipeError(f"model.scratch.hidden is {width}, and must be an even number of at least 4")


def _kv_heads(heads: int) -> int:
    return heads // 2 if heads % 2 == 0 else heads


def _round_up(value: float, multiple: int) -> int:
    return max(multiple, int(-(-value // multiple)) * multiple)


def _distance(config: DecoderConfig, parameters: int) -> float:
    total = n_parameters(config).total
    return max(total / parameters, parameters / total)
