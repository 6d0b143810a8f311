"""Marks held-out functions that tests of the same repository call: what an exam on one's own code can run.

    valid Python files ─▶ functions ─┐
    test files of their repositories ┴─▶ which test calls which, by imports ─▶ held_out.jsonl

The function's file is held out; its tests usually are not, for a repository's tests are many and the share is small.
So each test says which side it is on: a model that saw a test saw calls of the function, never its body.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from understudy.core.paths import write_atomically
from understudy.data.catalog import kept
from understudy.data.held_out.python_calls import (
    Call,
    calls_of_tests,
    functions_of,
    imported_words,
    module_parts,
    names_module,
    words_of,
)
from understudy.formats.corpus import HELD_OUT, HeldOutFunction, HeldOutTest

if TYPE_CHECKING:
    from understudy.data.decisions.making import Making  # the decision about the split calls us

MAX_FUNCTIONS = 2_000  # a sample by hash; an exam asks for some hundreds
MAX_TESTS = 10  # of one function
MAX_BYTES = 10_000_000  # of held-out files, and again of test files: a second or two of parsing
ROWS_AT_ONCE = 256
TEST_FOLDERS = frozenset(("test", "tests", "testing"))


@dataclass
class _Candidate:
    """A held-out function, and the tests found for it so far."""

    function: HeldOutFunction
    module: tuple[str, ...]
    tests: set[tuple[str, str, str]] = field(default_factory=set)


def write_held_out(making: Making) -> None:
    """Write `held_out.jsonl`. Empty where the recipe does not drop what cannot be parsed.

    A file that takes a parser down did so in a worker, and is not among what is kept.
    """
    found: list[_Candidate] = []
    if "unparsable" in making.recipe.data.drop:
        rows = _python(making.catalog)
        found = _tested(making, rows)
    chosen = sorted(found, key=lambda item: _die(making, item.function.repo, item.function.path, item.function.name))
    lines = [_line(item) for item in sorted(chosen[:MAX_FUNCTIONS], key=_order)]
    write_atomically(making.folder / HELD_OUT, "".join(lines))


def is_test(path: str) -> bool:
    """True for `tests/…`, `test_x.py`, `x_test.py` and `conftest.py`."""
    *folders, name = path.lower().split("/")
    stem = name.removesuffix(".py")
    return stem.startswith("test_") or stem.endswith("_test") or stem in ("tests", "conftest") or _in_tests(folders)


def _in_tests(folders: Sequence[str]) -> bool:
    return not TEST_FOLDERS.isdisjoint(folders)


def _python(catalog: pa.Table) -> pa.Table:
    rows = kept(catalog, ["repo", "path", "id", "side", "lang", "size_bytes", "batch", "row"])
    rows = rows.filter(pc.fill_null(pc.equal(rows["lang"], "python"), False))
    tests = pa.array([is_test(path) for path in rows["path"].to_pylist()], pa.bool_())
    return rows.append_column("is_test", tests)


def _tested(making: Making, rows: pa.Table) -> list[_Candidate]:
    is_source = pc.and_(pc.equal(rows["side"], "valid"), pc.invert(rows["is_test"]))
    candidates: dict[tuple[str, str], list[_Candidate]] = {}
    for row, content in _contents(making, _sample(making, rows.filter(is_source))):
        for candidate in _candidates(row, content):
            name = candidate.function.name.rpartition(".")[2]
            candidates.setdefault((candidate.function.repo, name), []).append(candidate)
    repos = pa.array(sorted({repo for repo, _ in candidates}), pa.string())
    tests = rows.filter(pc.and_(rows["is_test"], pc.is_in(rows["repo"], value_set=repos)))
    for row, content in _contents(making, _sample(making, tests)):
        _note_calls(row, content, candidates)
    return [item for items in candidates.values() for item in items if item.tests]


def _sample(making: Making, rows: pa.Table) -> pa.Table:
    """As many of the rows as MAX_BYTES allow, chosen by hash, in their order."""
    names = zip(rows["repo"].to_pylist(), rows["path"].to_pylist(), strict=True)
    order = np.argsort([_die(making, repo, path) for repo, path in names], kind="stable")
    sizes = rows["size_bytes"].to_numpy()[order] if len(rows) else np.array([], np.int64)
    return rows.take(pa.array(np.sort(order[np.cumsum(sizes) <= MAX_BYTES]).astype(np.int64)))


def _die(making: Making, *names: str) -> int:
    return xxhash.xxh3_64_intdigest("\0".join((str(making.recipe.seed), *names)).encode()) >> 1


def _contents(making: Making, rows: pa.Table) -> Iterator[tuple[dict[str, str], str]]:
    names = ["repo", "path", "id", "side"]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows.slice(start, ROWS_AT_ONCE)
        texts = making.contents.of(some).to_pylist()
        for row, text in zip(some.select(names).to_pylist(), texts, strict=True):
            if text is not None:
                yield row, text


def _candidates(row: dict[str, str], content: str) -> Iterator[_Candidate]:
    module = module_parts(row["path"])
    for found in functions_of(content):
        yield _Candidate(HeldOutFunction(row["repo"], row["path"], row["id"], **found._asdict(), tests=()), module)


def _note_calls(row: dict[str, str], content: str, candidates: dict[tuple[str, str], list[_Candidate]]) -> None:
    imports, words = imported_words(content), words_of(content)
    known = {
        name
        for (repo, name), some in candidates.items()
        if repo == row["repo"] and name in words and any(not imports.isdisjoint(item.module[-2:]) for item in some)
    }
    mine = {name: candidates[row["repo"], name] for name in known}
    owners = {item.function.name.rpartition(".")[0] for some in mine.values() for item in some} - {""}
    for call in calls_of_tests(content, known, owners):
        for candidate in mine[call.name]:
            if _fits(call, candidate):
                candidate.tests.add((row["path"], call.test, row["side"]))


def _fits(call: Call, candidate: _Candidate) -> bool:
    """True where what the test imports can be what the function's file defines."""
    owner = candidate.function.name.rpartition(".")[0]
    return call.owner == owner and names_module(call.module, candidate.module)


def _order(item: _Candidate) -> tuple[str, str, int]:
    return item.function.repo, item.function.path, item.function.first_line


def _line(item: _Candidate) -> str:
    tests = [asdict(HeldOutTest(*test)) for test in sorted(item.tests)[:MAX_TESTS]]
    values = {**asdict(item.function), "tests": tests}
    return json.dumps(values, ensure_ascii=True, sort_keys=True) + "\n"
