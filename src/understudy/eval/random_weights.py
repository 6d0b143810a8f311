"""The baseline that knows nothing: the same shape and tokenizer, each weight drawn anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from understudy.model.decoder import Decoder
from understudy.model.hugging_face import WEIGHTS, read_folder, write_folder


def randomise(decoder: Decoder, seed: int) -> Decoder:
    """The decoder with every weight replaced by a normal draw of the mean and spread its tensor had.

    Fresh training weights would not do: their zero output projections make a model that repeats its last token.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in decoder.parameters():
            mean, spread = float(parameter.float().mean()), float(parameter.float().std(correction=0))
            parameter.copy_(torch.normal(mean, spread, parameter.shape, generator=generator))
    return decoder


def write_random_model(model: Path, target: Path, seed: int) -> Path:
    """A folder like `model` with random weights. Its weights are written last: a folder that has them is whole."""
    if (target / WEIGHTS).exists():
        return target
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(model.iterdir()):
        if file.is_file() and not file.name.endswith((".safetensors", ".jsonl")):
            shutil.copyfile(file, target / file.name)
    write_folder(randomise(read_folder(model), seed), target)
    return target
