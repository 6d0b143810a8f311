from __future__ import annotations

import numpy as np
import pytest

from understudy.eval import nearest_line
from understudy.eval.items import TASKS, Item, Mode, Task, choose_items
from understudy.eval.nearest_line import copy_nearest
from understudy.eval.similarity import cut_to_lines, exact_match
from understudy.formats.corpus import Document

MODES: list[Mode] = ["left-to-right", "fill-in-the-middle"]


def item(prefix: str, truth: str = "", suffix: str | None = None, task: Task = "next-line") -> Item:
    mode: Mode = "left-to-right" if task in TASKS["left-to-right"] else "fill-in-the-middle"
    return Item("id", mode, task, "file", "repo", "a.py", "python", prefix, suffix, truth)


@pytest.mark.parametrize("mode", MODES)
def test_what_the_training_set_holds_word_for_word_is_found(held_out_files: list[Document], mode: Mode) -> None:
    items = choose_items(held_out_files, mode, 80, 48, 4000, np.random.default_rng(1))
    copies = copy_nearest(items, [document.content.encode() for document in held_out_files])
    found = [
        exact_match(cut_to_lines(copy, item.n_lines), item.truth) for item, copy in zip(items, copies, strict=True)
    ]
    assert np.mean(found) >= 0.95


def test_a_copied_line_takes_the_indentation_of_its_new_place() -> None:
    training = b"def f():\n        for name in names:\n            total += len(name)\n"
    copies = copy_nearest([item("def g():\n  for name in names:\n"), item("for name in names:\n")], [training])
    assert copies == ["      total += len(name)", "    total += len(name)"]


def test_the_rest_of_a_line_is_copied_from_the_cursor_on() -> None:
    training = [b"with open(path) as file:\n    data = json.load(file)\n"]
    assert copy_nearest([item("    data = json", task="rest-of-line")], training) == [".load(file)"]


def test_a_span_ends_where_the_suffix_goes_on() -> None:
    training = [b"result = combine(first, second, third)\n"]
    question = item("result = combine(", suffix=", third)\n", task="span")
    assert copy_nearest([question], training) == ["first, second"]


def test_lines_end_where_the_line_behind_them_is_found() -> None:
    training = [b"a = start()\nb = middle()\nc = more()\nd = finish()\ne = 1\n"]
    question = item("a = start()\n", suffix="\nd = finish()\n", task="lines")
    assert copy_nearest([question], training) == ["b = middle()\nc = more()"]


def test_the_surroundings_decide_between_equal_lines() -> None:
    training = [
        b"import socket\nsocket.listen()\nx.run()\nx.close_socket()\n",
        b"import csv\ncsv.read()\nx.run()\nx.close_csv()\n",
    ]
    assert copy_nearest([item("import csv\ncsv.open()\nx.run()\n")], training) == ["x.close_csv()"]


def test_an_empty_training_set_gives_empty_copies() -> None:
    assert copy_nearest([item("x = 1\n"), item("")], []) == ["", ""]
    assert copy_nearest([item("x = 1\n")], [b"", b"\n"]) == [""]


def test_nothing_is_copied_across_files_or_from_beyond_the_end() -> None:
    assert copy_nearest([item("last = 1\n")], [b"last = 1\n", b"first = 2\n"]) == [""]
    assert copy_nearest([item("last = 1\n")], [b"last = 1"]) == [""]


def test_what_stands_in_another_block_is_found_too(
    held_out_files: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    items = choose_items(held_out_files, "left-to-right", 40, 48, 4000, np.random.default_rng(1))
    monkeypatch.setattr(nearest_line, "BLOCK_BYTES", 1)
    copies = copy_nearest(items, [document.content.encode() for document in held_out_files])
    assert np.mean([exact_match(copy, item.truth) for item, copy in zip(items, copies, strict=True)]) >= 0.95
