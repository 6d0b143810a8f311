"""Hugging Face data sets, read by the real `datasets` package: local folders, saved ones, and its cache.

No hub is reached here: what is asked of one is that the recipe's words get there, and that its absence is told.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from understudy.core.errors import InputDataError, ResourceError
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.tracking import Events, silent
from understudy.data.inventory import list_sources
from understudy.data.listing import Listing
from understudy.data.sources.huggingface import _environment

pytest.importorskip("datasets", reason="the extra hf is not installed")
CODE = "import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf-home"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens: no hub is reached by accident


def table(first: int, n: int) -> pa.Table:
    rows = [
        {
            "content": f"number = {number}\n{CODE}",
            "max_stars_repo_path": f"f{number}.py",
            "max_stars_repo_name": "o/n",
            "max_stars_repo_licenses": ["MIT"],
            "avg_line_length": 1.5,
        }
        for number in range(first, first + n)
    ]
    return pa.Table.from_pylist(rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set as it lies in a repository on the hub."""
    data = tmp_path / "stack-sample" / "data"
    data.mkdir(parents=True)
    pq.write_table(table(0, 5), data / "train-00000-of-00002.parquet")
    pq.write_table(table(5, 4), data / "train-00001-of-00002.parquet")
    pq.write_table(table(9, 3), data / "test-00000-of-00001.parquet")
    return data.parent


def listed(project: Project, events: Events | None = None, offline: bool = True, **source: Any) -> Listing:
    recipe = Recipe.model_validate({"name": "t", "offline": offline, "data": {"sources": [source]}})
    return list_sources(recipe, project, events or silent())


def paths(listing: Listing) -> list[str]:
    return [entry.path for entry in listing.entries()]


def in_a_process(program: str, *arguments: Path | str) -> None:
    subprocess.run([sys.executable, "-c", program, *map(str, arguments)], check=True, capture_output=True)


def test_a_folder_of_parquet_files_is_read_split_by_split(folder: Path, project: Project) -> None:
    listing = listed(project, huggingface=str(folder))
    assert sorted(paths(listing)) == sorted(f"f{number}.py" for number in range(12))
    entry = next(listing.entries())
    assert (entry.repo, entry.licenses, entry.lang) == ("o/n", ("MIT",), "python")
    assert {collection.kind for collection in listing.collections} == {"parquet"}


def test_an_unchanged_data_set_is_not_exported_again_and_a_changed_one_is(folder: Path, project: Project) -> None:
    first = listed(project, huggingface=str(folder), split="test")
    again = listed(project, huggingface=str(folder), split="test")
    assert paths(first) == ["f9.py", "f10.py", "f11.py"]
    assert [item.root for item in again.collections] == [item.root for item in first.collections]
    pq.write_table(table(90, 2), folder / "data" / "test-00000-of-00001.parquet")
    assert paths(listed(project, huggingface=str(folder), split="test")) == ["f90.py", "f91.py"]


def test_what_save_to_disk_wrote_is_read(tmp_path: Path, folder: Path, project: Project) -> None:
    saved = tmp_path / "saved"
    in_a_process("import sys, datasets; datasets.load_dataset(sys.argv[1]).save_to_disk(sys.argv[2])", folder, saved)
    assert len(paths(listed(project, huggingface=str(saved)))) == 12


def test_the_local_cache_is_read_without_a_hub(tmp_path: Path, folder: Path, project: Project) -> None:
    program = (
        "import sys, shutil, datasets; from pathlib import Path\n"
        "made = Path(datasets.load_dataset(sys.argv[1])['train'].cache_files[0]['filename']).parents[4]\n"
        "(made / 'stack-sample').rename(made / 'acme___sample')\n"
        "for file in (made / 'acme___sample').rglob('*.arrow'):\n"
        "    file.rename(file.with_name(file.name.replace('stack-sample', 'sample')))\n"
        "for file in (made / 'acme___sample').rglob('dataset_info.json'):\n"
        "    file.write_text(file.read_text().replace('\"stack-sample\"', '\"sample\"'))\n"
    )
    in_a_process(program, folder)  # where the cache of a hub's `acme/sample` lies, and how its files are called
    folder.rename(folder.with_name("away"))
    listing = listed(project, huggingface="acme/sample")
    assert len(paths(listing)) == 12
    assert listing.collections[0].source == "huggingface: acme/sample"


def test_a_hub_that_cannot_be_reached_is_an_error_that_names_the_source(project: Project) -> None:
    with pytest.raises(InputDataError) as error:
        listed(project, huggingface="acme/nothing-here", offline=False)
    assert "`huggingface: acme/nothing-here`" in error.value.message and error.value.hint


def test_an_unknown_split_is_an_error_that_names_those_there_are(folder: Path, project: Project) -> None:
    with pytest.raises(InputDataError, match=r"no split 'dev', only test, train|no split 'dev', only train, test"):
        listed(project, huggingface=str(folder), split="dev")


def test_a_name_that_is_none_is_refused(project: Project) -> None:
    with pytest.raises(InputDataError, match="does not exist"):
        listed(project, huggingface="../../etc/passwd-not-there")


def test_code_that_a_data_set_brings_along_is_never_run(tmp_path: Path, folder: Path, project: Project) -> None:
    proof = tmp_path / "it ran"
    evil = f"open({str(proof)!r}, 'w')\n"
    for name in (f"{folder.name}.py", "setup.py", "__init__.py", "conftest.py", "data/test.py", "sitecustomize.py"):
        (folder / name).write_text(evil)
    (folder / "README.md").write_text("---\nconfigs:\n- config_name: default\n  data_files: data/*.parquet\n---\n")
    try:
        listed(project, huggingface=str(folder))
    except InputDataError as error:
        assert "script" in error.message
    assert not proof.exists()


def test_an_export_that_was_killed_goes_on_to_the_same_files(tmp_path: Path, folder: Path, project: Project) -> None:
    program = (
        "import json, sys; from pathlib import Path\n"
        "from understudy.data.sources import hub_child\n"
        "hub_child.PART_BYTES, hub_child.PIECE_ROWS = 200, 2\n"
        "write, left = hub_child._write, int(sys.argv[3])\n"
        "def dying(tables, path):\n"
        "    global left\n"
        "    left -= 1\n"
        "    if left < 0: raise SystemExit(9)\n"
        "    write(tables, path)\n"
        "hub_child._write = dying\n"
        "print(hub_child.main(json.loads(sys.argv[1]), Path(sys.argv[2])))\n"
    )
    wish = {"address": str(folder), "is_local": True, "way": "cache", "subset": None, "split": None, "revision": None}

    def export(target: Path, n_writes: int) -> int:
        target.mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", program, json.dumps(wish), str(target), str(n_writes)], check=False
        )
        return done.returncode

    assert [export(tmp_path / "killed", n) for n in (1, 1, 1000)] == [9, 9, 0]

    def rows(target: Path) -> list[list[str]]:
        files = sorted(target.rglob("*.parquet"))
        return [pq.read_table(file)["max_stars_repo_path"].to_pylist() for file in files]

    assert [name for part in rows(tmp_path / "killed") for name in part] == [
        f"f{number}.py" for number in (9, 10, 11, *range(9))
    ]


def test_a_missing_package_is_an_error_that_names_the_extra(
    project: Project, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("understudy.data.sources.huggingface.find_spec", lambda name: None)
    with pytest.raises(ResourceError) as error:
        listed(project, huggingface=str(folder))
    assert "understudy[hf]" in str(error.value.hint)


def test_the_hub_is_asked_without_the_hints_that_forbid_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # as `offline: true` sets it for this process
    assert "HF_HUB_OFFLINE" not in _environment("hub")
    assert _environment("cache")["HF_DATASETS_OFFLINE"] == "1"
