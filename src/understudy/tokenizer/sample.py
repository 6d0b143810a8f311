"""Which text the tokenizer learns from: all of the training split, or an even sample of it when that is too much."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import xxhash

from understudy.core.errors import InputDataError, Interrupted
from understudy.core.tracking import Events
from understudy.formats.corpus import document_sizes, read_documents

CHUNK_CHARACTERS = 1 << 16  # the trainer holds a batch of chunks: this bounds its memory whatever the files' sizes


def sample_chunks(corpus: Path, seed: int, sample_bytes: int, events: Events) -> Iterator[str]:
    """Chunks of training text, about `sample_bytes` in all and never more; the same ones for the same seed.

    Documents are drawn by the hash of their id, so that the draw does not depend on what else is in the corpus.
    Raises InputDataError when there is no text at all.
    """
    n_bytes = sum(document_sizes(corpus, "train"))
    if n_bytes == 0:
        raise InputDataError(
            "the corpus has no text to learn a tokenizer from", "understudy show latest   (says why files were dropped)"
        )
    wanted = min(n_bytes, sample_bytes)
    share = wanted / n_bytes
    done = 0
    for document in read_documents(corpus, "train"):
        if share < 1 and _draw(document.id, seed) >= share:
            continue
        for chunk in chunks(document.content):
            chunk_bytes = len(chunk.encode())
            if done + chunk_bytes > wanted:
                return
            yield chunk
            done += chunk_bytes
        events.progress("reading", done, wanted, "B")
        if events.should_stop:
            raise Interrupted("stopped while reading the corpus", "run the same command to continue")


def chunks(text: str) -> Iterator[str]:
    """The text in stretches of at most `CHUNK_CHARACTERS`, each but the last ending with a line where it can."""
    start = 0
    while start < len(text):
        end = min(start + CHUNK_CHARACTERS, len(text))
        line_end = text.rfind("\n", start, end) + 1
        if end < len(text) and line_end > start:
            end = line_end
        yield text[start:end]
        start = end


def _draw(identifier: str, seed: int) -> float:
    return xxhash.xxh3_64_intdigest(identifier.encode(), seed=seed) / 2.0**64
