"""The tokens stage: corpus + tokenizer ──▶ token shards of both splits and their manifest.

corpus ──▶ ranges ──a task each, on this machine's cores or on Spark──▶ a shard each ──▶ manifest

Nothing but counts comes back from the tasks. The manifest is written last; a killed run goes on with the ranges that
were not finished.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from understudy.clusters import open_cluster, require_cluster
from understudy.core.errors import InputDataError
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs, Metrics, Stage
from understudy.core.tracking import Events
from understudy.core.units import count_text, percent_text
from understudy.formats.shard_writer import write_manifest
from understudy.formats.shards import Split
from understudy.formats.tokenizer import Tokenizer
from understudy.tokenizer.packing import FACTS, Documents, PackOrder, finished, pack_range
from understudy.tokenizer.pieces import PieceSettings
from understudy.tokenizer.ranges import file_ranges, n_worth
from understudy.tokenizer.repositories import repository_ranges


def run(recipe: Recipe, inputs: Inputs, work_dir: Path, events: Events) -> Metrics:
    """Pack both splits; returns the metrics. Raises InputDataError when there is no training text."""
    splits: tuple[Split, ...] = ("train", "valid")
    orders = {split: _orders(recipe, inputs, work_dir, split) for split in splits}
    everything = [order for mine in orders.values() for order in mine]
    _clear(work_dir, everything)
    _pack(recipe, everything, work_dir, events)
    shards = {split: [finished(order) or {} for order in mine] for split, mine in orders.items()}
    phase, vocabulary = recipe.train[0], Tokenizer.load(inputs["tokenizer"].path).vocabulary
    if not any(facts["n_tokens"] for facts in shards["train"]):
        raise InputDataError(
            "the corpus has no text to train on", "understudy show latest   (says why files were dropped)"
        )
    if not any(facts["n_rows"] for facts in shards["valid"]):
        events.warning("there is no held-out text: nothing will be validated", "set data.split.valid higher")
    manifest = write_manifest(work_dir, shards, phase.context, vocabulary, inputs["tokenizer"].id)
    shutil.rmtree(work_dir / "scratch")
    return _metrics(manifest["splits"], phase.context)


def _orders(recipe: Recipe, inputs: Inputs, work_dir: Path, split: Split) -> list[PackOrder]:
    """A task for each range of a split. Held-out text is packed file by file and with nothing random in it."""
    corpus, tokenizer, phase = inputs["corpus"], inputs["tokenizer"], recipe.train[0]
    settings = PieceSettings(phase.context, recipe.seed, phase.fim.rate, phase.fim.spm)
    documents: Documents = phase.documents
    if split == "valid":
        settings = PieceSettings(phase.context, recipe.seed, fim_rate=0.0, spm_share=0.0, header_rate=0.0)
        documents = "file"
    ranges = file_ranges(corpus.path, split) if documents == "file" else repository_ranges(corpus.path, split)
    folder, source, vocabulary = (os.fspath(path.absolute()) for path in (work_dir, corpus.path, tokenizer.path))
    ids = f"{corpus.id} {tokenizer.id}"
    return [PackOrder(folder, source, vocabulary, ids, split, documents, settings, part) for part in ranges]


def _clear(work_dir: Path, orders: Sequence[PackOrder]) -> None:
    """Remove what killed runs left, but for the shards of finished ranges."""
    done = [(order.facts, facts) for order in orders if (facts := finished(order)) is not None]
    keep = {path for path, _ in done} | {work_dir.absolute() / name for _, facts in done for name in facts["files"]}
    for path in work_dir.absolute().rglob("*"):
        if path not in keep and not path.is_dir():
            path.unlink(missing_ok=True)
    for path in (work_dir / "scratch").glob("*"):
        if path.is_dir() and path.name != FACTS.name:
            shutil.rmtree(path)


def _pack(recipe: Recipe, orders: Sequence[PackOrder], work_dir: Path, events: Events) -> None:
    """Have every range packed that is not."""
    waiting = [order for order in orders if finished(order) is None]
    total = sum(order.range.n_bytes for order in orders)
    done = total - sum(order.range.n_bytes for order in waiting)
    events.progress("packing", done, total, "B")
    if not waiting:
        return
    scratch = work_dir.absolute() / "scratch" / "spark"
    settings, n_workers = recipe.data.spark, n_worth(total - done)
    cluster = open_cluster(recipe.data.compute, settings, scratch, lambda: events.should_stop, n_workers)
    try:
        for n_bytes in cluster.run(pack_range, waiting):
            done += n_bytes
            events.progress("packing", done, total, "B")
    finally:
        cluster.close()


def _metrics(splits: dict[str, dict[str, Any]], context: int) -> Metrics:
    train, valid = splits["train"], splits["valid"]
    fim_fraction = 1 - train["n_by_layout"]["left-to-right"] / max(train["n_pieces"], 1)
    return {
        "summary": f"{count_text(train['n_tokens'])} tokens in {train['n_rows']:,} rows of {context:,}, "
        f"{percent_text(fim_fraction)} of pieces fill-in-the-middle, {percent_text(train['padding_fraction'])} padding",
        "n_tokens": train["n_tokens"],
        "n_rows": train["n_rows"],
        "n_valid_tokens": valid["n_tokens"],
        "padding_fraction": train["padding_fraction"],
        "bytes_per_token": round(train["n_bytes"] / max(train["n_tokens"], 1), 4),
        "fim_fraction": round(fim_fraction, 4),
    }


STAGE = Stage(
    name="tokens",
    kind="tokens",
    version="3",
    reads=("seed", "train.0.documents", "train.0.fim", "train.0.context"),
    needs=("corpus", "tokenizer"),
    run=run,
    check=lambda recipe: require_cluster(recipe.data.compute),
)
