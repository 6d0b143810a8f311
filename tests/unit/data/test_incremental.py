"""What did not change is not worked on again, and the corpus is the one that a build from nothing makes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from understudy.core.paths import Project

MakeCorpus = Callable[..., Any]
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
CODE = "import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n"


def batches(project: Project) -> dict[str, int]:
    """Every batch in the cache, and when it was made."""
    return {path.stem: path.stat().st_mtime_ns for path in (project.cache / "batches").glob("*.done")}


class Sources:
    """A folder, a git repository and an archive, each of a part of the library, and what a recipe calls them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for place, package in (("folder", "asyncio"), ("git", "unittest"), ("archive", "email")):
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(LIBRARY / package, root / place / package, ignore=ignore)
        self._git("init", "-q", "-b", "main")
        self.pack()

    def recipe(self) -> list[dict[str, Any]]:
        return [
            {"dir": str(self.root / "folder")},
            {"git": str(self.root / "git"), "name": "acme/api"},
            {"archive": str(self.root / "packed.tar"), "weight": 2.0},
        ]

    def pack(self) -> None:
        """Bring the repository and the archive to what lies in their folders."""
        self._git("add", "-A")
        self._git("commit", "-q", "--allow-empty", "-m", "work")
        with tarfile.open(self.root / "packed.tar", "w") as file:
            for path in sorted((self.root / "archive").rglob("*.py")):
                file.add(path, path.relative_to(self.root / "archive"))

    def _git(self, *arguments: str) -> None:
        mine = {f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        none = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(["git", *arguments], cwd=self.root / "git", env=os.environ | mine | none, check=True)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sources]:
    monkeypatch.setattr("understudy.data.portions.LEAST_BYTES", 40_000)
    monkeypatch.setattr("understudy.data.portions.FURTHER_BYTES", 40_000)
    yield Sources(tmp_path / "sources")


def edited(root: Path) -> None:
    file = root / "git" / "unittest" / "loader.py"
    file.write_text(file.read_text() + "\n\nCHANGED = True\n")


def added(root: Path) -> None:
    (root / "folder" / "asyncio" / "more.py").write_text(CODE)


def deleted(root: Path) -> None:
    (root / "archive" / "email" / "charset.py").unlink()


def renamed(root: Path) -> None:
    (root / "git" / "unittest" / "suite.py").rename(root / "git" / "unittest" / "a_suite.py")


def copied(root: Path) -> None:
    """A copy in another repository, nearly: which of the two stays is decided anew."""
    text = (root / "git" / "unittest" / "case.py").read_text()
    (root / "folder" / "asyncio" / "case.py").write_text(text + "\n\nCHANGED = True\n")


def test_after_each_change_only_its_batches_are_made_and_the_corpus_is_that_of_a_full_build(
    sources: Sources, project: Project, make_corpus: MakeCorpus
) -> None:
    make_corpus(sources.recipe())
    assert len(batches(project)) > 30
    for change in (edited, added, deleted, renamed, copied):
        change(sources.root)
        sources.pack()
        before = batches(project)
        corpus = make_corpus(sources.recipe(), work=change.__name__)
        n_made = len(batches(project).items() - before.items())
        assert 1 <= n_made <= 6, f"{change.__name__}: {n_made} batches were made"
        aside = project.cache.rename(project.root / f"cache before {change.__name__}")
        assert make_corpus(sources.recipe(), work="fresh").hashes() == corpus.hashes(), change.__name__
        shutil.rmtree(project.cache)
        aside.rename(project.cache)


def test_what_the_recipe_says_beside_the_steps_makes_no_batch_again(
    sources: Sources, project: Project, make_corpus: MakeCorpus, tmp_path: Path
) -> None:
    make_corpus(sources.recipe())
    (tmp_path / "opt-out.txt").write_text("acme/api:unittest/mock.py\n")
    heavier = [{**source, "weight": 3.0} for source in sources.recipe()]
    changes: list[tuple[int, dict[str, Any]]] = [
        (0, {"split": {"valid": 0.3}}),
        (0, {"licenses": {"allow": "any", "deny": ["AGPL-3.0-only"]}}),
        (0, {"sources": heavier}),
        (3, {"opt_out": str(tmp_path / "opt-out.txt")}),  # the parse check no longer meets what is left out
    ]
    for most, data in changes:
        before = batches(project)
        corpus = make_corpus(**{"sources": sources.recipe(), "work": "again", **data})
        n_made = len(batches(project).items() - before.items())
        assert n_made <= most, f"{data}: {n_made} batches were made"
        assert corpus.figures["n_train"] > 20


def test_a_recipe_that_asks_other_things_of_the_files_makes_them_all_again(
    sources: Sources, project: Project, make_corpus: MakeCorpus
) -> None:
    make_corpus(sources.recipe())
    before = batches(project)
    make_corpus(sources.recipe(), work="again", redact={"emails": "keep"})
    assert len(batches(project).keys() - before.keys()) > 15


def test_no_process_is_started_where_every_batch_is_there(
    code: Path, make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_corpus(code).hashes()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("understudy.data.compute.crew.subprocess.Popen", refuse)
    assert make_corpus(code, work="again").hashes() == first


def test_going_back_to_an_earlier_state_makes_nothing_again(
    code: Path, project: Project, make_corpus: MakeCorpus
) -> None:
    first = make_corpus(code).hashes()
    text = (code / "abc.py").read_text()
    (code / "abc.py").write_text(text + "\n\nCHANGED = True\n")
    make_corpus(code, work="changed")
    before = batches(project)
    (code / "abc.py").write_text(text)
    assert make_corpus(code).hashes() == first
    assert batches(project) == before


@pytest.mark.parametrize("ending", ["arrow", "parquet", "done"])
def test_a_bit_that_a_disk_flipped_in_a_batch_is_noticed_and_the_batch_made_again(
    code: Path, project: Project, make_corpus: MakeCorpus, ending: str
) -> None:
    first = make_corpus(code).hashes()
    for path in (project.cache / "batches").glob(f"*.{ending}"):
        damaged = bytearray(path.read_bytes())
        damaged[len(damaged) // 2] ^= 16
        path.write_bytes(damaged)
    assert make_corpus(code, work="again").hashes() == first
