"""Which files end in one cluster, and which of them stay."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy.data.near_duplicates import NearSettings, find, verify
from understudy.data.near_duplicates.find import choose, cluster_ids, cluster_table
from understudy.data.near_duplicates.verify import similarities

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.lists(
    st.lists(st.sampled_from("abcd"), max_size=9).map(" ".join), max_size=14
)  # few words, so that many are alike


def chain(n_words: int, n_links: int, step: int) -> list[str]:
    """Windows over one row of words: neighbours are alike, those far apart are not."""
    words = [f"w{i}" for i in range(n_words + n_links * step)]
    return [" ".join(words[i * step : i * step + n_words]) for i in range(n_links)]


@QUICK
@given(texts=TEXTS, threshold=st.sampled_from([0.3, 0.5, 0.7]))
def test_what_stays_is_what_the_plain_walk_keeps(texts: list[str], threshold: float, corpus: Any, jaccard: Any) -> None:
    """In the order of their names: a file stays unless one that stays is that similar to it."""
    made = corpus(texts, settings=NearSettings(threshold, 256, 2))
    kept: list[int] = []
    for number, text in enumerate(texts):
        if not any(jaccard(text, texts[other], 2) >= threshold for other in kept):
            kept.append(number)
    assert np.flatnonzero(made.choice.kept).tolist() == kept


@QUICK
@given(texts=TEXTS, seed=st.integers(0, 999))
def test_the_order_of_the_rows_does_not_matter(texts: list[str], seed: int, corpus: Any) -> None:
    near, shuffled = NearSettings(0.5, 64, 2), list(range(len(texts)))
    random.Random(seed).shuffle(shuffled)
    made = corpus(texts, settings=near)
    again = corpus([texts[i] for i in shuffled], places=shuffled, settings=near)
    tables = [cluster_table(one.rows, one.clusters, one.choice) for one in (made, again)]
    assert tables[0].to_pylist() == tables[1].to_pylist()


@QUICK
@given(texts=TEXTS)
def test_what_stays_has_no_near_duplicates_left(texts: list[str], corpus: Any) -> None:
    near = NearSettings(0.5, 256, 2)
    kept = corpus(texts, settings=near).kept()
    assert corpus(kept, settings=near).kept() == kept


@QUICK
@given(texts=TEXTS, broken=st.sets(st.integers(0, 13)))
def test_parsing_only_what_is_about_to_stay_ends_as_parsing_everything_first(
    texts: list[str], broken: set[int], corpus: Any
) -> None:
    made = corpus(texts, settings=NearSettings(0.5, 256, 2))
    is_broken = np.array([number in broken for number in range(len(texts))], np.bool_)
    rejected = np.zeros(len(texts), np.bool_)
    while (found := choose(made.clusters, rejected).kept & is_broken).any():
        rejected |= found
    assert choose(made.clusters, rejected).kept.tolist() == choose(made.clusters, is_broken).kept.tolist()


def test_a_dropped_file_is_truly_similar_to_the_one_that_stays(corpus: Any, family: Any, jaccard: Any) -> None:
    texts = family(1, 40, 0.02) + family(2, 40, 0.04)
    made = corpus(texts)
    assert 2 <= made.choice.kept.sum() < 80
    for number in np.flatnonzero(made.choice.dropped):
        other = made.choice.similar_to[number]
        assert made.choice.kept[other]
        assert made.choice.similarity[number] == jaccard(texts[number], texts[other]) >= 0.7


def test_of_a_chain_those_without_a_similar_one_that_stays_stay_too_in_the_same_cluster(corpus: Any) -> None:
    texts = chain(100, 9, 10)  # neighbours 0.83, next but one 0.69
    made = corpus(texts)
    assert np.flatnonzero(made.choice.kept).tolist() == [0, 2, 4, 6, 8]
    assert cluster_ids(made.clusters, made.rows).to_pylist() == [0] * 9


def test_the_newest_stays_and_one_of_unknown_age_comes_last(corpus: Any) -> None:
    made = corpus(["a b c d e f g"] * 4, times=[None, 5, 9, 9])
    assert np.flatnonzero(made.choice.kept).tolist() == [2]
    assert made.choice.similar_to.tolist() == [2, 2, 2, 2]
    assert cluster_ids(made.clusters, made.rows).to_pylist() == [2] * 4


def test_short_files_are_alike_only_where_all_their_words_are(corpus: Any) -> None:
    texts = ["import os", "import sys", "import os\n", "os import", "import", "x", "import os os"]
    made = corpus(texts)
    assert np.flatnonzero(made.choice.dropped).tolist() == [2]
    assert cluster_ids(made.clusters, made.rows).to_pylist() == [0, None, 0, None, None, None, None]


def test_files_without_words_are_like_nothing(corpus: Any) -> None:
    made = corpus(["", "", ";;;", ";;;"])
    assert made.choice.kept.all()
    assert cluster_ids(made.clusters, made.rows).null_count == 4


def test_no_file_at_all_is_no_trouble(corpus: Any) -> None:
    assert corpus([]).choice.kept.tolist() == []


def test_thousands_of_near_copies_cost_a_few_pairs_each_and_end_as_the_plain_walk_does(
    corpus: Any, family: Any, shingles: Any, monkeypatch: Any
) -> None:
    n_pairs = []

    def counted(pairs: Any, *rest: Any) -> Any:
        n_pairs.append(len(pairs))
        return similarities(pairs, *rest)

    monkeypatch.setattr(find, "similarities", counted)
    texts = family(3, 3000, 0.01, n_words=120)
    made = corpus(texts)
    sets, kept = [shingles(text) for text in texts], []
    for number, words in enumerate(sets):
        if not any(len(words & sets[other]) >= 0.7 * len(words | sets[other]) for other in kept):
            kept.append(number)
    assert np.flatnonzero(made.choice.kept).tolist() == kept
    assert sum(n_pairs) < 3000 * 100  # all would be 4.5 million


def test_verifying_in_small_blocks_finds_the_same(corpus: Any, family: Any, monkeypatch: Any) -> None:
    texts = list(itertools.chain(*(family(seed, 10, 0.03) for seed in range(8))))
    whole = corpus(texts)
    monkeypatch.setattr(verify, "BLOCK_SHINGLES", 300)
    parts = corpus(texts)
    assert parts.choice.similar_to.tolist() == whole.choice.similar_to.tolist()
    assert parts.choice.similarity.tolist() == whole.choice.similarity.tolist()


def test_the_table_of_clusters_names_what_each_dropped_file_is_like(corpus: Any) -> None:
    made = corpus(["a b c d e f", "other words in here for once", "a b c d e f"])
    assert cluster_table(made.rows, made.clusters, made.choice).to_pylist() == [
        {
            "cluster": 0,
            "place": place,
            "id": f"id{place}",
            "repo": "r",
            "path": f"000000{place}.py",
            "kept": place == 0,
            "similar_to": None if place == 0 else "r/0000000.py",
            "similarity": None if place == 0 else 1.0,
        }
        for place in (0, 2)
    ]


def test_a_large_group_of_equal_sets_is_dropped_by_a_file_like_all_of_them(corpus: Any, jaccard: Any) -> None:
    first = " ".join(f"w{i}" for i in range(60))
    texts = [first, *[first + " and more"] * 50]
    made = corpus(texts)
    assert np.flatnonzero(made.choice.kept).tolist() == [0]
    assert set(made.choice.similarity[1:].tolist()) == {jaccard(texts[0], texts[1])}
    without_first = choose(made.clusters, np.arange(51) == 0)
    assert without_first.similar_to.tolist() == [-1, *[1] * 50]
    assert set(without_first.similarity[2:].tolist()) == {1.0}
