"""The split: no cluster on both sides, the same each time, near the share, and stable where it says so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.errors import InputDataError
from understudy.data.decisions.split import choose
from understudy.data.steps.identify import Identify

SHARE = 0.2
BY = ("file", "repository", "commit-time")
Row = dict[str, Any]

rows_strategy = st.lists(
    st.fixed_dictionaries(
        {
            "repo": st.sampled_from("abcdefgh"),
            "cluster": st.one_of(st.none(), st.integers(0, 5)),
            "id": st.integers(0, 200).map(lambda number: f"{number:032x}"),
            "commit_time": st.one_of(st.none(), st.integers(0, 20)),
            "size_bytes": st.integers(1, 10_000),
        }
    ),
    min_size=1,
    max_size=60,
)


def table(rows: list[Row], by: str = "file") -> pa.Table:
    step = Identify(17, by)
    named = [{**row, "path": row.get("path", f"{place}.py")} for place, row in enumerate(rows)]
    for row in named:
        row["split_point"] = step.point(row["repo"], row["path"])
    types = {"cluster": pa.int64(), "commit_time": pa.int64(), "size_bytes": pa.int64()}
    names = ("repo", "path", "id", "cluster", "commit_time", "size_bytes", "split_point")
    return pa.table({name: pa.array([row.get(name) for row in named], types.get(name)) for name in names})


def valid(rows: list[Row], by: str, share: float = SHARE) -> list[bool]:
    return choose(table(rows, by), by, share).is_valid.tolist()  # type: ignore[no-any-return]


def is_timed(rows: list[Row]) -> bool:
    """True where some cluster, or some content outside of clusters, has a time in all of its documents."""
    times: dict[Any, list[int | None]] = {}
    for row in rows:
        times.setdefault(row["id"] if row["cluster"] is None else row["cluster"], []).append(row["commit_time"])
    return any(None not in values for values in times.values())


@pytest.mark.parametrize("by", BY)
@settings(max_examples=60, deadline=None)
@given(rows=rows_strategy)
def test_no_cluster_and_no_content_is_on_both_sides(by: str, rows: list[Row]) -> None:
    if by == "commit-time" and not is_timed(rows):
        return
    held_out = valid(rows, by)
    sides: dict[Any, set[bool]] = {}
    for row, side in zip(rows, held_out, strict=True):
        sides.setdefault(row["id"] if row["cluster"] is None else row["cluster"], set()).add(side)
    assert all(len(side) == 1 for side in sides.values())
    assert not all(held_out)


@pytest.mark.parametrize("by", BY)
@settings(max_examples=40, deadline=None)
@given(rows=rows_strategy, seed=st.integers(0, 99))
def test_the_order_of_the_documents_does_not_matter(by: str, rows: list[Row], seed: int) -> None:
    if by == "commit-time" and not is_timed(rows):
        return
    named = [{**row, "path": f"{place}.py"} for place, row in enumerate(rows)]
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    assert valid([named[place] for place in order], by) == [valid(named, by)[place] for place in order]


@pytest.mark.parametrize("by", ["file", "repository"])
@settings(max_examples=40, deadline=None)
@given(rows=rows_strategy, more=rows_strategy)
def test_documents_added_elsewhere_move_none_that_were_there(by: str, rows: list[Row], more: list[Row]) -> None:
    """Given that the share alone makes the cut: some documents are below it, and some above."""
    fixed = [
        {"repo": repo, "cluster": None, "id": f"{repo}-{place}", "commit_time": 0, "size_bytes": 1, "path": f"f{place}"}
        for repo in "abcdefgh"
        for place in range(30)
    ]
    old = [*fixed, *({**row, "path": f"{place}.py", "id": f"old-{row['id']}"} for place, row in enumerate(rows))]
    added = [
        {**row, "path": f"{place}.txt", "repo": f"new-{row['repo']}", "cluster": None, "id": f"new-{row['id']}"}
        for place, row in enumerate(more)
    ]
    before = valid(old, by, 0.5)
    assert 0.2 < sum(before[:240]) / 240 < 0.8
    assert valid([*old, *added], by, 0.5)[: len(old)] == before


@pytest.mark.parametrize("by", BY)
def test_the_share_held_out_is_near_what_is_asked_for(by: str) -> None:
    random = np.random.default_rng(3)
    rows = [
        {
            "repo": f"r{random.integers(600)}",
            "cluster": int(random.integers(400)) if random.random() < 0.2 else None,
            "id": f"{place:032x}",
            "commit_time": int(random.integers(10**6)),
            "size_bytes": int(random.integers(1_000, 9_000)),
        }
        for place in range(6_000)
    ]
    for share in (0.02, 0.1, 0.3):
        held_out = np.array(valid(rows, by, share))
        sizes = np.array([row["size_bytes"] for row in rows])
        found = float(sizes[held_out].sum() / sizes.sum())
        # Clusters across repositories go to train: a tenth to a third less than asked for is expected there.
        low = 0.4 if by == "repository" else 0.75
        assert low * share <= found <= 1.25 * share


def test_by_repository_a_cluster_that_two_sides_share_is_trained_on() -> None:
    rows = [{"repo": f"r{n}", "cluster": None, "id": f"{n}", "size_bytes": 1} for n in range(50)]
    alone = valid(rows, "repository")
    inside, outside = alone.index(True), alone.index(False)
    linked = [{**row, "cluster": 7} if n in (inside, outside) else row for n, row in enumerate(rows)]
    assert valid(linked, "repository")[inside] is False
    assert [side for n, side in enumerate(valid(linked, "repository")) if n != inside] == [
        side for n, side in enumerate(alone) if n != inside
    ]


def test_by_commit_time_the_newest_bytes_are_held_out_and_one_time_stays_together() -> None:
    times = [1, 2, 3, 4, 5, 5, None]
    rows = [{"repo": "r", "id": f"{n}", "commit_time": time, "size_bytes": 10} for n, time in enumerate(times)]
    assert valid(rows, "commit-time", 0.3) == [False, False, False, False, True, True, False]
    assert valid(rows, "commit-time", 0.45) == [False, False, False, True, True, True, False]


def test_by_commit_time_a_document_without_a_time_takes_its_cluster_to_train() -> None:
    rows = [
        {"repo": "r", "id": "a", "commit_time": 9, "cluster": 1, "size_bytes": 1},
        {"repo": "r", "id": "b", "commit_time": None, "cluster": 1, "size_bytes": 1},
        {"repo": "r", "id": "c", "commit_time": 5, "cluster": None, "size_bytes": 1},
    ]
    assert valid(rows, "commit-time") == [False, False, True]


def test_by_commit_time_without_any_time_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputDataError, match="no document has a time") as refusal:
        valid([{"repo": "r", "id": "a", "size_bytes": 1}] * 2, "commit-time")
    assert "split.by=file" in (refusal.value.hint or "")


def test_by_commit_time_one_large_commit_is_told_of() -> None:
    rows = [{"repo": "r", "id": f"{n}", "commit_time": int(n > 1), "size_bytes": 1} for n in range(10)]
    choice = choose(table(rows), "commit-time", 0.02)
    assert choice.is_valid.sum() == 8
    assert choice.warning == "80 % of the bytes are held out, not 2.0 %: they have one commit time"


@pytest.mark.parametrize(
    ("rows", "by", "told"),
    [
        ([{"id": "a"}], "file", "there is only one document"),
        ([{"id": "a"}, {"id": "b"}], "repository", "one repository"),
        ([{"id": "a", "cluster": 1}, {"id": "b", "cluster": 1}], "file", "copies of each other"),
        ([{"id": "a", "commit_time": 1}, {"id": "b", "commit_time": 1}], "commit-time", "one time"),
    ],
)
def test_where_nothing_tells_documents_apart_none_is_held_out_and_that_is_said(
    rows: list[Row], by: str, told: str
) -> None:
    choice = choose(table([{"repo": "r", "size_bytes": 1, **row} for row in rows], by), by, SHARE)
    assert not choice.is_valid.any()
    assert told in (choice.warning or "")


@pytest.mark.parametrize("by", ["file", "repository"])
def test_two_documents_that_differ_are_never_on_one_side(by: str) -> None:
    for n in range(40):
        assert sorted(valid([{"repo": f"a{n}", "id": "a"}, {"repo": f"b{n}", "id": "b"}], by, 0.02)) == [False, True]
