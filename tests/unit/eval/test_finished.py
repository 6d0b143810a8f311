from __future__ import annotations

from pathlib import Path

from understudy.eval.finished import Finished, key_of


def test_answers_are_there_after_reopening(tmp_path: Path) -> None:
    Finished(tmp_path / "a" / "finished.jsonl").add({"one": "é\n", "two": [1.5, 2.0]})
    again = Finished(tmp_path / "a" / "finished.jsonl")
    assert (again.get("one"), again.get("two"), again.get("three")) == ("é\n", [1.5, 2.0], None)


def test_a_torn_last_record_is_cut_off_wherever_it_tears(tmp_path: Path) -> None:
    path = tmp_path / "finished.jsonl"
    Finished(path).add({"one": "first"})
    whole = path.read_bytes()
    Finished(path).add({"two": "second"})
    both = path.read_bytes()
    for length in range(len(whole) + 1, len(both)):
        path.write_bytes(both[:length])
        torn = Finished(path)
        assert (torn.get("one"), torn.get("two"), torn.n_torn) == ("first", None, 1)
        torn.add({"two": "again"})
        assert (Finished(path).get("two"), Finished(path).n_torn) == ("again", 0)


def test_a_damaged_line_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "finished.jsonl"
    Finished(path).add({"one": 1, "two": 2, "three": 3})
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0\0\0\n" + lines[2])
    damaged = Finished(path)
    assert (damaged.get("one"), damaged.get("two"), damaged.get("three"), damaged.n_torn) == (1, None, 3, 1)


def test_keys_tell_questions_apart() -> None:
    assert key_of("a", 1, ["x"]) == key_of("a", 1, ["x"])
    assert len({key_of("a", 1), key_of("a", 2), key_of("a1"), key_of(["a", 1]), key_of("b", 1)}) == 5
