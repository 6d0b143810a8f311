from __future__ import annotations

from pathlib import Path

import pytest
import torch

from understudy.engines.packed import can_pack, pack
from understudy.model.cache import Cache
from understudy.model.hugging_face import read_folder


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.05)])
def test_a_packed_decoder_gives_the_scores_of_the_plain_one(
    tiny_model: Path, dtype: torch.dtype, tolerance: float
) -> None:
    plain, packed = read_folder(tiny_model, dtype), read_folder(tiny_model, dtype)
    if not can_pack(packed):
        pytest.skip("this build of PyTorch has no packed products")
    pack(packed)
    tokens = torch.arange(40)[None] + 50
    expected = plain.forward_cached(tokens, Cache(plain.config, 1)).float()
    actual = packed.forward_cached(tokens, Cache(packed.config, 1)).float()
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance * float(expected.abs().max()))
