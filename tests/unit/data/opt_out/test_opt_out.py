"""What is opted out goes without a trace of its content, and the list says who asked."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from understudy.core.errors import InputDataError
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.tracking import Events, silent
from understudy.data.inventory import list_sources
from understudy.data.opt_out import OptOut, OptOuts, read_opt_outs
from understudy.data.sources.reading import raw_id

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture
def repositories(tmp_path: Path, code: Path) -> Path:
    """Two repositories of three files each; the first file of `theirs` is also in `ours`."""
    modules = sorted(code.glob("*.py"))
    top = tmp_path / "repositories"
    for name, mine in (("theirs", modules[:3]), ("ours", [modules[0], *modules[3:5]])):
        (top / name / ".git").mkdir(parents=True)
        for module in mine:
            shutil.copyfile(module, top / name / module.name)
    return top


def written(tmp_path: Path, text: str, name: str = "opt-out.txt") -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def opted_out(corpus: Any) -> dict[str, str]:
    rows = [row for row in corpus.rows("rejected") if row["drop_reason"] == "opted-out"]
    assert all(row["content"] is None for row in rows)
    return {f"{row['repo']}/{row['path']}": row["evidence"] for row in rows}


def test_a_repository_is_left_out_and_its_content_is_not_kept(
    repositories: Path, tmp_path: Path, make_corpus: Any
) -> None:
    (repositories / "theirs" / "tiny.py").write_text("x = 1\n")  # would be rejected for its size, and kept to look at
    corpus = make_corpus(repositories, opt_out=written(tmp_path, "# by request\ntheirs\n"))
    found = opted_out(corpus)
    assert len(found) == 4 and set(found.values()) == {"theirs"}
    assert {row["repo"] for side in ("train", "valid") for row in corpus.rows(side)} == {"ours"}
    steps = {step["step"]: step["n_dropped"] for step in corpus.funnel}
    assert steps["opted-out"] == 4
    assert corpus.funnel[-1]["n_out"] == len(corpus.kept())


def test_a_path_is_left_out_in_one_repository_or_in_all(repositories: Path, tmp_path: Path, make_corpus: Any) -> None:
    name = min(path.name for path in (repositories / "ours").glob("*.py"))
    one = make_corpus(repositories, opt_out=written(tmp_path, f"ours:{name}\n"))
    assert set(opted_out(one)) == {f"ours/{name}"}
    everywhere = make_corpus(repositories, work="other", opt_out=written(tmp_path, f"*:{name}\n", "other.txt"))
    assert set(opted_out(everywhere)) == {f"ours/{name}", f"theirs/{name}"}


@pytest.mark.parametrize("hashed", [raw_id, lambda data: hashlib.sha256(data).hexdigest()], ids=["xxh3", "sha256"])
def test_a_content_is_left_out_wherever_it_is(
    hashed: Any, repositories: Path, tmp_path: Path, make_corpus: Any
) -> None:
    name = min(path.name for path in (repositories / "ours").glob("*.py"))
    data = (repositories / "ours" / name).read_bytes()
    entries = json.dumps({"content": hashed(data), "reason": "asked by mail"})
    corpus = make_corpus(repositories, opt_out=written(tmp_path, entries, "opt-out.jsonl"))
    assert set(opted_out(corpus)) == {f"ours/{name}", f"theirs/{name}"}


def test_a_hash_of_what_was_redacted_since_still_finds_the_file(
    repositories: Path, tmp_path: Path, make_corpus: Any
) -> None:
    path = repositories / "ours" / "mail.py"
    path.write_text('OWNER = "jane.roe@acme-industries.com"\n' + "value = compute(1)\n" * 20)
    corpus = make_corpus(repositories, opt_out=written(tmp_path, raw_id(path.read_bytes())))
    assert set(opted_out(corpus)) == {"ours/mail.py"}


def test_another_list_makes_another_corpus(repositories: Path, tmp_path: Path, project: Project) -> None:
    def fingerprint(text: str) -> str:
        data = {"sources": [{"dir": str(repositories)}], "opt_out": written(tmp_path, text)}
        return list_sources(Recipe.model_validate({"name": "t", "data": data}), project, silent()).fingerprint()

    assert len({fingerprint("theirs\n"), fingerprint("ours\n"), fingerprint("theirs\n")}) == 2


def test_lists_may_be_text_yaml_or_json_lines(tmp_path: Path) -> None:
    hash_ = "ab" * 16
    expected = (OptOut("acme/api"), OptOut("acme/*", "src/keys/*"), OptOut(content=hash_))
    text = f"acme/api  # all of it\n\nacme/*:src/keys/*\n{hash_.upper()}\n"
    assert read_opt_outs(Path(written(tmp_path, text))).entries == expected
    values = [{"repository": "acme/api"}, {"repository": "acme/*", "path": "src/keys/*"}, {"content": hash_}]
    lines = "\n".join(map(json.dumps, values))
    assert read_opt_outs(Path(written(tmp_path, lines, "a.jsonl"))).entries == expected
    yaml = f"- acme/api\n- {{repository: acme/*, path: src/keys/*}}\n- {hash_}\n"
    assert read_opt_outs(Path(written(tmp_path, yaml, "a.yaml"))).entries == expected


def test_patterns_and_folders_match_as_people_mean_them() -> None:
    opt_outs = OptOuts([OptOut("acme/*"), OptOut("", "secret"), OptOut("x", "*.key", reason="theirs")])
    assert opt_outs.match("acme/api", "a.py") is not None
    assert opt_outs.match("other", "secret/deep/a.py") is not None
    assert opt_outs.match("other", "not-secret/a.py") is None
    assert str(opt_outs.match("x", "deep/a.key")) == "x:*.key (theirs)"
    assert opt_outs.match("y", "deep/a.key") is None


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", "acme\nacme:\n", "line 2"),
        ("a.jsonl", '{"repository": "a"}\n{"repo', "line 2"),
        ("a.jsonl", '{"repo": "a"}', "not an entry"),
        ("a.jsonl", '{"content": "abc"}', "no hash"),
        ("a.jsonl", '{"reason": "x"}', "nothing is named"),
        ("a.yaml", "repository: a", "not a list"),
        ("a.yaml", "- [a", "not valid YAML"),
    ],
)
def test_a_wrong_list_is_told_with_the_place(name: str, text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match=told):
        read_opt_outs(Path(written(tmp_path, text, name)))


def test_a_missing_list_is_told_before_anything_is_read(tmp_path: Path, project: Project) -> None:
    data = {"sources": [{"dir": str(tmp_path / "nowhere")}], "opt_out": str(tmp_path / "none.txt")}
    with pytest.raises(InputDataError, match=r"none\.txt"):
        list_sources(Recipe.model_validate({"name": "t", "data": data}), project, silent())


def test_an_entry_that_left_nothing_out_is_told(
    repositories: Path, tmp_path: Path, make_corpus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(Events, "note", lambda self, text, **facts: told.append(text))
    make_corpus(repositories, opt_out=written(tmp_path, "theirs\nours:misspelt.py\n"))
    assert "1 of 2 opt-outs left nothing out: ours:misspelt.py" in told
