"""The real command on hostile sources, with limits on memory, files and time: all is set aside, nothing is lost.

What single parts withstand stands in tests/unit/data: archives (bombs, escapes, links, devices, lying headers,
many members, damage) in test_archive.py; git (hooks, filters, pagers, submodules, every setting that runs something, a
canary that proves the test can fail) in test_git.py; folders (pipes, links, names, a gigabyte, what changes meanwhile)
in test_folder.py; Parquet and JSONL (damage, lies, bombs, endless lines) in test_parquet.py and test_jsonl.py;
notebooks in test_notebook.py; parser bombs in test_steps.py and test_parse_check.py; bait for the rules of secrets in
test_secret_rules.py. Here all of them meet in one corpus, and each step meets bait for patterns.
"""

from __future__ import annotations

import json
import resource
import subprocess
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hostile_project import BAIT, GOOD, REFUSED, write_hostile
from small_project import command, environment

MEMORY_BYTES = 6_000_000_000  # of data, in any process; a bomb that opens takes more
OPEN_FILES = 256
SECONDS = 900  # on a machine that has much else to do


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Made:
    """What the command left, and what it said."""

    def __init__(self, root: Path) -> None:
        done = subprocess.run(
            command("data", "recipe.yaml", "--json"),
            cwd=root,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            preexec_fn=limited,
        )
        assert done.returncode == 0, done.stderr
        self.root, self.stderr = root, done.stderr
        self.folder = Path(json.loads(done.stdout)["path"])
        self.rejected = self._rows("rejected")
        self.kept = self._rows("train") + self._rows("valid")

    def _rows(self, side: str) -> list[dict[str, Any]]:
        return [row for part in sorted((self.folder / side).glob("*")) for row in pq.read_table(part).to_pylist()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("hostile")
    write_hostile(root, bait_bytes=30_000)
    return Made(root)


def test_hostile_sources_end_without_a_traceback(made: Made) -> None:
    assert "Traceback" not in made.stderr and "internal error" not in made.stderr


def test_each_hostile_file_is_set_aside_with_its_reason(made: Made) -> None:
    found: dict[str, set[str]] = {}
    for row in made.rejected:
        found.setdefault(row["path"].rsplit("/", 1)[-1], set()).add(row["drop_reason"])
    wrong = {name: found.get(name) for name, reasons in REFUSED.items() if not found.get(name, set()) & reasons}
    assert not wrong
    assert all(row["drop_reason"] and row["evidence"] for row in made.rejected)


def test_good_files_beside_them_are_all_kept(made: Made) -> None:
    names = {row["path"].rsplit("/", 1)[-1] for row in made.kept}
    assert {f"{name}.py" for name in GOOD} <= names
    one_of_each = {"wide.py", "-rf.py", "new\nline.py", "Case.py", "case.py", "n" * 252 + ".py", "\\xff\\xfe.py"}
    few = {row["path"].rsplit("/", 1)[-1]: row["drop_reason"] for row in made.rejected}
    assert all(name in names or few.get(name) == "near-duplicate" for name in one_of_each), one_of_each - names
    assert {"api.py", "fine.py", "table.py", "line.py"} <= names | {n for n, r in few.items() if r == "near-duplicate"}


def test_every_file_is_in_the_corpus_or_among_the_rejected_and_the_funnel_adds_up(made: Made) -> None:
    funnel = json.loads((made.folder / "funnel.json").read_text())
    assert funnel[0]["n_in"] == len(made.kept) + len(made.rejected)
    assert funnel[0]["n_in"] - sum(step["n_dropped"] for step in funnel) == funnel[-1]["n_out"] == len(made.kept)
    rows = made.kept + made.rejected
    assert len([row for row in rows if "bait/" in row["path"]]) == 8 * len(BAIT)
    assert len([row for row in rows if row["path"].endswith(".txt.gz")]) >= 100_000


def test_nothing_of_theirs_was_run_or_written(made: Made) -> None:
    assert {path.name for path in made.root.iterdir()} == {
        "folder", "repository", "archives", "tables", "lines", "recipe.yaml", ".understudy",
    }  # fmt: skip
    assert not list(made.root.parent.glob("escape*")) and not Path("/tmp/escape.py").exists()


def test_no_file_took_its_worker_down_or_kept_it_for_longer_than_a_file_may_take(made: Made) -> None:
    reasons = {row["path"]: row["drop_reason"] for row in made.rejected}
    assert "deadly" not in reasons.values()
