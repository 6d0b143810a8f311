"""Git sources: tracked files only, and nothing that a repository brings along is ever run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from understudy.core.errors import InputDataError, ResourceError
from understudy.core.paths import Project
from understudy.core.tracking import silent
from understudy.data.sources.git_command import BareRepository

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
    assert len(make_corpus([{"git": str(repository)}], work="one", near_duplicates=None).kept()) == 4
    (repository / "new.py").write_text("new = 1\n" + CODE)
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "second")
    assert len(make_corpus([{"git": str(repository)}], work="two", near_duplicates=None).kept()) == 5
    for number, revision in enumerate(("v1", first, first[:9])):
        source = {"git": str(repository), "revision": revision}
        kept = make_corpus([source], work=f"revision{number}", near_duplicates=None).kept()
        assert (len(kept), {row["revision"] for row in kept.values()}) == (4, {first})


def test_a_fetch_that_was_killed_does_not_block_the_next(
    repository: Path, project: Project, make_corpus: MakeCorpus
) -> None:
    make_corpus([{"git": str(repository)}], work="one", near_duplicates=None)
    for clone in (project.cache / "git").iterdir():  # the commit's files, and the history
        (clone / "shallow.lock").touch()
        (clone / "HEAD").unlink()
    (repository / "new.py").write_text("new = 1\n" + CODE)
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "second")
    assert len(make_corpus([{"git": str(repository)}], work="two", near_duplicates=None).kept()) == 5


def test_a_fetch_that_ended_half_way_is_done_again(repository: Path, project: Project, make_corpus: MakeCorpus) -> None:
    """The commit is here, and nothing of what it holds: a fetch writes its objects one by one."""
    whole = make_corpus([{"git": str(repository)}], work="one").hashes()
    commit = git(repository, "cat-file", "commit", "HEAD")
    for clone in (project.cache / "git").iterdir():  # the commit's files, and the history
        shutil.rmtree(clone)
        git(repository, "init", "--quiet", "--bare", str(clone))
        (clone / "commit").write_text(commit + "\n")
        git(clone, "hash-object", "-t", "commit", "-w", "commit")
    again = make_corpus([{"git": str(repository)}], work="two")
    assert again.hashes() == whole
    assert not [record for record in again.events.records if record["event"] == "warning"]


def test_a_disk_that_fills_up_under_git_is_no_fault_of_the_source(repository: Path, project: Project) -> None:
    bare = BareRepository(project.cache / "git" / "x", str(repository), "git: repository", silent())
    for told in ("No space left on device", "Disk quota exceeded"):
        error = bare.failure(f"fatal: write error: {told}\n")
        assert isinstance(error, ResourceError) and "the disk is full" in error.message and error.hint


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
    kept = make_corpus([{"git": str(repository)}], near_duplicates=None).kept()
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


def commit(folder: Path, when: str, **files: str | None) -> None:
    """Writes (or, for None, removes) `name_py`-like files and commits them at a time."""
    for name, text in files.items():
        path = folder / name.replace("_py", ".py")
        path.unlink() if text is None else path.write_text(text)
    git(folder, "add", "--all")
    subprocess.run(
        ["git", "-C", str(folder), "commit", "--quiet", "--allow-empty", "-m", when],
        env={**os.environ, **IDENTITY, "GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when},
        check=True,
        capture_output=True,
    )


def listed(project: Project, url: Path | str, **source: Any) -> dict[str, tuple[int | None, str]]:
    """(commit time, content hash) of each file that the source gives."""
    from understudy.core.recipe import Recipe
    from understudy.core.tracking import silent
    from understudy.data.inventory import list_sources

    recipe = Recipe.model_validate({"name": "t", "data": {"sources": [{"git": str(url), **source}]}})
    return {
        entry.path: (entry.commit_time, entry.raw_id) for entry in list_sources(recipe, project, silent()).entries()
    }


def times(project: Project, url: Path | str, **source: Any) -> dict[str, int | None]:
    return {path: time for path, (time, _) in listed(project, url, **source).items()}


JANUARY, FEBRUARY, MARCH = 1_704_067_200, 1_706_745_600, 1_709_251_200  # the first days of 2024


def test_each_file_has_the_time_of_the_last_commit_that_changed_it(repository: Path, project: Project) -> None:
    commit(repository, "2024-02-01T00:00:00Z", f1_py="one = 1\n" + CODE, new_py="new = 1\n" + CODE)
    commit(repository, "2024-03-01T00:00:00Z", f2_py="two = 2\n" + CODE, f0_py=None)
    assert times(project, repository) == {
        "f1.py": FEBRUARY, "f2.py": MARCH, "f3.py": JANUARY, "new.py": FEBRUARY,
    }  # fmt: skip


def test_new_commits_change_the_times_as_a_full_walk_would(repository: Path, project: Project, tmp_path: Path) -> None:
    times(project, repository)
    git(repository, "checkout", "--quiet", "-b", "side")
    commit(repository, "2024-03-01T00:00:00Z", side_py="side = 1\n" + CODE, f3_py="three = 3\n" + CODE)
    git(repository, "checkout", "--quiet", "main")
    commit(repository, "2024-02-01T00:00:00Z", f1_py="one = 1\n" + CODE)
    git(repository, "merge", "--quiet", "-m", "merge", "side")
    continued = times(project, repository)
    assert continued == times(Project(tmp_path / "fresh"), repository)
    assert (continued["side.py"], continued["f3.py"], continued["f1.py"]) == (MARCH, MARCH, FEBRUARY)
    git(repository, "reset", "--quiet", "--hard", "HEAD~1")  # a rewritten history is walked anew
    assert times(project, repository) == times(Project(tmp_path / "fresh2"), repository)


def test_a_revision_has_the_times_of_its_own_history(repository: Path, project: Project) -> None:
    git(repository, "tag", "v1")
    commit(repository, "2024-02-01T00:00:00Z", f1_py="one = 1\n" + CODE)
    assert set(times(project, repository, revision="v1").values()) == {JANUARY}


def test_what_the_oldest_commits_of_a_shallow_clone_hold_has_no_time(
    repository: Path, project: Project, tmp_path: Path
) -> None:
    commit(repository, "2024-02-01T00:00:00Z", f1_py="one = 1\n" + CODE)
    commit(repository, "2024-03-01T00:00:00Z", f2_py="two = 2\n" + CODE)
    git(tmp_path, "clone", "--quiet", "--bare", "--depth=2", f"file://{repository}", "shallow.git")
    assert times(project, tmp_path / "shallow.git") == {"f0.py": None, "f1.py": None, "f2.py": MARCH, "f3.py": None}


def test_a_source_without_history_has_no_times(repository: Path, project: Project) -> None:
    assert set(times(project, repository, history=False).values()) == {None}


def test_paths_cannot_pass_for_commits(repository: Path, project: Project) -> None:
    sha = git(repository, "rev-parse", "HEAD")
    for name in (f"{sha} 99.py", f"\x01{sha} 99", "\nline.py"):
        (repository / name).write_text(CODE)
    git(repository, "add", ".")
    commit(repository, "2024-02-01T00:00:00Z")
    found = times(project, repository)
    assert (found["\nline.py"], found[f"{sha} 99.py"], found["f1.py"]) == (FEBRUARY, FEBRUARY, JANUARY)


def test_clocks_that_are_wrong_give_no_time(repository: Path, project: Project) -> None:
    tree = git(repository, "write-tree")
    raw = f"tree {tree}\nauthor a <a@b> 0 +0000\ncommitter a <a@b> 99999999999999 +0000\n\nfar away\n"
    sha = subprocess.run(
        ["git", "-C", str(repository), "hash-object", "-t", "commit", "-w", "--stdin"],
        input=raw, text=True, check=True, capture_output=True,
    ).stdout.strip()  # fmt: skip
    git(repository, "update-ref", "refs/heads/main", sha)
    assert set(times(project, repository).values()) == {None}


def test_only_changed_blobs_are_read_again(repository: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from understudy.data.sources import git as module

    first = listed(project, repository)
    asked: list[str] = []
    read = module.read_blobs

    def counted(folder: Path, shas: Any) -> Any:
        asked.extend(shas)
        return read(folder, shas)

    monkeypatch.setattr(module, "read_blobs", counted)
    assert listed(project, repository) == first and asked == []
    commit(repository, "2024-02-01T00:00:00Z", f1_py="one = 1\n" + CODE)
    second = listed(project, repository)
    assert asked == [git(repository, "rev-parse", "HEAD:f1.py")]
    assert {path for path in first if first[path][1] != second[path][1]} == {"f1.py"}


def canary(tmp_path: Path, name: str) -> tuple[Path, Path]:
    """(a program that leaves proof, the proof)."""
    proof, program = tmp_path / f"{name} ran", tmp_path / f"{name}.sh"
    program.write_text(f"#!/bin/sh\ntouch '{proof}'\nexit 0\n")
    program.chmod(0o755)
    return program, proof


CONFIGS = {
    "include": ["include.path={config}"],
    "included-hooks": ["core.hooksPath={hooks}"],
    "fsmonitor": ["core.fsmonitor={program}"],
    "pager": ["core.pager={program}", "pager.log={program}", "pager.ls-tree={program}"],
    "signature": ["gpg.program={program}", "log.showSignature=true", "gpg.format=openpgp"],
    "ssh": ["core.sshCommand={program}", "remote.origin.url=ssh://x/y", "remote.origin.promisor=true"],
    "ext": ["remote.origin.url=ext::{program}", "protocol.ext.allow=always", "extensions.partialClone=origin"],
    "upload-pack": ["remote.origin.uploadpack={program}", "uploadpack.packObjectsHook={program}"],
    "filters": ["filter.evil.smudge={program}", "filter.evil.clean={program}", "filter.evil.process={program}"],
    "diff": ["diff.external={program}", "diff.evil.textconv={program}", "diff.evil.command={program}"],
    "worktree": ["core.worktree={elsewhere}", "core.bare=false"],
    "alternates": ["core.alternateRefsCommand={program}", "core.alternateRefsPrefixes=refs/heads"],
    "editor": ["core.editor={program}", "sequence.editor={program}", "credential.helper={program}"],
    "alias": ["alias.log=!{program}", "alias.fetch=!{program}", "alias.cat-file=!{program}"],
    "instead": ["url.ext::{program}.insteadOf=/", "url.ext::{program}.insteadOf=file://"],
    "trace": ["trace2.eventTarget={proof}", "trace2.normalTarget={proof}"],
}


@pytest.mark.parametrize("attack", CONFIGS)
def test_no_setting_of_a_repository_runs_anything(
    attack: str, repository: Path, tmp_path: Path, project: Project
) -> None:
    program, proof = canary(tmp_path, attack)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in ("post-checkout", "reference-transaction", "pre-auto-gc", "post-index-change", "proc-receive"):
        (hooks / hook).write_text(program.read_text())
        (hooks / hook).chmod(0o755)
    config = tmp_path / "config"
    config.write_text(f"[core]\n\tfsmonitor = {program}\n\thooksPath = {hooks}\n\tpager = {program}\n")
    (repository / ".gitattributes").write_text("*.py filter=evil diff=evil export-subst\n")
    (repository / "subst.py").write_text("revision = '$Format:%H$'\n" + CODE)
    git(repository, "-c", "core.hooksPath=/dev/null", "add", ".")
    git(repository, "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "-m", "second")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for setting in CONFIGS[attack]:
        names = {"program": program, "hooks": hooks, "config": config, "proof": proof, "elsewhere": elsewhere}
        key, _, value = setting.partition("=")
        with (repository / ".git" / "config").open("a") as file:  # git itself would run some of these
            section, _, name = key.rpartition(".")
            head, dot, tail = section.partition(".")
            quoted = f'{head} "{tail.format(**names)}"' if dot else head
            file.write(f'[{quoted}]\n\t{name} = "{value.format(**names)}"\n')
    assert not proof.exists()
    found = listed(project, repository)
    python = {path for path, (_, raw_id) in found.items() if raw_id and path.endswith(".py")}
    assert python == {"f0.py", "f1.py", "f2.py", "f3.py", "subst.py"}
    assert found["subst.py"][0] == JANUARY
    again = listed(Project(tmp_path / "other"), f"file://{repository}")
    assert again == found
    assert not proof.exists() and not list(elsewhere.iterdir())


def test_the_canary_does_run_where_git_obeys_a_repository(repository: Path, tmp_path: Path) -> None:
    program, proof = canary(tmp_path, "control")
    with (repository / ".git" / "config").open("a") as file:
        file.write(f'[core]\n\tfsmonitor = "{program}"\n')
    git(repository, "status")
    assert proof.exists()


def test_submodules_that_would_run_something_are_only_named(
    repository: Path, tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    program, proof = canary(tmp_path, "submodule")
    modules = f'[submodule "evil"]\n\tpath = evil.py\n\turl = ext::{program}\n\tupdate = !{program}\n'
    (repository / ".gitmodules").write_text(modules)
    git(repository, "add", ".gitmodules")
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{head},evil.py")
    git(repository, "commit", "--quiet", "-m", "second")
    with (repository / ".git" / "config").open("a") as file:
        file.write(modules.replace("path = evil.py", "active = true"))
    corpus = make_corpus([{"git": str(repository)}], languages=["python"])
    assert corpus.rejected()["evil.py"] == ("submodule", "git mode 160000")
    assert len(corpus.kept()) == 4 and not proof.exists()


def test_objects_that_lie_elsewhere_are_objects_like_others(repository: Path, tmp_path: Path, project: Project) -> None:
    git(tmp_path, "clone", "--quiet", "--shared", str(repository), "borrowing")
    assert len(listed(project, tmp_path / "borrowing")) == 4
    (tmp_path / "borrowing" / ".git" / "objects" / "info" / "alternates").write_text("/nowhere/objects\n")
    with pytest.raises(InputDataError, match="git could not read the source"):
        listed(Project(tmp_path / "other"), tmp_path / "borrowing")


def test_a_tree_that_contains_itself_in_name_only_is_read_to_its_end(repository: Path, project: Project) -> None:
    blob = git(repository, "rev-parse", "HEAD:f0.py")
    tree = ""
    for depth in range(60):  # one tree of a few kilobytes that names 60 files, each a folder deeper
        rows = f"100644 blob {blob}\tf{depth}.py\n" + (f"040000 tree {tree}\tdeep\n" if tree else "")
        done = subprocess.run(
            ["git", "-C", str(repository), "mktree"], input=rows, text=True, check=True, capture_output=True
        )
        tree = done.stdout.strip()
    git(repository, "update-ref", "refs/heads/main", git(repository, "commit-tree", "-m", "deep", tree))
    assert len(listed(project, repository)) == 60
