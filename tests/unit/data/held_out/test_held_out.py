"""Held-out functions are marked with the tests that call them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from understudy.data.held_out import is_test
from understudy.data.held_out.python_calls import calls_of_tests, functions_of, module_parts, names_module
from understudy.formats.corpus import HeldOutFunction, held_out_functions, read_documents

pytestmark = pytest.mark.usefixtures("in_this_process")

MODULE = '''"""Würfel."""

import random


def roll(sides: int) -> int:
    """One throw — gerecht."""
    value = random.randint(1, sides)
    return value


def one_line(): return roll(6)


class Dice:
    def __init__(self, n: int) -> None:
        self.n = n
        self.sides = 6

    @property
    def name(self) -> str:
        label = f"{self.n}d{self.sides}"
        return label

    async def throw(self) -> list[int]:
        thrown = [roll(self.sides) for _ in range(self.n)]
        return sorted(thrown)
'''
TESTS = """from dice.core import Dice, roll as throw_one
import dice.core
import dice.core as core


def test_a_throw_is_a_side():
    assert 1 <= throw_one(6) <= 6


class TestDice:
    def test_it_sorts(self):
        assert Dice(3).throw() == sorted(Dice(3).throw())

    def test_by_module(self):
        assert dice.core.roll(1) == core.roll(1)

    def helper(self):
        return throw_one(6)
"""


def test_functions_have_the_exact_bytes_of_their_bodies() -> None:
    data = MODULE.encode()
    found = {item.name: item for item in functions_of(MODULE)}
    assert list(found) == ["roll", "Dice.name", "Dice.throw"]
    roll, name = found["roll"], found["Dice.name"]
    assert data[roll.body_start_byte : roll.body_end_byte].decode() == (
        '    """One throw — gerecht."""\n    value = random.randint(1, sides)\n    return value'
    )
    assert (roll.first_line, roll.last_line, roll.has_docstring) == (6, 9, True)
    assert (name.first_line, name.has_docstring) == (20, False)  # the decorator's line


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends_do_not_shift_a_body(end: str) -> None:
    text = MODULE.replace("\n", end)
    found = {item.name: item for item in functions_of(text)}["Dice.throw"]
    body = text.encode()[found.body_start_byte : found.body_end_byte].decode()
    assert body.strip() == f"thrown = [roll(self.sides) for _ in range(self.n)]{end}        return sorted(thrown)"


def test_calls_are_those_of_test_functions_by_what_they_imported() -> None:
    calls = set(calls_of_tests(TESTS, {"roll", "throw"}, {"Dice"}))
    assert {(call.test, call.module, call.owner, call.name) for call in calls if call.name == "roll"} >= {
        ("test_a_throw_is_a_side", ("dice", "core"), "", "roll"),
        ("TestDice.test_by_module", ("dice", "core"), "", "roll"),
    }
    assert ("TestDice.test_it_sorts", ("dice", "core"), "Dice", "throw") in calls
    assert "TestDice.helper" not in {call.test for call in calls}


@pytest.mark.parametrize("text", ["def f(:\n", "(" * 5_000, "\x00", ""])
def test_what_cannot_be_parsed_has_no_functions_and_no_calls(text: str) -> None:
    assert list(functions_of(text)) == list(calls_of_tests(text + " roll", {"roll"}, set())) == []


def test_an_import_names_the_module_or_a_package_above_it() -> None:
    module = module_parts("src/dice/core.py")
    assert [names_module(parts, module) for parts in (("dice", "core"), ("core",), ("dice",))] == [True] * 3
    assert [names_module(parts, module) for parts in ((), ("other",), ("dice", "other"))] == [False] * 3
    assert module_parts("src/dice/__init__.py") == ("src", "dice")


@pytest.mark.parametrize(
    ("path", "expected"),
    [("tests/a.py", True), ("a/test_b.py", True), ("b_test.py", True), ("contest.py", False), ("latest/a.py", False)],
)
def test_test_files_are_known_by_their_names(path: str, expected: bool) -> None:
    assert is_test(path) is expected


@pytest.fixture
def dice(tmp_path: Path) -> Path:
    """A repository of forty modules, each with a function and its test."""
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    for n in range(40):
        for folder, name, text in (
            ("dice", f"core{n}.py", f"VERSION_{n} = '{n * 7919}'\n" + MODULE.replace("roll", f"roll_{n}")),
            ("tests", f"test_core{n}.py", TESTS.replace("core", f"core{n}").replace("roll", f"roll_{n}")),
        ):
            (root / folder).mkdir(exist_ok=True)
            (root / folder / name).write_text(text)
    return root


def test_the_corpus_marks_held_out_functions_with_their_tests(dice: Path, make_corpus: Any) -> None:
    corpus = make_corpus(dice, near_duplicates=None, split={"valid": 0.2})
    found = list(held_out_functions(corpus.folder))
    documents = {document.id: document for document in read_documents(corpus.folder, "valid")}
    assert found
    for item in found:
        document = documents[item.id]
        assert (document.repo, document.path) == (item.repo, item.path)
        body = document.content.encode()[item.body_start_byte : item.body_end_byte].decode()
        assert body.endswith("return value" if item.name.startswith("roll") else "return sorted(thrown)")
        assert {test.path for test in item.tests} == {item.path.replace("dice/", "tests/test_")}
        assert {test.side for test in item.tests} <= {"train", "valid"}
    assert sorted(found, key=order) == found


def order(item: HeldOutFunction) -> tuple[str, str, int]:
    return item.repo, item.path, item.first_line


def test_held_out_functions_are_the_same_bytes_each_time(dice: Path, make_corpus: Any) -> None:
    one, two = (make_corpus(dice, work=work, near_duplicates=None, split={"valid": 0.2}) for work in ("a", "b"))
    assert (one.folder / "held_out.jsonl").read_bytes() == (two.folder / "held_out.jsonl").read_bytes() != b""
