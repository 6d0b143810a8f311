"""The weights a model starts from. With Muon, this and the schedule decided time to quality (docs/log.md)."""

from __future__ import annotations

import torch

from understudy.model.config import DecoderConfig
from understudy.model.decoder import Decoder

EMBEDDING_STD = 1.0
TIED_EMBEDDING_STD = 0.02  # the same numbers are the head, whose scores must start near zero


def random_decoder(config: DecoderConfig, seed: int, dtype: torch.dtype = torch.float32) -> Decoder:
    """A decoder with fresh weights, a function of the config and the seed alone. Raises nothing; costs one pass.

    Matrices that read the residual stream are uniform with variance 1/width; those that write to it start at zero, so
    that every layer begins as the identity (as in nanochat and modded-nanogpt). Norms are one, biases zero. An untied
    head starts at zero: the first loss is exactly log(vocabulary).
    """
    with torch.device("meta"):
        decoder = Decoder(config)
    decoder = decoder.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in decoder.named_parameters():
        if name.startswith("embedding"):
            parameter.data.normal_(std=TIED_EMBEDDING_STD if config.tied else EMBEDDING_STD, generator=generator)
        else:
            _fill(name, parameter.data, generator)
    if config.tied:
        decoder.head.weight = decoder.embedding.weight
    return decoder.to(dtype)


def _fill(name: str, weights: torch.Tensor, generator: torch.Generator) -> None:
    if "norm" in name and name.endswith("weight"):
        weights.fill_(1.0)
    elif name.endswith("bias") or name.startswith("head") or ".output." in name or ".down." in name:
        weights.zero_()
    else:
        bound = (3.0 / weights.shape[1]) ** 0.5
        weights.uniform_(-bound, bound, generator=generator)
