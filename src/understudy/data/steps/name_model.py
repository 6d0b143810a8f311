"""The folder of a token-classification model for `names`: what must be in it, and what its labels stand for."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import xxhash

from understudy.core.errors import RecipeError, ResourceError

# Labels of BigCode's starpii and of common recognisers of names, to placeholders.
PLACEHOLDERS = {
    "NAME": "NAME", "PER": "NAME", "PERSON": "NAME", "FIRSTNAME": "NAME", "LASTNAME": "NAME", "GIVENNAME": "NAME",
    "SURNAME": "NAME", "USERNAME": "USERNAME", "USER": "USERNAME", "EMAIL": "EMAIL", "KEY": "KEY", "SECRET": "KEY",
    "API_KEY": "KEY", "TOKEN": "KEY", "PASSWORD": "PASSWORD", "PASS": "PASSWORD", "IP_ADDRESS": "IP_ADDRESS",
    "IP": "IP_ADDRESS", "IPV4": "IP_ADDRESS", "IPV6": "IP_ADDRESS", "PHONE": "PHONE", "PHONENUMBER": "PHONE",
}  # fmt: skip
# Labels that are no one's: the outside, what annotators could not tell, and places and firms of general recognisers.
PASSED_OVER = frozenset(("O", "AMBIGUOUS", "LOC", "ORG", "MISC", "LOCATION", "ORGANIZATION", "ID"))
NEXT_STEP = "name a folder with config.json, tokenizer.json and model.safetensors in redact.model, or set names: keep"
MODEL_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def label_kinds(id2label: dict[Any, str]) -> dict[int, tuple[str, bool]]:
    """Label number → (placeholder's name or "", whether it begins a piece). Raises RecipeError for unknown labels."""
    kinds, unknown = {}, []
    for number, label in id2label.items():
        head, dash, tail = label.partition("-")
        begins = dash != "" and head in ("B", "S", "U")
        name = (tail if dash and head in ("B", "I", "E", "S", "L", "U") else label).upper()
        if name not in PASSED_OVER and name not in PLACEHOLDERS:
            unknown.append(label)
        kinds[int(number)] = (PLACEHOLDERS.get(name, ""), begins)
    if unknown or not any(name for name, _ in kinds.values()):
        told = ", ".join(unknown or sorted(set(id2label.values())))
        raise RecipeError(
            f"redact.model: no placeholder for the labels {told}",
            f"known labels: {', '.join([*PLACEHOLDERS, *sorted(PASSED_OVER)])}",
        )
    return kinds


def model_id(folder: Path) -> str:
    """A hash of the model's files, after a look that they are all there. Raises RecipeError or ResourceError."""
    if not folder.is_dir():
        raise RecipeError(f"redact.model: there is no folder {folder}", NEXT_STEP)
    weights = sorted(folder.glob("*.safetensors"))
    missing = [name for name in MODEL_FILES[:2] if not (folder / name).is_file()]
    if missing or not weights:
        raise RecipeError(f"redact.model: {folder} has no {' and no '.join(missing or ['*.safetensors'])}", NEXT_STEP)
    try:
        labels = json.loads((folder / "config.json").read_text(encoding="utf-8"))["id2label"]
    except (ValueError, KeyError, RecursionError):
        raise RecipeError(f"redact.model: {folder / 'config.json'} names no labels (id2label)", NEXT_STEP) from None
    label_kinds(labels)
    if importlib.util.find_spec("transformers") is None:
        raise ResourceError("redact.names needs transformers", "pip install 'understudy[hf]'")
    files = [path for path in [*(folder / name for name in MODEL_FILES), *weights] if path.is_file()]
    return _hash_of(tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=4)
def _hash_of(files: Iterable[tuple[str, int, int]]) -> str:
    """By content; remembered while size and time stay the same."""
    state = xxhash.xxh3_128()
    for path, size, _ in files:
        state.update(f"{Path(path).name}\0{size}\0".encode())
        with Path(path).open("rb") as file:
            while piece := file.read(1 << 22):
                state.update(piece)
    return state.hexdigest()
