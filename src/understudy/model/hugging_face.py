"""Decoders from and to Hugging Face folders: the form in which a model travels. Safetensors only, never pickle.

Our layers keep query, key and value as one matrix, gate and up as another; the folder keeps them apart. `_sources`
is the one table that says which of their tensors make up each of ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from understudy.core.errors import InputDataError
from understudy.core.paths import read_json, write_atomically, write_json
from understudy.model.config import DecoderConfig
from understudy.model.decoder import Decoder
from understudy.model.hugging_face_config import config_from_json, config_to_json
from understudy.model.safetensors_file import read_header

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"


class _Source(NamedTuple):
    """One tensor of the folder: its name and how many rows of ours it fills."""

    name: str
    rows: int


def read_folder(path: Path, dtype: torch.dtype = torch.float32) -> Decoder:
    """The decoder in a Hugging Face folder, ready to use, in `dtype`.

    Raises InputDataError when the folder, its config or its weights are missing, damaged, or do not fit together.
    Every shape is checked before anything is allocated.
    """
    config = read_config(path)
    entries = _entries(path)
    with torch.device("meta"):
        decoder = Decoder(config)
    expected = dict(_sources(decoder))
    _check(path, decoder, expected, entries)
    state = {}
    for ours, sources in expected.items():
        parts = [_load(path / entries[source.name][0], source.name).to(dtype) for source in sources]
        state[ours] = parts[0] if len(parts) == 1 else torch.cat(parts)
    decoder.load_state_dict(state, strict=False, assign=True)
    if config.tied:
        decoder.head.weight = decoder.embedding.weight
    return decoder.eval()


def read_config(path: Path) -> DecoderConfig:
    """The shape of the model in a Hugging Face folder; touches no weights."""
    try:
        raw = read_json(path / "config.json")
    except OSError as error:
        raise InputDataError(f"{path} is not a model folder: cannot read config.json ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InputDataError(f"{path / 'config.json'} is not JSON") from error
    if not isinstance(raw, dict):
        raise InputDataError(f"{path / 'config.json'} is not an object")
    return config_from_json(raw)


def write_folder(
    decoder: Decoder,
    path: Path,
    dtype: torch.dtype = torch.float32,
    end_token: int | None = None,
    pad_token: int | None = None,
) -> None:
    """Write config.json, generation_config.json and model.safetensors; the weights last, which marks the whole."""
    path.mkdir(parents=True, exist_ok=True)
    write_json(path / "config.json", config_to_json(decoder.config, str(dtype).removeprefix("torch."), end_token))
    write_json(
        path / "generation_config.json", {"eos_token_id": end_token, "pad_token_id": pad_token, "do_sample": False}
    )
    write_atomically(path / WEIGHTS, save_tensors(folder_tensors(decoder, dtype), metadata={"format": "pt"}))


def folder_tensors(decoder: Decoder, dtype: torch.dtype) -> dict[str, Tensor]:
    """The decoder's weights under the folder's names, each its own contiguous tensor."""
    parameters = dict(decoder.named_parameters())
    tensors = {}
    for ours, sources in _sources(decoder):
        parts = torch.split(parameters[ours].detach().to(dtype), [source.rows for source in sources])
        for source, part in zip(sources, parts, strict=True):
            tensors[source.name] = part.clone(memory_format=torch.contiguous_format).cpu()
    return tensors


def _sources(decoder: Decoder) -> Iterator[tuple[str, list[_Source]]]:
    """For each of our parameters, the folder's tensors that make it up, in order of rows."""
    for ours, parameter in decoder.named_parameters():
        yield ours, [_Source(name, rows) for name, rows in _split(decoder.config, ours, parameter.shape[0])]


def _split(config: DecoderConfig, ours: str, rows: int) -> list[tuple[str, int]]:
    if not ours.startswith("layers."):
        return [({"embedding": "model.embed_tokens", "norm": "model.norm", "head": "lm_head"}[ours.split(".")[0]]
                 + "." + ours.split(".")[-1], rows)]  # fmt: skip
    _, index, *middle, kind = ours.split(".")
    here = f"model.layers.{index}."
    part = ".".join(middle)
    if part == "attention.qkv":
        widths = (config.query_width, config.kv_width, config.kv_width)
        return [(f"{here}self_attn.{x}_proj.{kind}", n) for x, n in zip("qkv", widths, strict=True)]
    if part == "mlp.up" and config.mlp == "gated":
        return [(f"{here}mlp.{x}_proj.{kind}", rows // 2) for x in ("gate", "up")]
    plain = config.mlp == "plain"
    theirs = {
        "attention_norm": "input_layernorm",
        "mlp_norm": "post_attention_layernorm",
        "attention.output": "self_attn.o_proj",
        "attention.query_norm": "self_attn.q_norm",
        "attention.key_norm": "self_attn.k_norm",
        "mlp.up": "mlp.c_fc",
        "mlp.down": "mlp.c_proj" if plain else "mlp.down_proj",
    }[part]
    return [(f"{here}{theirs}.{kind}", rows)]


def _entries(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """File name and shape of every tensor in the folder."""
    entries = {}
    for name in _files(path):
        for tensor, entry in read_header(path / name).items():
            entries[tensor] = (name, entry.shape)
    return entries


def _files(path: Path) -> list[str]:
    if (path / WEIGHTS).is_file():
        return [WEIGHTS]
    if not (path / INDEX).is_file():
        kinds = sorted({p.suffix for p in path.glob("*") if p.suffix in (".bin", ".pt", ".pth", ".ckpt")})
        found = f" ({', '.join(kinds)} files are not read: pickle can run code)" if kinds else ""
        raise InputDataError(f"{path} has no {WEIGHTS}{found}", "convert the weights to safetensors")
    try:
        names = sorted(set(read_json(path / INDEX)["weight_map"].values()))
    except (OSError, json.JSONDecodeError, KeyError, AttributeError, TypeError) as error:
        raise InputDataError(f"{path / INDEX} is damaged") from error
    for name in names:
        if Path(name).name != name:
            raise InputDataError(f"{path / INDEX} names {name!r}, which is not a file of this folder")
    return names


def _check(
    path: Path,
    decoder: Decoder,
    expected: Mapping[str, list[_Source]],
    entries: Mapping[str, tuple[str, tuple[int, ...]]],
) -> None:
    known = {"lm_head.weight"}  # some tied models store the head as well; it is the embedding again
    parameters = dict(decoder.named_parameters())
    for ours, sources in expected.items():
        for source in sources:
            shape = (source.rows, *parameters[ours].shape[1:])
            if source.name not in entries:
                raise InputDataError(f"{path} lacks the tensor {source.name}, which its config.json asks for")
            if entries[source.name][1] != shape:
                raise InputDataError(
                    f"{path}: {source.name} is {entries[source.name][1]}, config.json asks for {shape}"
                )
            known.add(source.name)
    unknown = sorted(n for n in entries if n not in known and not n.endswith("rotary_emb.inv_freq"))
    if unknown:
        raise InputDataError(f"{path} holds tensors its config.json knows nothing of: {', '.join(unknown[:3])}")


def _load(path: Path, name: str) -> Tensor:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            tensor: Any = file.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise InputDataError(f"cannot read {name} from {path}: {error}") from error
    if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
        raise InputDataError(f"{path}: {name} is not of floating point")
    return tensor
