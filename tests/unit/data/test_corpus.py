"""The whole stage: what it writes, that it adds up, and that nothing but the input decides it."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy.core.errors import InputDataError, Interrupted, RecipeError
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import silent
from understudy.data import survey
from understudy.data.compute import Checkpoints, Compute, local
from understudy.data.documents import CORPUS_SCHEMA, REJECTED_SCHEMA
from understudy.data.sources.reading import raw_id
from understudy.data.stage import STAGE

MakeCorpus = Callable[..., Any]  # the fixture `make_corpus`, which returns a Corpus
CODE = "import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n"

LIBRARY = Path(sysconfig.get_paths()["stdlib"])


def adds_up(corpus: Any) -> None:
    """Every promise about the numbers of a corpus."""
    funnel = corpus.funnel
    sides = {side: corpus.rows(side) for side in ("train", "valid", "rejected")}
    assert funnel[0]["n_in"] == sum(map(len, sides.values())) == corpus.figures["n_files_seen"]
    assert funnel[-1]["n_out"] == len(sides["train"]) + len(sides["valid"])
    for step, following in itertools.pairwise(funnel):
        assert step["n_out"] == step["n_in"] - step["n_dropped"] == following["n_in"]
        assert step["size_bytes_in"] - step["size_bytes_dropped"] == following["size_bytes_in"]
    for step in funnel:
        assert step["n_dropped"] == sum(step["reasons"].values())
        mine = [row for row in sides["rejected"] if row["dropped_by"] == step["step"]]
        assert step["n_dropped"] == len(mine)
        assert step["size_bytes_dropped"] == sum(row["size_bytes"] for row in mine)
    assert all(row["drop_reason"] and row["evidence"] is not None for row in sides["rejected"])
    for side in ("train", "valid"):
        assert all(row["id"] == raw_id(row["content"].encode()) for row in sides[side])
    for rows in sides.values():
        names = [(row["repo"].encode(), row["path"].encode()) for row in rows]
        assert names == sorted(names)
    totals = corpus.statistics["totals"]
    assert {side: total["n_files"] for side, total in totals.items()} == {
        side: len(rows) for side, rows in sides.items()
    }


def test_a_real_library_adds_up(library: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(library)
    adds_up(corpus)
    assert corpus.figures["n_train"] > 100 and corpus.figures["n_valid"] > 3
    assert {"generated", "too-short"} <= set(corpus.statistics["rejected"])
    assert 0 < len(corpus.statistics["rejected"]["generated"]["examples"]) <= 5
    kept = corpus.figures["n_train"] + corpus.figures["n_valid"]
    assert kept == sum(group["n_files"] for group in corpus.statistics["by_language"].values())
    assert kept == sum(group["n_files"] for group in corpus.statistics["by_repository"].values())


def test_the_files_have_the_columns_that_readers_expect(code: Path, make_corpus: MakeCorpus) -> None:
    (code / "broken.py").write_text("def f(:\n    return None  # this is no Python\n")
    corpus = make_corpus(code)
    for side, schema in (("train", CORPUS_SCHEMA), ("valid", CORPUS_SCHEMA), ("rejected", REJECTED_SCHEMA)):
        assert pq.read_schema(corpus.folder / side / "part-00000.parquet").equals(schema)
    (rejected,) = corpus.rows("rejected")
    assert rejected["content"].startswith("def f(:") and rejected["dropped_by"] == "unparsable"
    assert rejected["evidence"].startswith("line 1: ")


FILES = st.dictionaries(
    st.text("abcxyz", min_size=1, max_size=3).map(lambda name: f"{name}.py") | st.sampled_from(["a.js", "b.other"]),
    st.sampled_from([b"", b"x = 1\n", CODE.encode(), CODE.encode() * 2, b"\xff\xfe\xfd" * 20, b"\0" * 99, b"f(:\n" * 9])
    | st.binary(max_size=80)
    | st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
    max_size=12,
)  # fmt: skip


@pytest.mark.usefixtures("in_this_process")
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=FILES)
def test_the_funnel_adds_up_whatever_the_files_hold(
    files: dict[str, bytes], tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    folder = tmp_path / "any"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "good.py").write_text(CODE + "# the one that is always there\n")
    (folder / "well.py").write_text(CODE + "# and another\n")
    adds_up(make_corpus(folder, work="any"))


@pytest.mark.usefixtures("in_this_process")
def test_copies_are_dropped_and_name_the_one_that_is_kept(code: Path, make_corpus: MakeCorpus) -> None:
    (code / "a").mkdir()
    for name in ("zzz.py", "a/first.py", "a/second.py"):
        (code / name).write_text(CODE + "# three times\n")
    corpus = make_corpus(code)
    assert "a/first.py" in corpus.kept()
    assert corpus.rejected() == {
        "a/second.py": ("duplicate", "same content as code/a/first.py"),
        "zzz.py": ("duplicate", "same content as code/a/first.py"),
    }
    kept_all = make_corpus(code, work="all", drop=["unparsable"], near_duplicates=None)
    assert {"zzz.py", "a/first.py", "a/second.py"} <= set(kept_all.kept())


def test_documents_that_are_equal_once_redacted_are_copies(code: Path, make_corpus: MakeCorpus) -> None:
    for name in ("one", "two"):
        (code / f"{name}.py").write_text(f"# {name}@gmail.com\n{CODE}")
    corpus = make_corpus(code)
    assert corpus.kept()["one.py"]["content"].startswith("# <EMAIL>\n")
    assert corpus.kept()["one.py"]["redactions"] == 1
    assert corpus.rejected()["two.py"][0] == "duplicate"
    assert corpus.statistics["redactions"]["email"] >= 1


@pytest.mark.usefixtures("in_this_process")
def test_what_is_private_is_redacted_or_drops_the_file_or_stays(code: Path, make_corpus: MakeCorpus) -> None:
    text = f"HOST = '93.184.216.34'\n{CODE}"
    (code / "host.py").write_text(text)
    assert make_corpus(code, work="1").kept()["host.py"]["content"].startswith("HOST = '<IP_ADDRESS>'")
    assert make_corpus(code, work="2", redact={"ip_addresses": "keep"}).kept()["host.py"]["content"] == text
    dropped = make_corpus(code, work="3", redact={"ip_addresses": "drop"})
    assert dropped.rejected()["host.py"] == ("ip-address", "line 1: ip-address, 1 in all")
    (row,) = dropped.rows("rejected")
    assert "93.184" not in row["content"]


@pytest.mark.usefixtures("in_this_process")
def test_the_split_holds_out_the_share_and_moves_no_file_when_others_come(
    library: Path, tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    folder = tmp_path / "half"
    shutil.copytree(library / "email", folder / "email")
    before = {row["path"] for row in make_corpus(folder, work="before", split={"valid": 0.2}).rows("valid")}
    shutil.copytree(library / "asyncio", folder / "asyncio")
    after = make_corpus(folder, work="after", split={"valid": 0.2})
    assert {path for path in (row["path"] for row in after.rows("valid")) if path.startswith("email")} == before
    assert 0.08 < after.figures["n_valid"] / (after.figures["n_valid"] + after.figures["n_train"]) < 0.35


@pytest.mark.usefixtures("in_this_process")
def test_a_split_by_repository_cuts_through_none(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    for repository in range(12):
        for number in range(3):
            path = tmp_path / "work" / f"r{repository}" / f"f{number}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"repository, number = {repository}, {number}\n{CODE}")
        (path.parent / ".git").mkdir()
    corpus = make_corpus(tmp_path / "work", split={"by": "repository", "valid": 0.3})
    train, valid = ({row["repo"] for row in corpus.rows(side)} for side in ("train", "valid"))
    assert train and valid and not train & valid and len(train | valid) == 12


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("valid", [0.000001, 0.89])
def test_neither_side_of_the_split_is_empty_when_it_can_be_helped(
    valid: float, tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    (tmp_path / "two").mkdir()
    for name in ("one", "two"):
        (tmp_path / "two" / f"{name}.py").write_text(f"name = '{name}'\n{CODE}")
    corpus = make_corpus(tmp_path / "two", split={"valid": valid})
    assert (corpus.figures["n_train"], corpus.figures["n_valid"]) == (1, 1)


@pytest.mark.usefixtures("in_this_process")
def test_one_document_goes_to_training_with_a_warning(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.py").write_text(CODE)
    corpus = make_corpus(tmp_path / "one", split={"valid": 0.8})
    assert (corpus.figures["n_train"], corpus.figures["n_valid"]) == (1, 0)
    assert [r["text"] for r in corpus.events.records if r["event"] == "warning"] == [
        "nothing is held out: there is only one document"
    ]


def test_no_document_left_is_an_error_with_a_next_step(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.py").write_text("x = 1\n")
    with pytest.raises(InputDataError, match="no document is left") as error:
        make_corpus(tmp_path / "none")
    assert error.value.hint and "data.filters" in error.value.hint


def test_an_unknown_language_in_the_recipe_is_an_error_that_names_the_nearest(
    code: Path, make_corpus: MakeCorpus
) -> None:
    with pytest.raises(RecipeError) as error:
        make_corpus(code, languages=["pyton"])
    assert error.value.hint == "did you mean 'python'?"


def test_the_bytes_do_not_depend_on_workers_batches_or_the_folder(
    library: Path,
    tmp_path: Path,
    make_corpus: MakeCorpus,
    undisturbed: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def one_worker(checkpoints: Checkpoints, size_bytes: int, events: Any, settings: Any) -> Compute:
        return local.LocalCompute(checkpoints, 1, events)

    monkeypatch.setattr(local, "open_compute", one_worker)
    monkeypatch.setattr("understudy.data.portions.LEAST_BYTES", 150_000)
    moved = tmp_path / "elsewhere" / library.name
    shutil.copytree(library, moved)
    corpus, first = make_corpus(moved), make_corpus(library, work="first")
    assert first.hashes() == undisturbed
    for side in ("train", "valid", "rejected"):
        assert [row | {"source": ""} for row in corpus.rows(side)] == [row | {"source": ""} for row in first.rows(side)]


@pytest.mark.usefixtures("in_this_process")
def test_small_parts_and_groups_hold_the_same_rows(
    code: Path, make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_corpus(code, work="whole")
    monkeypatch.setattr("understudy.data.parts.PART_BYTES", 20_000)
    monkeypatch.setattr("understudy.data.parts.GROUP_BYTES", 5_000)
    parts = make_corpus(code, work="parts")
    assert len(list((parts.folder / "train").glob("*.parquet"))) > 1
    assert parts.rows("train") == whole.rows("train")


def test_a_second_run_on_the_same_work_folder_gives_the_same_files(code: Path, make_corpus: MakeCorpus) -> None:
    first = make_corpus(code).hashes()
    assert make_corpus(code).hashes() == first


def test_a_damaged_checkpoint_is_made_again(code: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(code)
    first = corpus.hashes()
    for checkpoint in (corpus.project.cache / "batches").glob("*.arrow"):
        checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    assert make_corpus(code).hashes() == first


@pytest.mark.usefixtures("in_this_process")
def test_work_left_by_a_run_on_other_sources_is_not_used(code: Path, make_corpus: MakeCorpus) -> None:
    make_corpus(code)
    (code / "abc.py").write_text(CODE + "# changed\n")
    corpus = make_corpus(code)
    assert corpus.kept()["abc.py"]["content"] == CODE + "# changed\n"
    assert corpus.hashes() == make_corpus(code, work="fresh").hashes()


def test_a_stop_is_obeyed_and_the_next_run_continues(
    library: Path, project: Project, make_corpus: MakeCorpus, undisturbed: dict[str, str]
) -> None:
    recipe = Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": str(library)}]}})
    surveyed = survey(recipe, project, silent())
    events = silent()
    events.sinks = (lambda record: events.stop.set() if record.get("what") == "cleaning" else None,)
    with pytest.raises(Interrupted):
        STAGE.run(recipe, Inputs({}, project, surveyed), project.root / "work", events)
    assert list((project.cache / "batches").glob("*.arrow"))
    assert make_corpus(library).hashes() == undisturbed


SCRIPT = """
import sys
from pathlib import Path
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import silent
from understudy.data import survey
from understudy.data.stage import STAGE
recipe = Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": sys.argv[1]}]}})
project = Project(Path(sys.argv[2]))
STAGE.run(recipe, Inputs({}, project, survey(recipe, project, silent())), project.root / "work", silent())
"""


def test_unchanged_sources_are_not_read_again(code: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": str(code)}]}})
    for path in code.iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))
    first = survey(recipe, project, silent())

    def refuse(*_: object) -> None:
        raise AssertionError("a file was read again")

    monkeypatch.setattr("understudy.data.sources.folder.read_file", refuse)
    assert survey(recipe, project, silent()) == first


def test_the_survey_changes_with_content_and_not_with_other_files(code: Path, project: Project) -> None:
    recipe = Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": str(code)}], "languages": ["python"]}})
    first = survey(recipe, project, silent())
    (code / "notes.txt").write_text("not code")
    (code / "style.css").write_text("a { color: red }")
    assert survey(recipe, project, silent()).fingerprint == first.fingerprint
    (code / "abc.py").write_text((code / "abc.py").read_text() + "\n")
    changed = survey(recipe, project, silent())
    assert changed.fingerprint != first.fingerprint
    assert (changed.n_files, changed.size_bytes) == (first.n_files, first.size_bytes + 1)
    assert changed.size_bytes_by_language == {"python": changed.size_bytes}


def test_a_damaged_cache_is_an_empty_cache(code: Path, project: Project) -> None:
    recipe = Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": str(code)}]}})
    first = survey(recipe, project, silent())
    for path in project.cache.rglob("*"):
        if path.is_file():
            path.write_text('{"broken": [1, ')
    assert survey(recipe, project, silent()) == first


def test_arrow_is_not_imported_to_look_at_sources(code: Path, project: Project) -> None:
    script = SCRIPT.replace("STAGE.run(recipe, Inputs({}, project, ", "(").replace(
        '), project.root / "work", silent())', ")"
    )
    script += "assert not {'pyarrow', 'duckdb', 'torch', 'numpy'} & set(sys.modules)\n"
    path = os.pathsep.join(part for part in sys.path if part)
    command = [sys.executable, "-c", script, str(code), str(project.root)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=True)


@pytest.mark.usefixtures("in_this_process")
def test_near_duplicates_go_and_the_newest_that_parses_stays(code: Path, make_corpus: MakeCorpus) -> None:
    text = (LIBRARY / "textwrap.py").read_text()
    (code / "a.py").write_text(text.replace("import re", "import re (", 1))  # first by name, and broken
    (code / "b.py").write_text(text.replace("class TextWrapper", "class Wrapper", 1))
    (code / "c.py").write_text(text + "\n# one more line\n")
    corpus = make_corpus(code)
    reasons = corpus.rejected()
    assert reasons["a.py"][0] == "unparsable"
    assert "b.py" in corpus.kept()
    assert reasons["c.py"][0] == "near-duplicate"
    assert reasons["c.py"][1].endswith("similar to code/b.py")
    clusters = {row["path"]: row["cluster"] for side in ("train", "valid", "rejected") for row in corpus.rows(side)}
    assert clusters["a.py"] == clusters["b.py"] == clusters["c.py"] is not None
    assert clusters["abc.py"] is None


@pytest.mark.usefixtures("in_this_process")
def test_every_redaction_is_listed_and_none_tells_what_stood_there(code: Path, make_corpus: MakeCorpus) -> None:
    (code / "mail.py").write_text(CODE + "\n# ask jane.doe@corp-of-ours.io\n\nHOST = '51.15.77.20'\n")
    corpus = make_corpus(code)
    listed = pq.read_table(corpus.folder / "redactions.parquet").to_pylist()
    n_lines = CODE.count("\n")
    mine = [(row["line"], row["kind"]) for row in listed if row["path"] == "mail.py"]
    assert sorted(mine) == [(n_lines + 2, "email"), (n_lines + 4, "ip-address")]
    assert corpus.kept()["mail.py"]["redactions"] == 2
    assert b"jane.doe" not in b"".join(path.read_bytes() for path in corpus.folder.rglob("*") if path.is_file())


@pytest.mark.usefixtures("in_this_process")
def test_a_finding_stops_the_stage_where_the_recipe_says_fail(code: Path, make_corpus: MakeCorpus) -> None:
    (code / "mail.py").write_text(CODE + "\n# ask jane.doe@corp-of-ours.io\n")
    with pytest.raises(InputDataError, match=r"mail\.py:\d+: email"):
        make_corpus(code, redact={"emails": "fail"})
