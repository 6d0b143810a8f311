"""A plan, a tokenizer and shards small enough to train on in a second, as the earlier stages would leave them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core.artifact import Artifact
from understudy.core.paths import Project, read_json, write_json
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import Events, silent
from understudy.formats.shard_writer import Piece, ShardWriter, write_manifest
from understudy.formats.special_tokens import END, SPECIAL_IDS
from understudy.formats.tokenizer import Tokenizer
from understudy.formats.tokenizer_file import write_tokenizer
from understudy.model.hugging_face import WEIGHTS
from understudy.train.stage import STAGE

CONTEXT = 32
VOCABULARY = 263


def recipe(**phase: Any) -> Recipe:
    """A recipe with this phase of training."""
    settings = {"context": CONTEXT, "compile": False, "precision": "fp32", "checkpoint_every_seconds": 1e5} | phase
    return Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": "."}]}, "train": [settings]})


def write_plan(folder: Path, **choice: Any) -> None:
    """plan.json with this choice."""
    values = {"layers": 2, "hidden": 32, "vocabulary": VOCABULARY, "context": CONTEXT, "tokens": 12 * 4 * CONTEXT,
              "batch_tokens": 4 * CONTEXT, "micro_batch": 2, "learning_rate": 0.02, "precision": "fp32"}  # fmt: skip
    predicted = {"seconds": 2.0, "peak_memory_bytes": 400_000_000}
    machine = {"ceiling_flops_per_second": {"bfloat16": 4e11, "float32": 2e11}, "tokens_per_second": 9000.0}
    write_json(folder / "plan.json", {"choice": values | choice, "predicted": predicted, "machine": machine})


def write_shards(folder: Path, tokenizer: Tokenizer, n_rows: int, n_valid: int = 4) -> None:
    """Rows of two pieces each, the second shorter, then padding: lines that count up."""
    splits = {}
    for split, rows in (("train", range(n_rows)), ("valid", range(n_rows, n_rows + n_valid))):
        with ShardWriter(folder, f"{split}-00000", CONTEXT, tokenizer.vocabulary) as writer:
            for row in rows:
                writer.write([_piece(tokenizer, row, 18), _piece(tokenizer, row + 7, 12)])
            splits[split] = [writer.close()]
    write_manifest(folder, splits, CONTEXT, tokenizer.vocabulary, "tokenizer-1")


def _piece(tokenizer: Tokenizer, start: int, length: int) -> Piece:
    text = "".join(chr(97 + (start + index) % 26) for index in range(length - 1))
    tokens = np.array([*tokenizer.encode(text), SPECIAL_IDS[END]], dtype=np.uint32)
    return Piece(tokens, start, 0, len(text), len(text) - 1)


@dataclass
class World:
    """A project whose stages before training are done."""

    root: Path
    context: int = CONTEXT

    def run(self, events: Events | None = None, work: str = "work", **phase: Any) -> dict[str, Any]:
        """Train in the folder `work` with a phase of these settings; the stage's metrics."""
        return STAGE.run(recipe(**phase), self.inputs(), self.work(work), events or silent())

    def plan(self, **choice: Any) -> None:
        """Replace the plan."""
        write_plan(self.root / "plan", **choice)

    def log(self, work: str = "work") -> list[dict[str, Any]]:
        """The lines of training.jsonl."""
        return [json.loads(line) for line in (self.work(work) / "training.jsonl").read_text().splitlines()]

    def summary(self, work: str = "work") -> dict[str, Any]:
        """training.json."""
        return dict(read_json(self.work(work) / "training.json"))

    def weights(self, work: str = "work") -> bytes:
        """The bytes of the model's weights."""
        return (self.work(work) / WEIGHTS).read_bytes()

    def inputs(self) -> Inputs:
        artifacts = {kind: Artifact(kind, f"{kind}-1", self.root / kind, (), {"n_files": 3}, {})
                     for kind in ("plan", "corpus", "tokenizer", "tokens")}  # fmt: skip
        return Inputs(artifacts, Project(self.root))

    def work(self, name: str = "work") -> Path:
        (self.root / name).mkdir(exist_ok=True)
        return self.root / name


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., World]:
    """Makes a world with so many rows, and a plan with this choice."""

    def make(n_rows: int = 20, n_valid: int = 4, **choice: Any) -> World:
        for kind in ("plan", "corpus", "tokenizer", "tokens"):
            (tmp_path / kind).mkdir(exist_ok=True)
        write_tokenizer(tmp_path / "tokenizer", [bytes([value]) for value in range(256)], [])
        write_shards(tmp_path / "tokens", Tokenizer.load(tmp_path / "tokenizer"), n_rows, n_valid)
        write_plan(tmp_path / "plan", **choice)
        return World(tmp_path)

    return make
