"""Packing on Spark: the same shards as on this machine's cores."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from understudy.clusters import spark as cluster_module
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import Events
from understudy.formats.shards import TokenShards
from understudy.tokenizer.pack_stage import STAGE

pytest.importorskip("pyspark.sql", reason="pyspark is not installed (extra `spark`)")
JAVA = shutil.which("java") or os.environ.get("JAVA_HOME")
pytestmark = pytest.mark.skipif(JAVA is None, reason="there is no Java for Spark")


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    with cluster_module._quietly():
        _, session = cluster_module._session({"spark.master": "local[2,4]"})
    yield session
    session.stop()


@pytest.mark.parametrize("documents", ["file", "repository"])
def test_the_shards_are_those_packed_on_cores(
    documents: str,
    session: Any,
    tmp_path: Path,
    library_corpus: Path,
    library_tokenizer: Path,
    inputs: Callable[..., Inputs],
    recipe: Callable[..., Recipe],
    events: Events,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("understudy.tokenizer.ranges.LEAST_BYTES", 250_000)
    monkeypatch.setattr("understudy.tokenizer.repositories.CHUNK_BYTES", 200_000)
    packed = {}
    for engine in ("local", "spark"):
        folder = tmp_path / engine
        folder.mkdir()
        train = [{"phase": "pretrain", "context": 128, "documents": documents}]
        made = recipe(train=train, data={"compute": engine, "sources": [{"dir": "unused"}]})
        STAGE.run(made, inputs(corpus=library_corpus, tokenizer=library_tokenizer), folder, events)
        packed[engine] = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    assert packed["spark"] == packed["local"]
    assert len(TokenShards.open(tmp_path / "spark", "train", verify=True).facts["shards"]) > 3
