"""How many bytes of text a token stands for, by language and by size of vocabulary.

A larger vocabulary shortens the text and lengthens the embedding. Because a BPE's smaller vocabularies are its own
beginnings, one training answers for all sizes: truncate the merges and encode again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from understudy.formats.corpus import Document, document_sizes, read_documents
from understudy.formats.shards import Split
from understudy.formats.special_tokens import SPECIAL_TOKENS
from understudy.formats.tokenizer import Tokenizer
from understudy.formats.tokenizer_file import SMALLEST_VOCABULARY

SMALLEST_SIZE = 512
MEASURED_BYTES = 1_000_000  # enough for three digits; a larger held-out split is measured on its evenly spread share


def bytes_per_token(corpus: Path, folder: Path, tokens: Sequence[bytes]) -> dict[str, Any]:
    """The report of a vocabulary: bytes per token by language and size, measured on held-out text.

    Without held-out text it is measured on training text, and says so.
    """
    split: Split = "valid" if sum(document_sizes(corpus, "valid")) else "train"
    documents = _some_documents(corpus, split)
    by_language: dict[str, dict[str, float]] = defaultdict(dict)
    overall: dict[str, float] = {}
    for size in sizes(len(tokens) + len(SPECIAL_TOKENS)):
        tokenizer = Tokenizer(folder, tokens[: size - len(SPECIAL_TOKENS)])
        totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for document in documents:
            totals[document.lang][0] += len(document.content.encode())
            totals[document.lang][1] += len(tokenizer.encode(document.content))
        for language, (n_bytes, n_tokens) in sorted(totals.items()):
            by_language[language][str(size)] = round(n_bytes / max(n_tokens, 1), 4)
        sums = [sum(column) for column in zip(*totals.values(), strict=True)] or [0, 0]
        overall[str(size)] = round(sums[0] / max(sums[1], 1), 4)
    return {
        "vocabulary": len(tokens) + len(SPECIAL_TOKENS),
        "bytes_per_token": dict(by_language),
        "overall": overall,
        "measured_on": split,
        "measured_bytes": sum(len(document.content.encode()) for document in documents),
    }


def sizes(vocabulary: int) -> list[int]:
    """The sizes to report on: doubling from 512 up to the whole vocabulary."""
    doubling = [SMALLEST_SIZE << power for power in range(20) if SMALLEST_SIZE << power < vocabulary]
    return [*doubling, max(vocabulary, SMALLEST_VOCABULARY)]


def _some_documents(corpus: Path, split: Split) -> list[Document]:
    """Every n-th document, so that about `MEASURED_BYTES` are measured and every repository has its share."""
    stride = max(1, round(sum(document_sizes(corpus, split)) / MEASURED_BYTES))
    return list(islice(read_documents(corpus, split), 0, None, stride))
