"""Known exams are found by name, files of tasks by their fields, and what is missing or misspelt is told."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from understudy.core.errors import InputDataError, RecipeError
from understudy.formats.exams import ENVIRONMENT, Fields, Task, TaskFiles, find_exam, read_tasks
from understudy.formats.records import read_records

RECORD = {
    "task_id": "HumanEval/0",
    "prompt": "def f():\n",
    "canonical_solution": "    return 1\n",
    "test": "assert f()",
}


@pytest.fixture
def exams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    folder = tmp_path / "exams"
    (folder / "humaneval").mkdir(parents=True)
    with gzip.open(folder / "humaneval" / "HumanEval.jsonl.gz", "wt") as file:
        file.write(json.dumps(RECORD) + "\n")
    return folder


def test_a_known_exam_is_found_by_name_in_the_folders_it_is_looked_for_in(exams: Path, tmp_path: Path) -> None:
    tasks = list(read_tasks(find_exam("humaneval", [tmp_path / "empty", exams])))
    assert tasks == [Task("humaneval", "HumanEval/0", "def f():\n", "    return 1\n", "assert f()", "HumanEval")]


def test_the_folder_of_the_environment_is_looked_at_first(exams: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(exams))
    assert find_exam("humaneval", []).paths == (exams / "humaneval" / "HumanEval.jsonl.gz",)


def test_an_unknown_exam_is_refused_with_the_known_ones_and_the_nearest(exams: Path) -> None:
    with pytest.raises(RecipeError, match=r"known: humaneval, .*mbpp") as refusal:
        find_exam("humanevel", [exams])
    assert refusal.value.hint == "did you mean humaneval?"


def test_an_exam_whose_files_are_nowhere_is_refused_with_the_places_looked_at(exams: Path) -> None:
    with pytest.raises(InputDataError, match=str(exams / "mbpp")) as refusal:
        find_exam("mbpp", [exams])
    assert ENVIRONMENT in (refusal.value.hint or "")


def test_the_pieces_of_one_function_that_infilling_cuts_are_one_task(tmp_path: Path) -> None:
    path = tmp_path / "holes.jsonl"
    holes = [
        {
            "task_id": f"MultiLineInfilling/HumanEval/7/L{at}",
            "prompt": text[:at],
            "canonical_solution": text[at:],
            "suffix": "",
        }
        for text in ("def f():\n    return 1\n",)
        for at in (3, 9)
    ]
    path.write_text("".join(json.dumps(hole) + "\n" for hole in holes))
    fields = Fields((), ("prompt", "canonical_solution", "suffix"), task=r"HumanEval/\d+")
    assert [(task.id, task.solution) for task in read_tasks(TaskFiles("x", (path,), fields))] == [
        ("HumanEval/7", "def f():\n    return 1\n")
    ]


def test_nested_fields_and_lists_are_reached_by_dots(tmp_path: Path) -> None:
    path = tmp_path / "arc.jsonl"
    path.write_text(json.dumps({"id": "a", "question": {"stem": "Why?", "choices": [{"text": "x"}, {"text": "y"}]}}))
    files = TaskFiles("arc", (path,), Fields(("question.stem", "question.choices.text"), id="id"))
    assert [task.statement for task in read_tasks(files)] == ["Why?\nx\ny"]


def test_a_file_of_tasks_is_read_by_the_usual_names_of_fields(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    pq.write_table(pa.table({"name": ["a"], "question": ["What?"], "answer": ["That."]}), path)
    assert list(read_tasks(TaskFiles("mine", (path,), None))) == [Task("mine", "a", "What?", "That.", "", "mine")]


def test_a_file_without_a_known_field_is_refused_with_the_fields_it_has(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("aa,bb\n1,2\n")
    with pytest.raises(RecipeError, match="aa, bb"):
        list(read_tasks(TaskFiles("mine", (path,), None)))


def test_stated_fields_that_a_record_lacks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"task_id": 1, "text": "x"}\n')
    with pytest.raises(RecipeError, match=r"record 1: none of the fields question"):
        list(read_tasks(TaskFiles("mine", (path,), Fields(("question",)))))


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a"\n', "line 2 is not JSON"),
        ("a.jsonl", b"[1]\n", "line 1 is not an object"),
        ("a.jsonl", b"[" * 100_000, "is not JSON"),
        ("a.jsonl", b'{"a": ' + b"9" * 5_000 + b"}", "is not JSON"),
        ("a.jsonl", b"\xff\xfe\x00", "not UTF-8"),
        ("a.jsonl.gz", gzip.compress(b"{}" * 99)[:-9], "gzip"),
        ("a.jsonl.gz", b"no gzip", "cannot be read"),
        ("a.parquet", b"PAR1 lies", "not a Parquet file"),
        ("a.txt", b"x", "not a file of records"),
    ],
)
def test_a_broken_file_is_refused_by_name(tmp_path: Path, name: str, data: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputDataError, match=told) as refusal:
        list(read_records(tmp_path / name))
    assert str(tmp_path / name) in refusal.value.message


def test_json_is_a_list_of_records_or_an_object_of_them(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text('[{"a": 1}, {"a": 2}]')
    (tmp_path / "object.json").write_text('{"x": {"a": 1}, "y": {"a": 2}}')
    assert (
        list(read_records(tmp_path / "list.json"))
        == list(read_records(tmp_path / "object.json"))
        == [{"a": 1}, {"a": 2}]
    )
