"""The held-out files an exam is made from, and the training files a baseline may copy from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from understudy.formats.corpus import Document, document_sizes, read_documents


def held_out(corpus: Path, random: np.random.Generator, max_files: int, max_bytes: int) -> list[Document]:
    """Held-out files in the order of the corpus: all of them, or a random choice within both limits.

    Sizes are read first and contents only of what was chosen, so that a large corpus costs no more than a small one.
    """
    sizes = list(document_sizes(corpus, "valid"))
    chosen: set[int] = set()
    budget = max_bytes
    for position in random.permutation(len(sizes)):
        if len(chosen) == max_files or (chosen and sizes[position] > budget):
            break
        chosen.add(int(position))
        budget -= sizes[position]
    return [document for position, document in enumerate(read_documents(corpus, "valid")) if position in chosen]


def training_text(corpus: Path, max_bytes: int) -> Iterator[bytes]:
    """The training files' contents as UTF-8, in the order of the corpus, until `max_bytes` are spent.

    From a larger corpus every k-th file is taken, so that all of its repositories take part.
    """
    every = -(-sum(document_sizes(corpus, "train")) // max_bytes) if max_bytes > 0 else 1
    for position, document in enumerate(read_documents(corpus, "train")):
        if position % max(1, every) == 0:
            yield document.content.encode("utf-8", "surrogatepass")
