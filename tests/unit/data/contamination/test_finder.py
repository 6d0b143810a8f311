"""Exam texts are found in files however they are laid out; ordinary code and prose are left alone."""

from __future__ import annotations

import ast
import json
import os
import sysconfig
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from understudy.core.errors import InputDataError
from understudy.data.contamination import kernel
from understudy.data.contamination.finder import Finder, Match
from understudy.data.contamination.index import build_index, load_index, save_index
from understudy.formats.exams import ENVIRONMENT, Task, find_exam, read_tasks

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
STATEMENT = '''def longest_plateau(heights: list[int], tolerance: int) -> tuple[int, int]:
    """Return where the longest stretch of nearly level ground starts, and how many posts it has.
    Two neighbouring posts are level where their heights differ by no more than the tolerance.
    >>> longest_plateau([3, 3, 4, 9], 1)
    (0, 3)
    """
'''
SOLUTION = """    best_start, best_length, start = 0, 1, 0
    for place in range(1, len(heights)):
        if abs(heights[place] - heights[place - 1]) > tolerance:
            start = place
        if place - start + 1 > best_length:
            best_start, best_length = start, place - start + 1
    return best_start, best_length
"""
TEST = (
    "def check(candidate):\n    assert candidate([3, 3, 4, 9], 1) == (0, 3)\n    assert candidate([7], 2) == (0, 1)\n"
)
TASK = Task("posts", "1", STATEMENT, SOLUTION, TEST, "posts")
HOST = (LIBRARY / "heapq.py").read_text()


def finder(*tasks: Task) -> Finder:
    return Finder(build_index(tasks))


def found(search: Finder, text: str | bytes, style: int = kernel.HASH_COMMENTS) -> list[Match]:
    data = text.encode() if isinstance(text, str) else text
    return search.find(np.frombuffer(data, np.uint8), 0, len(data), style)


def commented(code: str) -> str:
    lines = code.splitlines()
    return "\n".join(
        f"{line[: len(line) - len(line.lstrip())]}# remark {n}\n{line}  # and {n}" for n, line in enumerate(lines)
    )


def without_docstring(code: str) -> str:
    tree = ast.parse(code)
    tree.body[0].body = tree.body[0].body[1:]  # type: ignore[attr-defined]
    return ast.unparse(tree)


COPIES: dict[str, Callable[[], str]] = {
    "verbatim": lambda: STATEMENT + SOLUTION,
    "the statement alone": lambda: STATEMENT,
    "the solution alone": lambda: SOLUTION,
    "formatted by a program": lambda: ast.unparse(ast.parse(STATEMENT + SOLUTION)),
    "with tabs, on long lines, with Windows line ends": lambda: (
        (STATEMENT + SOLUTION).replace("    ", "\t").replace("\n", "\r\n")
    ),
    "in capitals": (STATEMENT + SOLUTION).upper,
    "with a comment before and behind each line": lambda: commented(SOLUTION),
    "without its docstring": lambda: without_docstring(STATEMENT + SOLUTION),
    "renamed": lambda: (STATEMENT + SOLUTION).replace("longest_plateau", "flat"),
    "as a JSON record": lambda: json.dumps({"prompt": STATEMENT, "solution": SOLUTION}),
    "its first half": lambda: STATEMENT,
    "the solution's second half": lambda: "\n".join(SOLUTION.splitlines()[2:]),
    "in another function": lambda: textwrap.indent(STATEMENT + SOLUTION, "        "),
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_planted_copy_is_found(copy: str) -> None:
    half = HOST.find("\n", len(HOST) // 2)
    matches = found(finder(TASK), HOST[:half] + "\n" + COPIES[copy]() + "\n" + HOST[half:])
    assert [match.label for match in matches] == ["posts/1"]


def test_a_whole_text_is_all_of_it_with_the_number_of_its_words() -> None:
    (match,) = found(finder(TASK), HOST + SOLUTION)
    assert (match.role, match.share) == ("solution", 1.0)
    assert match.n_words == len([word for word in kernel_words(SOLUTION) if word])


def kernel_words(text: str) -> list[str]:
    return "".join(sign if sign.isalnum() or sign == "_" else " " for sign in text).split()


@pytest.mark.parametrize("text", [HOST, "", "x", "\\", "#", "/*", "é" * 99, "def f():\n" * 999, "0 " * 9_999])
def test_other_text_is_not_found(text: str) -> None:
    assert found(finder(TASK), text) == []


def test_a_word_or_two_of_a_task_are_no_find() -> None:
    assert found(finder(TASK), "the longest stretch of nearly level ground starts here, abs(heights[place])") == []


def test_comments_are_left_out_as_the_language_writes_them() -> None:
    task = Task("x", "1", solution="int total = first + second; return combine(total, third, fourth, fifth, sixth);")
    text = "int total = /* now */ first + // one\n second; return /* it\n */ combine(total, third, // a\n"
    text += "fourth, fifth, sixth);"
    assert found(finder(task), text, kernel.HASH_COMMENTS) == []
    assert [match.share for match in found(finder(task), text, kernel.SLASH_COMMENTS)] == [1.0]


def test_what_many_tasks_of_a_file_share_is_not_looked_for() -> None:
    frame = "import numpy as np\nfrom pathlib import Path\nfrom typing import Any\nimport hypothesis strategies as st\n"
    tasks = [
        Task("x", str(n), frame + f"def only_here_{n}(one_{n}, two_{n}):\n  return call_{n}(a{n}b, c{n}d)\n", file="x")
        for n in range(7)
    ]
    assert found(finder(*tasks), frame) == []
    assert [match.label for match in found(finder(*tasks), tasks[3].statement)] == ["x/3"]


def test_what_is_said_of_one_document_does_not_depend_on_those_before() -> None:
    search = finder(TASK)
    half = SOLUTION[: len(SOLUTION) // 3]
    expected = found(finder(TASK), STATEMENT), found(finder(TASK), half), found(finder(TASK), HOST + SOLUTION)
    assert (found(search, STATEMENT), found(search, half), found(search, HOST + SOLUTION)) == expected
    assert (found(search, STATEMENT), found(search, half), found(search, HOST + SOLUTION)) == expected


def test_a_document_is_looked_up_inside_a_larger_buffer() -> None:
    data = f"{SOLUTION}{HOST}{SOLUTION}".encode()
    start, end = len(SOLUTION.encode()), len(SOLUTION.encode()) + len(HOST.encode())
    assert finder(TASK).find(np.frombuffer(data, np.uint8), start, end, 0) == []


def test_a_document_larger_than_the_room_so_far_makes_more_room() -> None:
    assert [match.label for match in found(finder(TASK), "w " * 2_000_000 + SOLUTION)] == ["posts/1"]


def test_the_index_is_the_same_bytes_each_time_and_comes_back_from_its_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_index(build_index([TASK]), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert [match.label for match in found(Finder(load_index(tmp_path / "a")), SOLUTION)] == ["posts/1"]


def test_a_damaged_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"PK nothing")
    with pytest.raises(InputDataError, match="index of exam texts"):
        load_index(tmp_path / "a")


def test_an_index_of_nothing_finds_nothing() -> None:
    assert found(finder(), HOST) == []
    assert found(finder(Task("x", "1", "too short")), "too short") == []


needs_exams = pytest.mark.skipif(not os.environ.get(ENVIRONMENT), reason=f"{ENVIRONMENT} does not name exam files")


@needs_exams
def test_every_task_of_humaneval_is_found_when_it_is_planted() -> None:
    tasks = list(read_tasks(find_exam("humaneval", [])))
    search = finder(*tasks)
    for plant in (lambda task: task.statement, lambda task: ast.unparse(ast.parse(task.statement + task.solution))):
        missed = [
            task.id
            for task in tasks
            if f"humaneval/{task.id}" not in {match.label for match in found(search, HOST + plant(task))}
        ]
        assert missed == []


@needs_exams
def test_the_standard_library_holds_no_task_of_humaneval_or_mbpp() -> None:
    tasks = [task for name in ("humaneval", "mbpp") for task in read_tasks(find_exam(name, []))]
    search = finder(*tasks)
    hits = {
        str(path.relative_to(LIBRARY)): matches
        for path in sorted(LIBRARY.rglob("*.py"))
        if "site-packages" not in path.parts and (matches := found(search, path.read_bytes()))
    }
    assert hits == {}
