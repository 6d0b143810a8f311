"""The decoder against transformers, on tiny random weights, in both directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from understudy.model.cache import Cache
from understudy.model.hugging_face import read_folder, write_folder

transformers = pytest.importorskip(
    "transformers", reason="transformers is not installed (pip install 'understudy[dev]')"
)

SHAPE = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 56,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": None,
    "eos_token_id": 0,
    "initializer_range": 0.1,
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", {"tie_word_embeddings": False}),
    "llama with biases": ("LlamaConfig", {"attention_bias": True, "mlp_bias": True}),
    "smollm": ("LlamaConfig", {"tie_word_embeddings": True, "num_key_value_heads": 4, "rope_theta": 100000.0}),
    "qwen2": ("Qwen2Config", {"tie_word_embeddings": True, "rope_theta": 1000000.0}),
    "qwen2 sliding": (
        "Qwen2Config",
        {"use_sliding_window": True, "sliding_window": 9, "max_window_layers": 0},
    ),
    "qwen3": ("Qwen3Config", {"head_dim": 16, "tie_word_embeddings": True}),
    "mistral": ("MistralConfig", {"sliding_window": 7, "head_dim": 8}),
    "mistral without a window": ("MistralConfig", {"sliding_window": None}),
    "starcoder2": ("Starcoder2Config", {"sliding_window": 11}),
    "starcoder2 untied": ("Starcoder2Config", {"tie_word_embeddings": False, "use_bias": False}),
}


def reference(name: str) -> Any:
    class_name, extra = FAMILIES[name]
    config = getattr(transformers, class_name)(**SHAPE | extra, attn_implementation="eager")
    torch.manual_seed(5)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and norms must matter too
            parameter.add_(0.1 * torch.randn(parameter.shape))
    return model


def tokens() -> torch.Tensor:
    return torch.randint(0, 97, (2, 40), generator=torch.Generator().manual_seed(1))


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max())


@pytest.mark.parametrize("name", FAMILIES)
def test_a_folder_written_by_transformers_gives_its_logits(name: str, tmp_path: Path) -> None:
    theirs = reference(name)
    theirs.save_pretrained(tmp_path)
    ours = read_folder(tmp_path)
    with torch.no_grad():
        assert difference(ours(tokens()), theirs(tokens()).logits) < 1e-5


@pytest.mark.parametrize("name", FAMILIES)
def test_a_folder_written_by_us_gives_our_logits_in_transformers(name: str, tmp_path: Path) -> None:
    theirs = reference(name)
    theirs.save_pretrained(tmp_path / "theirs")
    ours = read_folder(tmp_path / "theirs")
    write_folder(ours, tmp_path / "ours", end_token=0)
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "ours").eval()
    assert type(again) is type(theirs)
    with torch.no_grad():
        assert difference(ours(tokens()), again(tokens()).logits) < 1e-5


@pytest.mark.parametrize("name", FAMILIES)
def test_the_cached_path_gives_the_same_logits_token_by_token(name: str, tmp_path: Path) -> None:
    reference(name).save_pretrained(tmp_path)
    ours = read_folder(tmp_path)
    cache = Cache(ours.config, batch=2)
    with torch.no_grad():
        whole = ours(tokens())
    logits = ours.forward_cached(tokens()[:, :20], cache, torch.tensor([20, 13]))
    assert difference(logits, torch.stack((whole[0, 19], whole[1, 12]))) < 1e-5
    for step in range(12):
        column = torch.stack((tokens()[0, 20 + step], tokens()[1, 13 + step]))
        logits = ours.forward_cached(column[:, None], cache)
        assert difference(logits, torch.stack((whole[0, 20 + step], whole[1, 13 + step]))) < 1e-5
