"""Licences in a corpus: what rules each file, what the recipe takes, and what is told of it afterwards."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from understudy.core.errors import RecipeError
from understudy.core.paths import Project, read_json
from understudy.core.recipe import Recipe
from understudy.core.tracking import silent
from understudy.data.inventory import list_sources
from understudy.data.sources import archive

pytestmark = pytest.mark.usefixtures("in_this_process")

TEXTS = Path(__file__).parents[2] / "fixtures" / "licenses"
SPDX = "# SPDX-License-Identifier: {}\n"


@pytest.fixture
def repositories(tmp_path: Path, code: Path) -> Path:
    """`free` is under MIT with a folder under AGPL, `bound` under GPL with a file under MIT, `silent` says nothing."""
    modules = [path for path in sorted(code.glob("*.py")) if path.stem != "abc"]  # that one names a licence itself
    top = tmp_path / "repositories"
    places = ("free/a.py", "free/server/b.py", "bound/c.py", "bound/d.py", "silent/e.py")
    for place, module in zip(places, modules, strict=False):
        (top / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(module, top / place)
    for name in ("free", "bound", "silent"):
        (top / name / ".git").mkdir()
    shutil.copyfile(TEXTS / "MIT.txt", top / "free" / "LICENSE")
    shutil.copyfile(TEXTS / "AGPL-3.0-only.txt", top / "free" / "server" / "LICENSE")
    shutil.copyfile(TEXTS / "GPL-3.0-only.txt", top / "bound" / "COPYING")
    (top / "bound" / "d.py").write_text(SPDX.format("MIT OR Zlib") + (top / "bound" / "d.py").read_text())
    return top


def licenses_of(corpus: Any) -> dict[str, list[str]]:
    sides = ("train", "valid", "rejected")
    return {f"{row['repo']}/{row['path']}": row["licenses"] for side in sides for row in corpus.rows(side)}


ALL = {
    "free/a.py": ["MIT"],
    "free/server/b.py": ["AGPL-3.0-only"],
    "bound/c.py": ["GPL-3.0-only"],
    "bound/d.py": ["MIT OR Zlib"],
    "silent/e.py": [],
}


def told(corpus: Any) -> dict[str, tuple[str, str]]:
    return {f"{row['repo']}/{row['path']}": (row["drop_reason"], row["evidence"]) for row in corpus.rows("rejected")
            if row["drop_reason"].startswith("license")}  # fmt: skip


def test_every_row_has_the_licence_that_rules_it(repositories: Path, make_corpus: Any) -> None:
    corpus = make_corpus(repositories)
    found = licenses_of(corpus)
    assert {name: found[name] for name in ALL} == ALL
    assert told(corpus) == {}


def test_permissive_leaves_out_the_others_with_the_file_that_says_so(repositories: Path, make_corpus: Any) -> None:
    corpus = make_corpus(repositories, licenses={"allow": "permissive"})
    assert told(corpus) == {
        "free/server/b.py": ("license", "AGPL-3.0-only from server/LICENSE"),
        "bound/c.py": ("license", "GPL-3.0-only from COPYING"),
    }
    assert {name: found for name, found in licenses_of(corpus).items() if name in ALL} == ALL


def test_unknown_and_denied_licences_are_dropped_for_their_own_reasons(repositories: Path, make_corpus: Any) -> None:
    corpus = make_corpus(repositories, licenses={"unknown": "drop", "deny": ["AGPL-3.0"]})
    reasons = {name: reason for name, (reason, _) in told(corpus).items()}
    assert reasons == {"free/server/b.py": "license", "silent/e.py": "license-unknown"}
    steps = {step["step"]: step["n_dropped"] for step in corpus.funnel}
    assert steps["license"] == 2


def test_named_licences_alone_are_taken_and_of_alternatives_one_is_enough(repositories: Path, make_corpus: Any) -> None:
    corpus = make_corpus(repositories, licenses={"allow": ["Zlib"]})
    assert set(told(corpus)) == {"free/a.py", "free/server/b.py", "bound/c.py"}


def test_the_recipes_word_counts_where_nothing_else_says_a_licence(repositories: Path, make_corpus: Any) -> None:
    corpus = make_corpus([{"dir": str(repositories), "license": "Apache-2.0"}])
    assert {name: found for name, found in licenses_of(corpus).items() if name in ALL} == {
        **ALL,
        "silent/e.py": ["Apache-2.0"],
    }


def test_the_summary_counts_bytes_and_names_every_repository(repositories: Path, make_corpus: Any) -> None:
    corpus = make_corpus(repositories)
    summary = read_json(corpus.folder / "licenses.json")
    kept = [*corpus.rows("train"), *corpus.rows("valid")]
    assert sum(group["size_bytes"] for group in summary["by_license"].values()) == sum(
        row["size_bytes"] for row in kept
    )
    assert set(summary["by_id"]) <= {"MIT", "Zlib", "AGPL-3.0-only", "GPL-3.0-only", "unknown"}
    named = {entry["repository"]: entry for entry in summary["attribution"]}
    assert set(named) == {row["repo"] for row in kept}
    assert "LICENSE" in named["free"]["found_in"]


def test_another_licence_makes_another_corpus(repositories: Path, project: Project) -> None:
    recipe = Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": str(repositories)}]}})
    before = list_sources(recipe, project, silent()).fingerprint()
    (repositories / "silent" / "logo.bin").write_text("nothing about it")
    assert list_sources(recipe, project, silent()).fingerprint() == before
    shutil.copyfile(TEXTS / "ISC.txt", repositories / "silent" / "LICENSE")
    assert list_sources(recipe, project, silent()).fingerprint() != before


def test_a_part_of_a_repository_is_under_the_licence_at_its_top(repositories: Path, make_corpus: Any) -> None:
    (repositories / "free" / "lib" / "deep").mkdir(parents=True)
    shutil.move(repositories / "free" / "a.py", repositories / "free" / "lib" / "deep" / "a.py")
    corpus = make_corpus(repositories / "free" / "lib")
    assert licenses_of(corpus) == {"free/lib/deep/a.py": ["MIT"]}


def test_git_and_archives_are_read_for_licences_like_folders(
    repositories: Path, tmp_path: Path, make_corpus: Any
) -> None:
    source = repositories / "bound"
    shutil.rmtree(source / ".git")
    with tarfile.open(tmp_path / "bound.tar.gz", "w:gz") as tar:
        tar.add(source, "bound")
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "-m", "x"], check=True)
    expected = {"bound/c.py": ["GPL-3.0-only"], "bound/d.py": ["MIT OR Zlib"]}
    for number, kind in enumerate(({"git": str(source)}, {"archive": str(tmp_path / "bound.tar.gz")})):
        found = licenses_of(make_corpus([kind], work=f"work{number}"))
        assert {name: found[name] for name in expected} == expected


def test_an_unchanged_archive_is_not_unpacked_again_for_its_licences(
    tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x-1.0.tar"
    with tarfile.open(path, "w") as tar:
        for name, data in (("x-1.0/PKG-INFO", b"License: MIT\n"), ("x-1.0/a.py", b"x = 1\n" * 20)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    import os

    os.utime(path, (1_000_000_000, 1_000_000_000))
    recipe = Recipe.model_validate({"name": "t", "data": {"sources": [{"archive": str(path)}]}})
    first = list_sources(recipe, project, silent())
    monkeypatch.setattr(archive, "_members", None)
    again = list_sources(recipe, project, silent())
    assert again.collections[0].found_licenses == first.collections[0].found_licenses != {}


def test_a_licence_that_does_not_exist_is_told_before_anything_is_read(tmp_path: Path, project: Project) -> None:
    data = {"sources": [{"dir": str(tmp_path / "nowhere")}], "licenses": {"allow": ["MTI"]}}
    with pytest.raises(RecipeError, match="MTI"):
        list_sources(Recipe.model_validate({"name": "t", "data": data}), project, silent())
