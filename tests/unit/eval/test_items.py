from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from understudy.eval.items import IMPORT, TASKS, Item, Mode, choose_items, cut_into_lines
from understudy.formats.corpus import Document

MODES: list[Mode] = ["left-to-right", "fill-in-the-middle"]


def choose(documents: list[Document], mode: Mode, n_items: int = 60, seed: int = 1) -> list[Item]:
    return choose_items(documents, mode, n_items, max_tokens=48, window=100_000, random=np.random.default_rng(seed))


@pytest.mark.parametrize("mode", MODES)
def test_an_item_is_a_real_place_of_its_file(held_out_files: list[Document], mode: Mode) -> None:
    contents = {document.id: document.content for document in held_out_files}
    items = choose(held_out_files, mode)
    assert len(items) == 60
    for item in items:
        rest = item.suffix if item.suffix is not None else ""
        assert contents[item.file_id].startswith(item.prefix + item.truth + rest)
        assert (item.suffix is None) == (mode == "left-to-right")
        if item.suffix is not None:
            assert item.prefix + item.truth + item.suffix == contents[item.file_id]


@pytest.mark.parametrize("mode", MODES)
def test_no_item_asks_for_something_trivial_or_endless(held_out_files: list[Document], mode: Mode) -> None:
    for item in choose(held_out_files, mode):
        assert 4 <= len(item.truth.strip()) <= len(item.truth) <= 120
        assert sum(character.isalnum() or character == "_" for character in item.truth) >= 3
        line = item.prefix.rsplit("\n", 1)[-1] + item.truth
        assert not IMPORT.match(line)
        assert item.prefix.count("\n") >= 3
        assert item.n_lines <= 3


@pytest.mark.parametrize("mode", MODES)
def test_both_tasks_and_all_files_have_their_share(held_out_files: list[Document], mode: Mode) -> None:
    items = choose(held_out_files, mode)
    by_task, by_file = Counter(item.task for item in items), Counter(item.file_id for item in items)
    assert set(by_task) == set(TASKS[mode])
    assert min(by_task.values()) >= 20
    assert len(by_file) == len(held_out_files)
    assert max(by_file.values()) - min(by_file.values()) <= 4


def test_a_single_file_is_asked_for_both_tasks(held_out_files: list[Document]) -> None:
    items = choose(held_out_files[2:3], "left-to-right", 10)
    assert Counter(item.task for item in items) == {"rest-of-line": 5, "next-line": 5}


def test_no_line_is_asked_for_twice(held_out_files: list[Document]) -> None:
    items = choose(held_out_files, "fill-in-the-middle", 200)
    lines = [
        (item.file_id, item.prefix.count("\n") + offset)
        for item in items
        for offset in range(item.truth.count("\n") + 1)
    ]
    assert len(lines) == len(set(lines))


def test_items_are_a_function_of_the_seed(held_out_files: list[Document]) -> None:
    assert choose(held_out_files, "left-to-right") == choose(held_out_files, "left-to-right")
    assert choose(held_out_files, "left-to-right") != choose(held_out_files, "left-to-right", seed=2)


def test_a_cursor_never_stands_right_behind_a_space(held_out_files: list[Document]) -> None:
    for item in choose(held_out_files, "left-to-right"):
        if item.task == "rest-of-line":
            assert not item.prefix[-1].isspace()
        else:
            assert item.prefix.endswith("\n")


def test_licence_headers_imports_and_brackets_are_not_askable() -> None:
    header = "# Licensed to you\n# under terms\n\nimport os\nfrom a import bcdefghi\n"
    text = header + "value = compute(1)\n)\n\n    ],\nother = 12345\n"
    lines = cut_into_lines(Document("id", "repo", "a.py", "python", text))
    assert [lines.texts[number] for number in lines.askable] == ["value = compute(1)", "other = 12345"]


def test_files_with_nothing_to_ask_give_no_items() -> None:
    empty = [
        Document(str(number), "repo", "a.py", "python", text) for number, text in enumerate(["", "\n\n", "# only\n"])
    ]
    assert choose(empty, "left-to-right") == []


def test_prompts_are_cut_to_the_window(held_out_files: list[Document]) -> None:
    items = choose_items(held_out_files, "fill-in-the-middle", 20, 48, 300, np.random.default_rng(1))
    assert max(len(item.prefix) for item in items) <= 300
    assert max(len(item.suffix or "") for item in items) <= 300
