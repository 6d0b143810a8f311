"""Known exams (HumanEval, MBPP, …): where their files lie, which fields hold what, and their tasks one by one.

    name ──EXAMS──▶ files in an exam folder ──┐
    {file: tasks.jsonl, statement: [...]} ────┴─▶ Task(suite, id, statement, solution, test)

The data stage looks for these texts in the corpus. Nothing here is downloaded: the files are the person's.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from understudy.core.errors import InputDataError, RecipeError
from understudy.formats.records import read_records

ENVIRONMENT = "UNDERSTUDY_BENCHDATA"
ROLES = ("statement", "solution", "test")
# What files of tasks call their fields; tried in this order where a recipe does not say.
USUAL_FIELDS = {
    "statement": ("prompt", "text", "question", "instruction", "description", "problem"),
    "solution": ("canonical_solution", "solution", "code", "answer", "completion"),
    "test": ("test", "tests", "test_list", "assertion"),
}
USUAL_IDS = ("task_id", "id", "name")


@dataclass(frozen=True, slots=True)
class Fields:
    """Which fields of a record are the statement, the solution and the test; a dot reaches into a field.

    The fields of a role are joined. `task` takes the part of an id that names the task, where several records share
    one; `per_file` puts the file's name before the id, where ids are unique in a file only.
    """

    statement: tuple[str, ...] = ()
    solution: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    id: str | None = "task_id"
    task: str | None = None
    per_file: bool = False


@dataclass(frozen=True, slots=True)
class Exam:
    """One suite: the folders it may lie in, patterns of its files there, and its fields."""

    folders: tuple[str, ...]
    files: tuple[str, ...]
    fields: Fields


@dataclass(frozen=True, slots=True)
class Task:
    """One question of an exam, as the texts that must not be trained on. Empty where the exam has none."""

    suite: str
    id: str
    statement: str = ""
    solution: str = ""
    test: str = ""
    file: str = ""  # the name of the file it stands in: what is in many tasks of one file is the exam's frame


@dataclass(frozen=True, slots=True)
class TaskFiles:
    """A suite found on disk."""

    suite: str
    paths: tuple[Path, ...]
    fields: Fields | None  # None: recognised by their usual names


HUMANEVAL = Fields(("prompt",), ("canonical_solution",), ("test",))

EXAMS: Mapping[str, Exam] = {
    "humaneval": Exam(("humaneval",), ("HumanEval.jsonl*",), HUMANEVAL),
    # What stands there beside HumanEval's texts are inputs by the thousand, no text that anybody writes.
    "humanevalplus": Exam(("humanevalplus",), ("HumanEvalPlus.jsonl*",), HUMANEVAL),
    # Thousands of holes in the same 164 functions: one task each, prompt + middle + suffix.
    "humaneval_infilling": Exam(
        ("humaneval_infilling",),
        ("HumanEval-*Infilling.jsonl*",),
        Fields((), ("prompt", "canonical_solution", "suffix"), ("test",), task=r"HumanEval/\d+"),
    ),
    "humaneval_x": Exam(("humaneval_x",), ("humaneval_*.jsonl*",), HUMANEVAL),
    "multipl_e_humaneval": Exam(
        ("multipl_e_humaneval",), ("humaneval-*.jsonl*",), Fields(("prompt",), (), ("tests",), "name", per_file=True)
    ),
    "mxeval": Exam(("mxeval", "mxeval_multilingual_humaneval"), ("HumanEval*.jsonl*",), HUMANEVAL),
    "mbpp": Exam(("mbpp",), ("mbpp.jsonl*",), Fields(("text",), ("code",), ("test_list", "challenge_test_list"))),
    "mbppplus": Exam(
        ("mbppplus", "mbppplus_release"),
        ("MbppPlus.jsonl*",),
        Fields(("prompt",), ("canonical_solution",), ("assertion",)),
    ),
    "cruxeval": Exam(("cruxeval",), ("cruxeval.jsonl*",), Fields((), ("code",), (), "id")),
    "bigcodebench": Exam(
        ("bigcodebench", "bigcodebench_hard"),
        ("*.jsonl*", "*.json", "*.parquet"),
        Fields(("complete_prompt", "instruct_prompt"), ("canonical_solution",), ("test",)),
    ),
    "arc": Exam(
        ("arc", "arc_challenge"),
        ("ARC-*.jsonl*",),
        Fields(("question.stem", "question.choices.text"), id="id"),
    ),
    "mmlu": Exam(
        ("mmlu",),
        ("*_test.csv", "*_dev.csv"),
        Fields(("question", "choice0", "choice1", "choice2", "choice3"), id=None, per_file=True),
    ),
    "truthfulqa": Exam(("truthfulqa",), ("TruthfulQA.csv",), Fields(("Question", "Correct Answers"), id=None)),
}


def find_exam(name: str, folders: Sequence[Path]) -> TaskFiles:
    """The files of a known exam in the first of these folders that has them.

    `UNDERSTUDY_BENCHDATA` is looked at first. Raises RecipeError for an unknown name, InputDataError where no folder
    has the files.
    """
    exam = EXAMS.get(name)
    if exam is None:
        near = difflib.get_close_matches(name, EXAMS, 1, 0.6)
        raise RecipeError(
            f"there is no exam called {name!r}; known: {', '.join(EXAMS)}",
            f"did you mean {near[0]}?" if near else "a file of tasks is given as   - file: my-tasks.jsonl",
        )
    places = exam_folders(folders)
    for place in places:
        for folder in exam.folders:
            paths = sorted({path for pattern in exam.files for path in (place / folder).glob(pattern)})
            if paths:
                return TaskFiles(name, tuple(paths), exam.fields)
    looked = ", ".join(str(place / exam.folders[0]) for place in places)
    raise InputDataError(
        f"the tasks of {name} ({exam.files[0]}) are in none of: {looked}",
        f"put them there, or set {ENVIRONMENT} to the folder that has {exam.folders[0]}/",
    )


def exam_folders(folders: Sequence[Path]) -> tuple[Path, ...]:
    """Where exams are looked for, in order: the environment's folder, then these."""
    given = os.environ.get(ENVIRONMENT)
    return (*((Path(given),) if given else ()), *folders)


def read_tasks(files: TaskFiles) -> Iterator[Task]:
    """Every task of a suite, one for each id; records that share an id and a text are one task.

    Raises InputDataError for a file that cannot be read, and RecipeError where a record has none of the fields.
    """
    seen: set[tuple[str, ...]] = set()
    for path in files.paths:
        fields = files.fields
        for number, record in enumerate(read_records(path)):
            fields = fields or usual_fields(record, path)
            task = _task(files.suite, record, fields, path.name.split(".")[0], number)
            if not (task.statement or task.solution or task.test):
                raise RecipeError(
                    f"{path}, record {number + 1}: none of the fields {', '.join(_names(fields))} holds text",
                    f"its fields are: {', '.join(map(str, record))}",
                )
            key = (task.id, task.statement, task.solution, task.test)
            if key not in seen:
                seen.add(key)
                yield task


def usual_fields(record: Mapping[str, Any], path: Path) -> Fields:
    """The fields of a file whose fields nobody stated, by the names that such files use."""
    found: dict[str, tuple[str, ...]] = {
        role: next(((name,) for name in names if name in record), ()) for role, names in USUAL_FIELDS.items()
    }
    if not any(found.values()):
        raise RecipeError(
            f"{path}: none of its fields is known to hold a task: {', '.join(map(str, record))}",
            "name them: statement: [...], solution: [...], test: [...]",
        )
    named = next((name for name in USUAL_IDS if name in record), None)
    return Fields(found["statement"], found["solution"], found["test"], named)


def _task(suite: str, record: Mapping[str, Any], fields: Fields, file: str, number: int) -> Task:
    named = str(record[fields.id]) if fields.id and fields.id in record else str(number)
    if fields.task is not None and (part := re.search(fields.task, named)):
        named = part.group(0)
    joined = {role: "\n".join(_texts(record, getattr(fields, role))) for role in ROLES}
    if fields.task is not None:  # the pieces of one text, cut anywhere
        joined["solution"] = "".join(_texts(record, fields.solution))
    return Task(suite, f"{file}/{named}" if fields.per_file else named, file=file, **joined)


def _names(fields: Fields) -> list[str]:
    return [name for role in ROLES for name in getattr(fields, role)]


def _texts(record: Any, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield from _text_at(record, name.split("."))


def _text_at(value: Any, names: Sequence[str]) -> Iterator[str]:
    """The texts below a value; lists are walked through."""
    if isinstance(value, list):
        for item in value:
            yield from _text_at(item, names)
    elif names:
        if isinstance(value, dict) and names[0] in value:
            yield from _text_at(value[names[0]], names[1:])
    elif isinstance(value, (str, int, float)) and value != "":
        yield str(value)
