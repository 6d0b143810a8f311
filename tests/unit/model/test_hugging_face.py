"""Model folders: what is written is read, and what is hostile or wrong is refused before anything is allocated."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from understudy.core.errors import InputDataError, RecipeError
from understudy.model.config import dial
from understudy.model.hugging_face import folder_tensors, read_folder, write_folder
from understudy.model.initial import random_decoder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(random_decoder(dial(2, 100, 64, hidden=32), 7), tmp_path, end_token=3)
    return tmp_path


def change_config(folder: Path, **values: Any) -> None:
    raw = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(raw | values))


def change_header(folder: Path, change: Callable[[dict[str, Any]], str | dict[str, Any]]) -> None:
    path = folder / "model.safetensors"
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    new = change(json.loads(raw[8 : 8 + length]))
    text = (new if isinstance(new, str) else json.dumps(new)).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + length :])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_folder_reads_back_bit_for_bit(tmp_path: Path, dtype: torch.dtype) -> None:
    decoder = random_decoder(dial(2, 100, 64, hidden=32), 7, dtype)
    write_folder(decoder, tmp_path, dtype)
    again = read_folder(tmp_path, dtype)
    assert again.config == decoder.config
    for (name, ours), theirs in zip(decoder.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(ours, theirs), name


def test_the_folder_names_its_family_and_its_end_token(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["Qwen3ForCausalLM"]
    assert config["eos_token_id"] == json.loads((folder / "generation_config.json").read_text())["eos_token_id"] == 3


def test_sharded_folders_are_read(folder: Path) -> None:
    from safetensors.torch import save_file

    expected = read_folder(folder)
    tensors = folder_tensors(expected, torch.float32)
    (folder / "model.safetensors").unlink()
    index = {name: f"model-{number % 2}.safetensors" for number, name in enumerate(tensors)}
    for file in sorted(set(index.values())):
        save_file({name: tensors[name] for name in tensors if index[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    tokens = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.equal(read_folder(folder)(tokens), expected(tokens))


def test_a_shape_its_family_cannot_express_is_not_written(tmp_path: Path) -> None:
    import dataclasses

    config = dataclasses.replace(dial(2, 100, 64, hidden=32), qkv_bias=True)
    with pytest.raises(RecipeError, match="Qwen3ForCausalLM"):
        write_folder(random_decoder(config, 1), tmp_path)


MIXED = ["full_attention", "sliding_attention"]


@pytest.mark.parametrize(("change", "named"), [
    ({"model_type": "gpt2"}, "gpt2"),
    ({"hidden_size": 48}, "config.json asks for"),
    ({"hidden_size": "32"}, "hidden_size"),
    ({"num_hidden_layers": 3}, "lacks the tensor model.layers.2"),
    ({"num_hidden_layers": 1}, "knows nothing of"),
    ({"num_hidden_layers": 10**9}, "layers"),
    ({"vocab_size": -1}, "vocabulary"),
    ({"hidden_act": "relu"}, "relu"),
    ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, "yarn"),
    ({"rope_scaling": {"type": "linear"}}, "linear"),
    ({"use_sliding_window": True, "layer_types": MIXED, "sliding_window": 8}, "mixes"),
    ({"tie_word_embeddings": "yes", "vocab_size": 99}, "embed_tokens"),
    ({"rms_norm_eps": "x"}, "rms_norm_eps"),
    ({"head_dim": 7.5}, "head_dim"),
])  # fmt: skip
def test_a_config_that_does_not_fit_is_refused_by_name(folder: Path, change: dict[str, Any], named: str) -> None:
    change_config(folder, **change)
    with pytest.raises(InputDataError, match=named):
        read_folder(folder)


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 100_000, "null"])
def test_a_config_that_is_no_object_is_refused(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(InputDataError, match=r"config\.json"):
        read_folder(folder)


def test_hostile_headers_are_refused(folder: Path) -> None:
    sound = (folder / "model.safetensors").read_bytes()

    def shift(header: dict[str, Any]) -> dict[str, Any]:
        name = next(name for name in header if name != "__metadata__")
        header[name]["data_offsets"] = [offset + 4 for offset in header[name]["data_offsets"]]
        return header

    def swell(header: dict[str, Any]) -> dict[str, Any]:
        header["model.norm.weight"]["shape"] = [2**62, 4]
        return header

    def double(header: dict[str, Any]) -> str:
        text = json.dumps(header)
        return text[:-1] + ', "model.norm.weight": ' + json.dumps(header["model.norm.weight"]) + "}"

    def lose(header: dict[str, Any]) -> dict[str, Any]:
        return {name: entry for name, entry in header.items() if name != "model.norm.weight"}

    for change in (shift, swell, double, lose, lambda _: "[]", lambda _: "{" * 5000, lambda _: '{"a": 3}'):
        (folder / "model.safetensors").write_bytes(sound)
        change_header(folder, change)  # type: ignore[arg-type]
        with pytest.raises(InputDataError, match="not a sound safetensors file"):
            read_folder(folder)
    for raw in (b"", b"\xff" * 4, struct.pack("<Q", 2**60) + b"{}", sound[:-10]):
        (folder / "model.safetensors").write_bytes(raw)
        with pytest.raises(InputDataError, match="not a sound safetensors file"):
            read_folder(folder)


def test_pickled_weights_are_not_read(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputDataError, match="pickle can run code"):
        read_folder(folder)


def test_an_index_cannot_point_out_of_the_folder(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder.parent / "outside.safetensors")
    index = {"weight_map": {"model.norm.weight": "../outside.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputDataError, match="not a file of this folder"):
        read_folder(folder)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="not a model folder"):
        read_folder(tmp_path)
