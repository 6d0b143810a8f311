"""What the compiled loops answer, against the plain definitions."""

from __future__ import annotations

import random
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy.data.near_duplicates import Banding, NearSettings, banding
from understudy.data.near_duplicates.columns import text_column
from understudy.data.near_duplicates.kernels import shingle_column, sketch
from understudy.data.near_duplicates.sketching import Sketcher
from understudy.data.near_duplicates.verify import block_similarities

WORDS = st.lists(st.sampled_from(["a", "b1", "_c", "dé", "日本", "x" * 40]), max_size=30)
TEXT = st.one_of(st.text(max_size=60), WORDS.map(" ".join), WORDS.map("(\n".join))
QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def sets_of(texts: list[str], ngram: int) -> list[frozenset[int]]:
    data, offsets = text_column(pa.array(texts, pa.string()))
    out, borders = np.zeros(len(data) + len(texts) + 1, np.uint64), np.zeros(len(texts) + 1, np.int64)
    shingle_column(data, offsets, ngram, out, borders)
    return [frozenset(part.tolist()) for part in np.split(out[: borders[-1]], borders[1:-1])]


@QUICK
@given(texts=st.lists(TEXT, min_size=1, max_size=5), ngram=st.integers(1, 7))
def test_shingles_are_the_runs_of_words_each_counted_once(texts: list[str], ngram: int, shingles: Any) -> None:
    found, plain = sets_of(texts, ngram), [shingles(text, ngram) for text in texts]
    assert [len(one) for one in found] == [len(one) for one in plain]
    assert len(frozenset().union(*found)) == len(set().union(*plain))  # equal ones have equal hashes, others do not


@QUICK
@given(one=TEXT, other=TEXT, ngram=st.integers(1, 6), threshold=st.sampled_from([0.1, 0.5, 0.7, 1.0]))
def test_a_verified_similarity_is_the_exact_one(
    one: str, other: str, ngram: int, threshold: float, jaccard: Any
) -> None:
    first, second = np.array([0], np.int64), np.array([1], np.int64)
    found = block_similarities(pa.array([one, other]), first, second, ngram, threshold)[0]
    exact = jaccard(one, other, ngram)
    assert found == (exact if exact >= threshold else 0.0)


@QUICK
@given(words=st.lists(st.sampled_from("abcdefgh"), min_size=7, max_size=40), seed=st.integers(0, 99))
def test_the_id_of_a_set_knows_neither_order_nor_repetition(words: list[str], seed: int) -> None:
    sketcher = Sketcher(NearSettings(ngram=1))
    shuffled = words + words[:3]
    random.Random(seed).shuffle(shuffled)
    found = sketcher.columns(pa.array([" ".join(words), "; ".join(shuffled), " ".join([*words, "z"])]), np.arange(3))
    ids = found["shingles_id"].to_pylist()
    assert ids[0] == ids[1] != ids[2]
    assert found["bands"].to_pylist()[0] == found["bands"].to_pylist()[1]


@pytest.mark.parametrize("n", [1, 10, 100, 3000])
@pytest.mark.parametrize("similarity", [0.3, 0.7, 0.9])
def test_signatures_agree_as_often_as_their_sets_do(n: int, similarity: float) -> None:
    """Small sets too. 300 pairs of 256 positions: the mean is known to 0.002 or better, and we allow four of those."""
    random_hashes, k, agreed, exact = np.random.default_rng(n), 256, [], []
    n_shared = max(0, round(2 * n * similarity / (1 + similarity)))
    for _ in range(300):
        hashes = random_hashes.integers(1, 2**63, 2 * n - n_shared, dtype=np.int64).astype(np.uint64) * np.uint64(2)
        one, other = hashes[:n].copy(), hashes[n - n_shared :].copy()
        signatures = np.zeros((2, k), np.uint64)
        sketch(one, n, signatures[0])
        sketch(other, n, signatures[1])
        agreed.append(float(np.mean(signatures[0] == signatures[1])))
        exact.append(n_shared / (2 * n - n_shared))
    error = np.array(agreed) - np.array(exact)
    j = exact[0]
    assert abs(error.mean()) <= 4 * np.sqrt(j * (1 - j) / 256 / 300) + 1e-12
    assert error.std() <= 1.2 * np.sqrt(j * (1 - j) / 256) + 1e-12  # MinHash's own error, or less


def test_a_text_without_words_has_no_sketch() -> None:
    found = Sketcher(NearSettings()).columns(pa.array(["", " \n;;", None, "word"]), np.array([0, 1, 3]))
    assert found["n_shingles"].to_pylist() == [0, 0, None, 1]
    assert found["shingles_id"].to_pylist()[:3] == [None, None, None]
    assert [None if bands is None else len(bands) for bands in found["bands"].to_pylist()] == [0, 0, None, 51]


def test_a_slice_of_a_column_is_sketched_as_the_column_is() -> None:
    texts = pa.array([path.read_text() for path in sorted(Path(sysconfig.get_paths()["stdlib"], "json").glob("*.py"))])
    sketcher = Sketcher(NearSettings())
    whole = sketcher.columns(texts, np.arange(len(texts)))
    part = sketcher.columns(texts.slice(2, 2), np.arange(2))
    large = sketcher.columns(texts.cast(pa.large_string()), np.arange(len(texts)))
    for name, column in whole.items():
        assert part[name].to_pylist() == column.to_pylist()[2:4]
        assert large[name].to_pylist() == column.to_pylist()


def test_bands_are_as_long_as_they_can_be_and_still_find_999_in_1000() -> None:
    assert banding(NearSettings(0.7, 256, 5)) == Banding(5, 51)
    assert banding(NearSettings(0.85, 256, 5)) == Banding(9, 28)
    assert banding(NearSettings(1.0, 256, 5)) == Banding(256, 1)
    for settings_ in (NearSettings(0.7, 256), NearSettings(0.85, 128), NearSettings(0.5, 512)):
        rows, n_bands = banding(settings_)
        assert banding(settings_).found(settings_.threshold) >= 0.999
        longer = Banding(rows + 1, settings_.permutations // (rows + 1))
        assert longer.found(settings_.threshold) < 0.999
        assert rows * n_bands <= settings_.permutations


def test_with_too_few_permutations_bands_are_single_positions() -> None:
    assert banding(NearSettings(0.1, 16, 5)) == Banding(1, 16)
