"""The dial and what is counted from it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from understudy.core.errors import RecipeError
from understudy.model.config import DecoderConfig, dial, dial_for_parameters, n_parameters, training_flops_per_token

GOOD = dial(4, 8192, 512)


@pytest.mark.parametrize("config", [GOOD, dial(2, 300, 64, hidden=32), dataclasses.replace(GOOD, tied=False),
    dataclasses.replace(GOOD, family="starcoder2", norm="layer", mlp="plain", activation="gelu_tanh", qk_norm=False,
                        qkv_bias=True, output_bias=True, mlp_bias=True)])  # fmt: skip
def test_parameters_are_counted_as_torch_counts_them(config: DecoderConfig) -> None:
    import torch

    from understudy.model.decoder import Decoder

    with torch.device("meta"):
        decoder = Decoder(config)
    assert n_parameters(config).total == sum(p.numel() for p in decoder.parameters())
    tables = {id(p): p.numel() for p in (decoder.embedding.weight, decoder.head.weight)}
    assert n_parameters(config).embedding == sum(tables.values())


def test_flops_are_six_for_each_multiplying_weight_plus_causal_attention() -> None:
    # The input table is looked up, not multiplied with.
    config = dial(4, 8192, 512)
    norms = 4 * (2 * config.hidden + 2 * config.head_dim) + config.hidden
    expected = 6 * (n_parameters(config).total - norms - 8192 * config.hidden) + 6 * 4 * 512 * config.hidden
    assert training_flops_per_token(config) == expected
    assert training_flops_per_token(config, 1024) - expected == 6 * 4 * 512 * config.hidden


@pytest.mark.parametrize("layers", [1, 2, 3, 6, 12, 24, 48])
def test_every_depth_gives_a_sound_shape_that_grows(layers: int) -> None:
    config = dial(layers, 16384, 1024)
    assert config.hidden % config.heads == 0
    assert config.heads % config.kv_heads == 0
    assert config.query_width == config.hidden
    assert n_parameters(config).total < n_parameters(dial(layers + 1, 16384, 1024)).total


@pytest.mark.parametrize("parameters", [30_000_000, 125_000_000, 1_300_000_000])
def test_asking_for_parameters_comes_near(parameters: int) -> None:
    assert 0.75 < n_parameters(dial_for_parameters(parameters, 32768, 2048)).total / parameters < 1.33


@pytest.mark.parametrize(("change", "named"), [
    ({"layers": 0}, "layers"), ({"hidden": -8}, "hidden"), ({"vocabulary": 2**40}, "vocabulary"),
    ({"kv_heads": 3, "heads": 4}, "share"), ({"head_dim": 7}, "even"), ({"rope_theta": 0.0}, "positive"),
    ({"layers": 1000, "hidden": 60_000, "intermediate": 400_000}, "parameters"), ({"sliding_window": 0}, "window"),
    ({"context": True}, "context"), ({"norm_epsilon": float("nan")}, "positive"),
])  # fmt: skip
def test_numbers_that_cannot_work_together_are_named(change: dict[str, int], named: str) -> None:
    with pytest.raises(RecipeError, match=named):
        dataclasses.replace(GOOD, **change)


def test_a_width_without_heads_is_refused() -> None:
    with pytest.raises(RecipeError, match="hidden"):
        dial(2, 300, 64, hidden=17)


def test_shapes_are_planned_without_torch() -> None:
    code = "import sys, understudy.model.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
