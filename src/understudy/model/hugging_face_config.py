"""Hugging Face's config.json, in both directions, for the families the decoder covers.

What we do not compute exactly (scaled rotary positions, layers of mixed kinds, an unknown activation) is refused by
name rather than read wrongly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.core.errors import InputDataError, RecipeError
from understudy.model.config import DecoderConfig, Family

ARCHITECTURES: dict[Family, str] = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "starcoder2": "Starcoder2ForCausalLM",
}
_ACTIVATION_NAMES = {"silu": "silu", "gelu": "gelu", "gelu_tanh": "gelu_pytorch_tanh"}
_ACTIVATIONS = {
    "silu": "silu",
    "swish": "silu",
    "gelu": "gelu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
}


def config_from_json(raw: Mapping[str, Any]) -> DecoderConfig:
    """The decoder's shape from a config.json. Raises InputDataError naming what is missing or not supported."""
    family = raw.get("model_type")
    if family not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise InputDataError(f"the model's model_type is {family!r}; this decoder covers {known}")
    heads = _whole(raw, "num_attention_heads")
    hidden = _whole(raw, "hidden_size")
    head_dim = raw.get("head_dim") or (128 if family == "qwen3" else hidden // max(heads, 1))
    biased = bool(raw.get("use_bias", True)) if family == "starcoder2" else bool(raw.get("attention_bias", False))
    starcoder = family == "starcoder2"
    try:
        return DecoderConfig(
            vocabulary=_whole(raw, "vocab_size"),
            context=_whole(raw, "max_position_embeddings"),
            layers=_whole(raw, "num_hidden_layers"),
            hidden=hidden,
            heads=heads,
            kv_heads=_whole(raw, "num_key_value_heads") if raw.get("num_key_value_heads") is not None else heads,
            head_dim=head_dim,
            intermediate=_whole(raw, "intermediate_size"),
            family=family,
            norm="layer" if starcoder else "rms",
            norm_epsilon=_number(raw, "norm_epsilon", 1e-5) if starcoder else _number(raw, "rms_norm_eps", 1e-6),
            mlp="plain" if starcoder else "gated",
            activation=_activation(raw, "gelu_pytorch_tanh" if starcoder else "silu"),
            qk_norm=family == "qwen3",
            qkv_bias=family == "qwen2" or (family != "mistral" and biased),
            output_bias=family in ("llama", "qwen3", "starcoder2") and biased,
            mlp_bias=biased if starcoder else family == "llama" and bool(raw.get("mlp_bias", False)),
            tied=bool(raw.get("tie_word_embeddings", starcoder)),
            rope_theta=_rope_theta(raw),
            sliding_window=_sliding_window(family, raw),
        )
    except RecipeError as error:
        raise InputDataError(f"config.json: {error.message}") from error


def config_to_json(config: DecoderConfig, dtype: str, end_token: int | None = None) -> dict[str, Any]:
    """The config.json that `transformers`, vLLM and llama.cpp read for this shape.

    Raises RecipeError when the family cannot express it: what is written must read back as the same model.
    """
    raw: dict[str, Any] = {
        "architectures": [ARCHITECTURES[config.family]],
        "model_type": config.family,
        "vocab_size": config.vocabulary,
        "max_position_embeddings": config.context,
        "num_hidden_layers": config.layers,
        "hidden_size": config.hidden,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "intermediate_size": config.intermediate,
        "hidden_act": _ACTIVATION_NAMES[config.activation],
        "tie_word_embeddings": config.tied,
        "rope_theta": config.rope_theta,  # read by transformers 4, vLLM and llama.cpp
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},  # read by transformers 5
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "use_cache": True,
        "bos_token_id": None,
        "eos_token_id": end_token,
        "dtype": dtype,
        "torch_dtype": dtype,
    }
    raw.update(_family_keys(config))
    if config_from_json(raw) != config:
        raise RecipeError(f"a model of this shape cannot be written as {ARCHITECTURES[config.family]}")
    return raw


def _family_keys(config: DecoderConfig) -> dict[str, Any]:
    window = config.sliding_window
    if config.family == "starcoder2":
        return {"norm_epsilon": config.norm_epsilon, "use_bias": config.qkv_bias, "sliding_window": window,
                "residual_dropout": 0.0, "embedding_dropout": 0.0}  # fmt: skip
    keys: dict[str, Any] = {"rms_norm_eps": config.norm_epsilon}
    if config.family in ("llama", "qwen3"):
        keys["attention_bias"] = config.qkv_bias
    if config.family == "llama":
        keys["mlp_bias"] = config.mlp_bias
    if config.family == "mistral":
        keys["sliding_window"] = window
    if config.family in ("qwen2", "qwen3"):
        keys |= {"use_sliding_window": window is not None, "sliding_window": window, "max_window_layers": 0}
        keys["layer_types"] = ["full_attention" if window is None else "sliding_attention"] * config.layers
    return keys


def _sliding_window(family: str, raw: Mapping[str, Any]) -> int | None:
    if family == "llama":
        return None
    if family == "mistral":
        window = raw.get("sliding_window", 4096)
    elif family == "starcoder2":
        window = raw.get("sliding_window")
    else:
        window = raw.get("sliding_window", 4096) if raw.get("use_sliding_window") else None
        if window is not None and not _all_layers_slide(raw):
            raise InputDataError("config.json mixes layers with and without a sliding window, which is not supported")
    if window is not None and (isinstance(window, bool) or not isinstance(window, int)):
        raise InputDataError(f"config.json: sliding_window is {window!r}, and must be a whole number")
    return window


def _all_layers_slide(raw: Mapping[str, Any]) -> bool:
    kinds = raw.get("layer_types")
    if kinds is not None:
        return all(kind == "sliding_attention" for kind in kinds)
    return int(raw.get("max_window_layers", 28)) == 0


def _rope_theta(raw: Mapping[str, Any]) -> float:
    theta = _number(raw, "rope_theta", 10_000.0)
    for key in ("rope_parameters", "rope_scaling"):
        found = raw.get(key)
        if found is None:
            continue
        kind = found.get("rope_type", found.get("type", "default")) if isinstance(found, Mapping) else found
        if kind != "default":
            raise InputDataError(
                f"config.json: {key} of type {kind!r} is not supported; only plain rotary positions are"
            )
        theta = _number(found, "rope_theta", theta)
    return theta


def _activation(raw: Mapping[str, Any], default: str) -> Any:
    name = raw.get("hidden_act") or default
    if name not in _ACTIVATIONS:
        raise InputDataError(f"config.json: hidden_act {name!r} is not supported; known are {', '.join(_ACTIVATIONS)}")
    return _ACTIVATIONS[name]


def _whole(raw: Mapping[str, Any], key: str) -> int:
    value = raw.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputDataError(f"config.json: {key} is {value!r}, and must be a whole number")
    return value


def _number(raw: Mapping[str, Any], key: str, default: float) -> float:
    value = raw.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputDataError(f"config.json: {key} is {value!r}, and must be a number")
    return float(value)
