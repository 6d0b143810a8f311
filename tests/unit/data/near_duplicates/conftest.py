"""Small corpora, and what near-duplicates are by the plain definition: sets of tuples of words."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pytest

from understudy.data.near_duplicates import NearSettings
from understudy.data.near_duplicates.find import Choice, Clusters, choose, find_clusters
from understudy.data.near_duplicates.sketching import Sketcher

WORD = re.compile(rb"[A-Za-z0-9_\x80-\xff]+")
NEAR = NearSettings()


def shingles(text: str, ngram: int = 5) -> set[tuple[bytes, ...]]:
    words = WORD.findall(text.encode())
    if 0 < len(words) < ngram:
        return {tuple(words)}
    return {tuple(words[at : at + ngram]) for at in range(len(words) - ngram + 1)}


def jaccard(one: str, other: str, ngram: int = 5) -> float:
    a, b = shingles(one, ngram), shingles(other, ngram)
    return len(a & b) / len(a | b) if a | b else 0.0


class Corpus:
    """Texts as rows with their sketches, and the clusters in them."""

    def __init__(
        self,
        texts: Sequence[str],
        times: Sequence[int | None] | None = None,
        places: Sequence[int] | None = None,
        settings: NearSettings = NEAR,
    ) -> None:
        self.texts = list(texts)
        n = len(self.texts)
        column = pa.array(self.texts, pa.string())
        at = list(places) if places is not None else list(range(n))
        columns = {
            "place": pa.array(at, pa.int64()),
            "id": pa.array([f"id{place}" for place in at], pa.string()),
            "repo": pa.array(["r"] * n, pa.string()),
            "path": pa.array([f"{place:07d}.py" for place in at], pa.string()),
            "commit_time": pa.array(times if times is not None else [None] * n, pa.int64()),
        }
        self.rows = pa.table(columns | Sketcher(settings).columns(column, np.arange(n)))
        bands = self.rows["bands"].combine_chunks()
        self.clusters: Clusters = find_clusters(
            self.rows, lambda rows: column.take(pa.array(rows)), lambda rows: bands.take(pa.array(rows)), settings
        )
        self.choice: Choice = choose(self.clusters)

    def kept(self) -> list[str]:
        return [text for text, stays in zip(self.texts, self.choice.kept, strict=True) if stays]


Family = Callable[[int, int, float], list[str]]


@pytest.fixture
def family() -> Family:
    """`family(seed, n, change)`: n texts of one origin, in each of which this share of the words is another."""

    def make(seed: int, n: int, change: float, n_words: int = 200) -> list[str]:
        draw = random.Random(seed)
        origin = [f"w{draw.randrange(10**6)}" for _ in range(n_words)]
        changed = [
            [f"x{draw.randrange(10**6)}" if draw.random() < change else word for word in origin] for _ in range(n)
        ]
        return [" ".join(words) for words in changed]

    return make


@pytest.fixture
def corpus() -> type[Corpus]:
    return Corpus


@pytest.fixture(name="shingles")
def _shingles() -> Callable[..., set[tuple[bytes, ...]]]:
    return shingles


@pytest.fixture(name="jaccard")
def _jaccard() -> Callable[..., float]:
    return jaccard
