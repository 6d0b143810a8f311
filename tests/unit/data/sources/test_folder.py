"""Folders with everything in them that a folder can have."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from understudy.core.errors import InputDataError
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.tracking import Events, silent
from understudy.data import survey
from understudy.data.inventory import list_sources
from understudy.data.listing import Entry
from understudy.data.sources.reading import read_file

MakeCorpus = Callable[..., Any]  # the fixture `make_corpus`, which returns a Corpus
CODE = "import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n"


def write(path: Path, text: str = CODE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_every_file_is_seen_once_and_has_a_place(code: Path, make_corpus: MakeCorpus) -> None:
    write(code / "README.unknown-kind")
    write(code / "settings.toml", "# enough text to be kept\nname = 'value'\n")
    corpus = make_corpus(code, languages=["python"])
    assert corpus.rejected()["README.unknown-kind"] == ("unknown-language", ".unknown-kind")
    assert corpus.rejected()["settings.toml"] == ("language-not-wanted", "toml")
    assert len(corpus.kept()) + len(corpus.rejected()) == corpus.funnel[0]["n_in"] == 9


def test_folders_of_tools_are_passed_over_and_counted(code: Path, make_corpus: MakeCorpus) -> None:
    for folder in (".git", "node_modules/left-pad", "sub/__pycache__", ".venv/lib", "sub/.mypy_cache"):
        write(code / folder / "x.py")
    write(code / "my-environment" / "pyvenv.cfg", "home = /usr\n")
    write(code / "my-environment" / "x.py")
    corpus = make_corpus(code)
    assert len(corpus.kept()) == 7
    assert corpus.rejected() == {}
    assert corpus.statistics["passed_over"] == {
        ".git": 1, ".mypy_cache": 1, ".venv": 1, "__pycache__": 1, "node_modules": 1, "virtual environment": 1,
    }  # fmt: skip


def test_excluded_paths_are_left_out_and_counted(code: Path, make_corpus: MakeCorpus) -> None:
    write(code / "tests" / "test_a.py")
    corpus = make_corpus([{"dir": str(code), "exclude": ["tests/*", "heap*.py"]}])
    assert "heapq.py" not in corpus.kept() and "tests/test_a.py" not in corpus.kept()
    assert corpus.statistics["passed_over"] == {"excluded by the recipe": 2}


@pytest.mark.parametrize("pattern", ["team/old/*", "*/old/*", "team/old", "old"])
def test_a_repository_below_the_source_can_be_excluded_by_its_place(
    pattern: str, tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    for repo in ("old", "new"):
        (tmp_path / "all" / "team" / repo / ".git").mkdir(parents=True)
        write(tmp_path / "all" / "team" / repo / "a.py", CODE + f"# {repo}\n")
    corpus = make_corpus([{"dir": str(tmp_path / "all"), "exclude": [pattern]}])
    assert [(row["repo"], row["path"]) for row in corpus.kept().values()] == [("team/new", "a.py")]


def test_the_repository_is_the_nearest_folder_with_git_in_it(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    for number, folder in enumerate(("work/a", "work/team/b/src", "work")):
        write(tmp_path / folder / f"f{number}.py", f"number = {number}\n{CODE}")
    (tmp_path / "work" / "a" / ".git").mkdir()
    (tmp_path / "work" / "team" / "b" / ".git").write_text("gitdir: elsewhere\n")
    repos = {row["path"]: row["repo"] for row in make_corpus(tmp_path / "work").kept().values()}
    assert repos == {"f0.py": "a", "src/f1.py": "team/b", "f2.py": "work"}


def test_a_source_inside_a_repository_belongs_to_it(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    write(tmp_path / "repository" / "src" / "package" / "a.py")
    write(tmp_path / "repository" / "src" / "package" / "b.py", CODE + "x = 1\n")
    (tmp_path / "repository" / ".git").mkdir()
    kept = make_corpus(tmp_path / "repository" / "src").kept()
    assert {(row["repo"], path) for path, row in kept.items()} == {
        ("repository", "src/package/a.py"),
        ("repository", "src/package/b.py"),
    }


def test_a_given_name_is_the_repository(code: Path, make_corpus: MakeCorpus) -> None:
    (code / ".git").mkdir()
    corpus = make_corpus([{"dir": str(code), "name": "mine"}])
    assert {row["repo"] for row in corpus.kept().values()} == {"mine"}


def test_links_pipes_and_sockets_are_set_aside_without_waiting(code: Path, make_corpus: MakeCorpus) -> None:
    (code / "loop").symlink_to(code)
    (code / "itself.py").symlink_to("itself.py")
    (code / "outside.py").symlink_to("/etc/hostname")
    (code / "inside.py").symlink_to("abc.py")
    os.mkfifo(code / "pipe.py")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.relpath(code / "socket.py"))
    try:
        rejected = make_corpus(code).rejected()
    finally:
        listener.close()
    assert {path: reason for path, (reason, _) in rejected.items()} == {
        "loop": "link", "itself.py": "link", "outside.py": "link", "inside.py": "link",
        "pipe.py": "not-a-file", "socket.py": "not-a-file",
    }  # fmt: skip


def test_files_that_are_not_text_are_rejected_with_evidence(code: Path, make_corpus: MakeCorpus) -> None:
    bad = {
        "elf.py": b"\x7fELF\x02\x01\x01" + b"\0" * 100,
        "nul.py": CODE.encode() + b"\0\0",
        "latin.py": "name = 'h\xe9t\xe9rog\xe8ne'\n".encode("latin-1") * 4,
        "noise.py": bytes(range(255, -1, -1)) * 3,
        "empty.py": b"",
        "one-line.py": b"x = '" + b"a b " * 1_000 + b"'\n",
    }
    for name, data in bad.items():
        (code / name).write_bytes(data)
    corpus = make_corpus(code)
    assert {path: reason for path, (reason, _) in corpus.rejected().items()} == {
        "elf.py": "binary", "nul.py": "nul-bytes", "latin.py": "undecodable", "noise.py": "binary",
        "empty.py": "too-short", "one-line.py": "long-line",
    }  # fmt: skip
    assert all(evidence for _, evidence in corpus.rejected().values())
    assert len(corpus.kept()) == 7


def test_a_file_of_a_gigabyte_is_not_read(code: Path, make_corpus: MakeCorpus) -> None:
    with (code / "huge.py").open("wb") as file:
        file.truncate(1_000_000_000)
    reason, evidence = make_corpus(code).rejected()["huge.py"]
    assert reason == "too-large"
    assert evidence == "1,000,000,000 bytes; the limit is 1,000,000 (data.filters.max_file_bytes)"


def test_a_file_that_grows_while_it_is_read_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    # /proc files promise a size of 0 and go on: the reader must count what comes, not what was promised.
    path = Path("/proc/self/maps")
    if not path.exists():
        pytest.skip("no /proc on this system")
    assert read_file(str(path), 100).reason == "too-large"
    assert read_file(str(path), 10_000_000).data


def test_unreadable_and_vanished_files_have_their_own_reasons(tmp_path: Path) -> None:
    (tmp_path / "x.py").mkdir()
    assert read_file(str(tmp_path / "x.py"), 100).reason == "not-a-file"
    assert read_file(str(tmp_path / "gone.py"), 100).reason == "vanished"
    assert read_file(str(tmp_path / ("long" * 100)), 100).reason == "unreadable"
    (tmp_path / "link.py").symlink_to("x.py")
    assert read_file(str(tmp_path / "link.py"), 100).reason == "unreadable"


def test_a_folder_named_like_a_file_is_walked(code: Path, make_corpus: MakeCorpus) -> None:
    write(code / "x.py" / "inner.py")
    assert "x.py/inner.py" in make_corpus(code).kept()


def test_a_file_without_permission_is_rejected(code: Path, make_corpus: MakeCorpus) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (code / "secret.py").write_text(CODE)
    (code / "secret.py").chmod(0)
    (code / "closed").mkdir(mode=0)
    rejected = make_corpus(code).rejected()
    assert rejected["secret.py"] == ("unreadable", "Permission denied")
    assert rejected["closed/"] == ("unreadable", "Permission denied")


def test_strange_names_are_kept_as_valid_text(code: Path, make_corpus: MakeCorpus) -> None:
    names = [b"line\nbreak.py", b"\xff\xfe.py", b"-rf.py", b"quote'\".py", b"a" * 252 + b".py", " é中.py".encode()]
    for number, name in enumerate(names):
        (Path(os.fsdecode(os.fsencode(code) + b"/" + name))).write_text(f"number = {number}\n{CODE}")
    kept = make_corpus(code).kept()
    expected = ["line\nbreak.py", "\\xff\\xfe.py", "-rf.py", "quote'\".py", "a" * 252 + ".py", " é中.py"]
    assert [kept[name]["content"].split("\n")[0] for name in expected] == [f"number = {n}" for n in range(6)]


def test_a_file_that_changes_between_survey_and_reading_is_left_out(code: Path, project: Project) -> None:
    from understudy.core.stage import Inputs
    from understudy.data.stage import STAGE

    recipe = Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": str(code)}]}})
    surveyed = survey(recipe, project, silent())
    (code / "abc.py").write_text(CODE)
    (code / "queue.py").unlink()
    events = silent()
    figures = STAGE.run(recipe, Inputs({}, project, surveyed), project.root / "work", events)
    assert (figures["n_files_seen"], figures["n_train"] + figures["n_valid"], figures["n_rejected"]) == (7, 5, 2)
    assert any("2 files changed" in record["text"] for record in events.records if record["event"] == "warning")


def test_files_that_come_and_go_meanwhile_lose_nothing(code: Path, make_corpus: MakeCorpus) -> None:
    stop = threading.Event()

    def disturb() -> None:
        while not stop.is_set():
            for number in range(20):
                (code / f"temporary{number}.py").write_text(f"number = {number}\n{CODE}")
            for number in range(20):
                (code / f"temporary{number}.py").unlink()

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        corpus = make_corpus(code)
    finally:
        stop.set()
        thread.join()
    assert sum(not path.startswith("temporary") for path in corpus.kept()) == 7
    assert {reason for reason, _ in corpus.rejected().values()} <= {"vanished", "changed", "too-short"}


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: None, "does not exist"),
        (lambda folder: folder.mkdir(), "holds no files"),
        (lambda folder: folder.write_text("x"), "is not a folder"),
        (lambda folder: write(folder / "image.unknown-kind"), "holds no usable file (1 unknown-language)"),
        (lambda folder: (folder.mkdir(), (folder / "a.py").symlink_to("a.py")), "holds no usable file (1 link)"),
    ],
)
def test_a_source_without_code_is_an_error_that_names_it(
    prepare: object, message: str, tmp_path: Path, project: Project
) -> None:
    folder = tmp_path / "source"
    prepare(folder)  # type: ignore[operator]
    recipe = Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": str(folder)}]}})
    with pytest.raises(InputDataError) as error:
        survey(recipe, project, silent())
    assert message in error.value.message and f"`dir: {folder}`" in error.value.message
    assert error.value.hint


def test_a_line_of_two_gigabytes_is_not_read(code: Path, project: Project) -> None:
    with (code / "line.py").open("wb") as file:
        file.truncate(2_000_000_000)  # a hole: no newline in it, and no space
    entry = next(item for item in entries(code, project) if item.path == "line.py")
    assert (entry.reason, entry.size_bytes, entry.raw_id) == ("too-large", 2_000_000_000, "")


def test_names_that_differ_by_case_alone_are_both_kept_and_told(code: Path, project: Project) -> None:
    for number, name in enumerate(("Makefile.py", "makefile.py", "MAKEFILE.py")):
        write(code / name, f"number = {number}\n{CODE}")
    events = silent()
    listed = [item.path for item in entries(code, project, events) if item.path.lower() == "makefile.py"]
    if len(listed) < 3:
        pytest.skip("this disk does not tell case apart")
    assert listed == ["MAKEFILE.py", "Makefile.py", "makefile.py"]
    (note,) = (record["text"] for record in events.records if record["event"] == "note")
    assert note.startswith("2 names differ from another by case alone, ")


def test_links_that_lead_in_circles_are_not_followed(code: Path, project: Project) -> None:
    (code / "a").mkdir()
    (code / "b").mkdir()
    (code / "a" / "to-b").symlink_to(code / "b")
    (code / "b" / "to-a").symlink_to(code / "a")
    (code / "up").symlink_to("..")
    assert {item.path: item.reason for item in entries(code, project) if item.reason} == {
        "a/to-b": "link", "b/to-a": "link", "up": "link",
    }  # fmt: skip


def test_what_a_source_declares_stands_in_its_collection(code: Path, project: Project) -> None:
    recipe = Recipe.model_validate(
        {"name": "t", "data": {"sources": [{"dir": str(code), "weight": 0.5, "license": "MIT OR Apache-2.0"}]}}
    )
    (collection,) = list_sources(recipe, project, silent()).collections
    assert (collection.weight, collection.licenses) == (0.5, ("MIT OR Apache-2.0",))


@pytest.mark.parametrize("wrong", [{"weight": 0}, {"weight": -1}, {"license": "; rm -rf"}, {"split": "train"}])
def test_a_source_with_a_wrong_value_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": "code", **wrong}]}})


def entries(folder: Path, project: Project, events: Events | None = None) -> list[Entry]:
    recipe = Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": str(folder)}]}})
    return list(list_sources(recipe, project, events or silent()).entries())
