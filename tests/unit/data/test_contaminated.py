"""Files that hold tasks of exams are left out, with a reason, and counted for each exam."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from understudy.core.errors import InputDataError, RecipeError
from understudy.core.paths import Project, read_json
from understudy.core.recipe import Recipe
from understudy.core.tracking import silent
from understudy.data import survey
from understudy.data.steps.contaminated import comment_style, task_told
from understudy.formats.corpus import contamination

pytestmark = pytest.mark.usefixtures("in_this_process")

SOLUTION = """    best_start, best_length, start = 0, 1, 0
    for place in range(1, len(heights)):
        if abs(heights[place] - heights[place - 1]) > tolerance:
            start = place
        if place - start + 1 > best_length:
            best_start, best_length = start, place - start + 1
    return best_start, best_length
"""
TASKS = [
    {"task_id": "posts/1", "prompt": "def longest_plateau(heights, tolerance):\n", "canonical_solution": SOLUTION},
    {"task_id": "posts/2", "prompt": "Write the nine muses down in the order that Hesiod names them, with a comma."},
]


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    path = tmp_path / "posts.jsonl"
    path.write_text("".join(json.dumps(task) + "\n" for task in TASKS))
    return path


def test_a_file_with_a_task_is_left_out_and_counted(code: Path, tasks: Path, make_corpus: Any) -> None:
    with (code / "heapq.py").open("a") as file:
        file.write("\n\ndef mine(heights, tolerance):\n" + SOLUTION)
    corpus = make_corpus(code, decontaminate=[str(tasks)])
    evidence = "posts/posts/1 (all of its solution, 37 words in a row)"
    assert corpus.rejected() == {"heapq.py": ("contaminated", evidence)}
    told = contamination(corpus.folder)["posts"]
    assert (told.n_tasks, told.n_tasks_found, told.n_files) == (2, 1, 1)
    assert told.examples == ({"repo": "code", "path": "heapq.py", "evidence": evidence},)
    assert sum(step["n_dropped"] for step in corpus.funnel) == 1
    assert corpus.funnel[-1]["n_out"] == corpus.figures["n_train"] + corpus.figures["n_valid"]


def test_an_exam_of_which_nothing_is_found_is_counted_too(code: Path, tasks: Path, make_corpus: Any) -> None:
    corpus = make_corpus(code, decontaminate=[{"file": str(tasks), "name": "mine"}])
    assert corpus.rejected() == {}
    assert contamination(corpus.folder)["mine"].n_tasks_found == 0


def test_a_corpus_without_exams_has_no_figure(code: Path, make_corpus: Any) -> None:
    corpus = make_corpus(code)
    assert contamination(corpus.folder) == {}
    assert not (corpus.folder / "contamination.json").exists()


def test_what_an_exam_holds_is_part_of_what_a_corpus_is_made_from(code: Path, tasks: Path, make_corpus: Any) -> None:
    """A changed exam must not be answered from batches that were looked through for the old one."""
    assert make_corpus(code, work="a", decontaminate=[str(tasks)]).rejected() == {}
    prints = []
    for text in ("", (code / "bisect.py").read_text()):
        with tasks.open("a") as file:
            file.write(json.dumps({"task_id": "x", "prompt": text}) + "\n" if text else "")
        recipe = Recipe.model_validate(
            {"name": "t", "data": {"sources": [{"dir": str(code)}], "decontaminate": [str(tasks)]}}
        )
        prints.append(survey(recipe, Project(code.parent / "project"), silent()).fingerprint)
    assert prints[0] != prints[1]
    assert list(make_corpus(code, work="b", decontaminate=[str(tasks)]).rejected()) == ["bisect.py"]


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ("humanevul", RecipeError, "no exam called 'humanevul'"),
        ("nowhere/tasks.jsonl", InputDataError, "does not exist"),
        ({"file": "posts.jsonl", "statement": ["no_such"]}, RecipeError, "none of the fields no_such"),
        ({"file": "empty.jsonl"}, InputDataError, "holds no task"),
    ],
)
def test_a_wrong_exam_is_told_before_any_source_is_read(
    tasks: Path, given: Any, error: type[Exception], told: str, make_corpus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tasks.parent / "empty.jsonl").write_text("")
    monkeypatch.chdir(tasks.parent)
    with pytest.raises(error, match=told):
        make_corpus(tasks.parent / "no-such-folder", decontaminate=[given])


def test_two_exams_of_one_name_are_refused(code: Path, tasks: Path, make_corpus: Any) -> None:
    with pytest.raises(RecipeError, match="two exams called 'posts'"):
        make_corpus(code, decontaminate=[str(tasks), {"file": str(tasks)}])


def test_an_exams_name_cannot_break_what_is_told_of_it() -> None:
    with pytest.raises(ValidationError):
        Recipe.model_validate({"name": "t", "data": {"decontaminate": [{"file": "a.jsonl", "name": "a/b (c)"}]}})


def test_the_task_comes_back_from_what_is_told_of_it() -> None:
    assert task_told("x/a (b)/c (62 % of its test, 14 words in a row)") == "x/a (b)/c"


def test_comments_are_those_of_the_language() -> None:
    assert [comment_style(lang) for lang in ("python", "go", "haskell", "php", None, "no-such")] == [1, 2, 0, 3, 0, 0]


def test_the_figure_is_written_as_json_that_says_its_rule(code: Path, tasks: Path, make_corpus: Any) -> None:
    told = read_json(make_corpus(code, decontaminate=[str(tasks)]).folder / "contamination.json")
    assert set(told) == {"rule", "exams"}
