"""The funnel by group adds up to the whole, however many groups there are."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from understudy.core.tracking import silent
from understudy.data.compute import Checkpoints
from understudy.data.compute.local import LocalCompute
from understudy.data.figures import breakdown


def catalog(n: int) -> pa.Table:
    """Rows of `n` repositories, of which repository i has i + 1 files, every third one dropped."""
    rows = [(repo, file) for repo in range(n) for file in range(repo + 1)]
    return pa.table(
        {
            "lang": pa.array([["python", None, ""][file % 3] for _, file in rows], pa.string()),
            "repo": [f"r{repo:03d}" for repo, _ in rows],
            "licenses": pa.array([[["MIT"], ["MIT", "BSD-3-Clause"], []][repo % 3] for repo, _ in rows]),
            "dropped_by": pa.array(["length" if at % 3 == 0 else None for at in range(len(rows))], pa.string()),
            "size_bytes": pa.array([10] * len(rows), pa.int64()),
        }
    )


@pytest.mark.parametrize("n", [1, 7, 30])
def test_groups_and_the_others_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    monkeypatch.setattr(breakdown, "GROUPS", 5)
    rows = catalog(n)
    compute = LocalCompute(Checkpoints(tmp_path), 1, silent())
    found = breakdown.breakdown(compute, rows)
    compute.close()
    dropped = rows["dropped_by"].to_pylist().count("length")
    for entry in found.values():
        groups = [*entry["groups"].values(), entry["others"]]
        assert sum(group["n_in"] for group in groups) == len(rows)
        assert sum(group["dropped"].get("length", 0) for group in groups) == dropped
        assert sum(group["size_bytes_kept"] for group in groups) == 10 * (len(rows) - dropped)
    assert len(found["repository"]["groups"]) == min(n, 5)
    assert found["repository"]["n_groups"] == n


def test_unknown_languages_and_licences_have_one_name(tmp_path: Path) -> None:
    compute = LocalCompute(Checkpoints(tmp_path), 1, silent())
    found = breakdown.breakdown(compute, catalog(9))
    compute.close()
    assert set(found["language"]["groups"]) == {"python", "unknown"}
    assert set(found["license"]["groups"]) == {"MIT", "MIT AND BSD-3-Clause", "unknown"}
