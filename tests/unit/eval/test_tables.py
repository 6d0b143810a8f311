"""What people see of scores."""

from __future__ import annotations

from understudy.eval.tables import tables


def test_what_a_corpus_held_of_exams_stands_beside_the_scores() -> None:
    told = {"mbpp": {"n_tasks": 974, "n_tasks_found": 0, "n_files": 0}}
    told["humaneval"] = {"n_tasks": 164, "n_tasks_found": 41, "n_files": 3}
    (table,) = tables({"suites": {}, "contamination": told})
    assert list(table.rows) == [("humaneval", 164, 41, "25 %", 3), ("mbpp", 974, 0, "0 %", 0)]


def test_a_corpus_that_nothing_was_looked_for_in_says_nothing_of_exams() -> None:
    assert tables({"suites": {}}) == []
