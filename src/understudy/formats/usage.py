"""What a model needs to be used rightly, kept inside the model's own folder as `understudy.json`.

A model behaves differently where it is served when its prompt is laid out differently. So the layout it was trained
with travels with the weights, and `formats.prompt` reads it from here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from understudy.core.errors import InputDataError
from understudy.core.paths import read_json, write_json
from understudy.formats.special_tokens import END, FIM_MIDDLE, FIM_PAD, FIM_PREFIX, FIM_SUFFIX, SPECIAL_TOKENS
from understudy.formats.tokenizer_file import PRE_TOKENIZER

USAGE_FILE = "understudy.json"
USAGE_FORMAT = 1
HEADER_RULE = "<|file_sep|>{path}\n"

FimMode = Literal["psm", "spm"]


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """How to talk to one model."""

    name: str
    context: int
    """Tokens it was trained on at a time; prompt and completion share them."""
    fim_mode: FimMode | None = "psm"
    """The layout for fill-in-the-middle, or None for a model trained without it."""
    fim_prefix: str = FIM_PREFIX
    fim_suffix: str = FIM_SUFFIX
    fim_middle: str = FIM_MIDDLE
    fim_pad: str = FIM_PAD
    end: str = END
    stop: tuple[str, ...] = SPECIAL_TOKENS
    """Tokens that end a completion; none of them may ever reach the person's text."""
    header: str | None = HEADER_RULE
    """What stands before a file whose path is known, or None for a model trained without it."""
    pre_tokenizer: str = PRE_TOKENIZER
    """llama.cpp's name for the pre-tokenisation: what a GGUF export writes to `tokenizer.ggml.pre`."""
    licenses: Mapping[str, int] = field(default_factory=dict)
    """Bytes of training text under each licence."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """A summary of the training data: languages, files, bytes, the corpus's id."""

    def write(self, folder: Path) -> None:
        """Write `understudy.json` into the model's folder."""
        write_json(folder / USAGE_FILE, {"format": USAGE_FORMAT, **asdict(self)})

    @classmethod
    def read(cls, folder: Path) -> ModelUsage:
        """The usage in a model's folder. Raises InputDataError when it is missing, damaged or newer than this code."""
        path = folder / USAGE_FILE
        try:
            value = dict(read_json(path))
            newer = int(value.pop("format")) > USAGE_FORMAT
        except (OSError, ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise InputDataError(
                f"{path} cannot be read ({type(error).__name__}: {error})",
                "name a model that understudy trained: understudy runs",
            ) from error
        if newer:
            raise InputDataError(
                f"{path} was written by a newer version of understudy", "pip install --upgrade understudy"
            )
        return cls._checked(path, value)

    @classmethod
    def _checked(cls, path: Path, value: dict[str, Any]) -> ModelUsage:
        known = {item.name for item in fields(cls)}
        context = value.get("context")
        is_sound = (
            value.keys() <= known
            and isinstance(value.get("name"), str)
            and isinstance(context, int)
            and context > 0
            and value.get("fim_mode") in ("psm", "spm", None)
        )
        if not is_sound:
            raise InputDataError(f"{path} is not a description of a model's usage")
        return cls(**{**value, "stop": tuple(value.get("stop", SPECIAL_TOKENS))})
