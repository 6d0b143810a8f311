"""Git sources: tracked files only, and nothing that a repository brings along is ever run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from understudy.core.errors import InputDataError
from understudy.core.paths import Project

MakeCorpus = Callable[..., Any]  # the fixture `make_corpus`, which returns a Corpus
CODE = "import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n"
IDENTITY = {
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.com", "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
}  # fmt: skip


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**os.environ, **IDENTITY},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for number in range(4):
        (folder / f"f{number}.py").write_text(f"number = {number}\n{CODE}")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def test_tracked_files_of_the_commit_are_read(repository: Path, make_corpus: MakeCorpus) -> None:
    (repository / "untracked.py").write_text(CODE)
    (repository / "f0.py").write_text("changed, and not committed\n" + CODE)
    kept = make_corpus([{"git": str(repository)}]).kept()
    assert sorted(kept) == ["f0.py", "f1.py", "f2.py", "f3.py"]
    assert kept["f0.py"]["content"] == f"number = 0\n{CODE}"
    assert {(row["repo"], row["revision"]) for row in kept.values()} == {
        ("repository", git(repository, "rev-parse", "HEAD"))
    }


def test_excluded_names_are_left_out_at_any_depth_as_in_a_folder(repository: Path, make_corpus: MakeCorpus) -> None:
    (repository / "inner").mkdir()
    (repository / "inner" / "f3.py").write_text("inner = 1\n" + CODE)
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "second")
    assert sorted(make_corpus([{"git": str(repository), "exclude": ["f3.py"]}]).kept()) == ["f0.py", "f1.py", "f2.py"]


def test_a_new_commit_is_fetched_and_a_revision_stays(repository: Path, make_corpus: MakeCorpus) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "v1")
    assert len(make_corpus([{"git": str(repository)}], work="one").kept()) == 4
    (repository / "new.py").write_text("new = 1\n" + CODE)
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "second")
    assert len(make_corpus([{"git": str(repository)}], work="two").kept()) == 5
    for number, revision in enumerate(("v1", first, first[:9])):
        source = {"git": str(repository), "revision": revision}
        kept = make_corpus([source], work=f"revision{number}").kept()
        assert (len(kept), {row["revision"] for row in kept.values()}) == (4, {first})


def test_a_fetch_that_was_killed_does_not_block_the_next(
    repository: Path, project: Project, make_corpus: MakeCorpus
) -> None:
    make_corpus([{"git": str(repository)}], work="one")
    for clone in (project.cache / "git").iterdir():  # the commit's files, and the history
        (clone / "shallow.lock").touch()
        (clone / "HEAD").unlink()
    (repository / "new.py").write_text("new = 1\n" + CODE)
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "second")
    assert len(make_corpus([{"git": str(repository)}], work="two").kept()) == 5


def test_a_remote_that_cannot_be_reached_is_replaced_by_what_was_fetched(
    repository: Path, make_corpus: MakeCorpus
) -> None:
    source = [{"git": f"file://{repository}"}]
    first = make_corpus(source, work="one")
    repository.rename(repository.with_name("away"))
    second = make_corpus(source, work="two")
    assert second.hashes() == first.hashes()
    (warning,) = (record["text"] for record in second.events.records if record["event"] == "warning")
    assert "fetched before" in warning


def test_links_and_submodules_are_set_aside(repository: Path, make_corpus: MakeCorpus) -> None:
    (repository / "link.py").symlink_to("/etc/passwd")
    git(repository, "add", "link.py")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{git(repository, 'rev-parse', 'HEAD')},module.py")
    git(repository, "commit", "--quiet", "-m", "second")
    assert make_corpus([{"git": str(repository)}]).rejected() == {
        "link.py": ("link", "git mode 120000"),
        "module.py": ("submodule", "git mode 160000"),
    }


def test_names_that_look_like_options_or_are_not_text(repository: Path, make_corpus: MakeCorpus) -> None:
    names = [b"-rf.py", b"new\nline.py", b"tab\there.py", b"\xff.py", b"--upload-pack=touch evil.py"]
    for number, name in enumerate(names):
        Path(os.fsdecode(os.fsencode(repository) + b"/" + name)).write_text(f"strange = {number}\n{CODE}")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "second")
    kept = make_corpus([{"git": str(repository)}]).kept()
    expected = {"-rf.py", "new\nline.py", "tab\there.py", "\\xff.py", "--upload-pack=touch evil.py"}
    assert expected < set(kept) and len(kept) == 9


def test_nothing_of_a_hostile_repository_is_run(repository: Path, tmp_path: Path, make_corpus: MakeCorpus) -> None:
    proof = tmp_path / "it ran"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch '{proof}'\n")
    script.chmod(0o755)
    hooks = repository / ".git" / "hooks"
    for hook in (
        "post-checkout",
        "pre-auto-gc",
        "post-merge",
        "reference-transaction",
        "post-index-change",
        "pre-push",
    ):
        (hooks / hook).write_text(script.read_text())
        (hooks / hook).chmod(0o755)
    (repository / ".gitattributes").write_text("*.py filter=evil diff=evil\n")
    git(repository, "-c", "core.hooksPath=/dev/null", "add", ".gitattributes")
    git(repository, "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "-m", "second")
    for key in (
        "core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.askPass", "diff.external",
        "filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "diff.evil.textconv", "diff.evil.command",
        "uploadpack.packObjectsHook", "core.alternateRefsCommand", "credential.helper", "core.gitProxy", "alias.fetch",
    ):  # fmt: skip
        git(repository, "config", key, str(script))
    git(repository, "config", "protocol.ext.allow", "always")
    git(repository, "config", "remote.origin.url", f"ext::{script}")
    git(repository, "config", "remote.origin.promisor", "true")
    assert not proof.exists()
    assert len(make_corpus([{"git": str(repository)}]).kept()) == 4
    assert not proof.exists()


@pytest.mark.parametrize(
    "address", ["ext::sh -c touch% evil", "-oProxyCommand=evil", "--upload-pack=evil", "no/such/folder"]
)
def test_addresses_that_could_run_something_or_do_not_exist_are_refused(address: str, make_corpus: MakeCorpus) -> None:
    with pytest.raises(InputDataError) as error:
        make_corpus([{"git": address}])
    assert address in error.value.message and error.value.hint


def test_a_repository_without_a_commit_is_an_error(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    git(tmp_path, "init", "--quiet", "empty")
    with pytest.raises(InputDataError, match="has no commit yet"):
        make_corpus([{"git": str(tmp_path / "empty")}])


def test_a_folder_that_is_no_repository_is_an_error(code: Path, make_corpus: MakeCorpus) -> None:
    with pytest.raises(InputDataError, match="git could not read the source"):
        make_corpus([{"git": str(code)}])


def test_an_unknown_revision_is_an_error_that_names_it(repository: Path, make_corpus: MakeCorpus) -> None:
    with pytest.raises(InputDataError, match="no revision 'v9'"):
        make_corpus([{"git": str(repository), "revision": "v9"}])
