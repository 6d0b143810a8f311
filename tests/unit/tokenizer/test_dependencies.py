"""Which file needs which, language by language, and that needed files come first."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.tokenizer.dependencies import Tree, dependencies, in_dependency_order, ordered

PYTHON = """
src/pkg/__init__.py src/pkg/a.py src/pkg/sub/__init__.py src/pkg/sub/b.py tests/test_a.py json.py
""".split()
SCRIPT = "web/a.ts web/b.tsx web/c/index.js web/d.js lib/e.mjs".split()
C = "src/x/a.c src/x/a.h include/lib/b.h src/y/b.h src/y/y.cpp".split()
GO = """
cmd/main.go internal/store/store.go internal/store/disk.go internal/store/store_test.go util/util.go
""".split()
JAVA = "src/com/x/A.java src/com/x/B.java src/com/y/C.java src/com/y/D.java".split()
RUST = "src/lib.rs src/a.rs src/a/deep.rs src/b/mod.rs src/b/c.rs".split()
GO_MAIN = """
package main
import (
\t"fmt"
\ts "example.com/m/internal/store"
)
import "example.com/m/util"
func main() {}
"""
CASES = [
    (PYTHON, "tests/test_a.py", "python", "from pkg.a import f", "src/pkg/a.py"),
    (PYTHON, "src/pkg/a.py", "python", "from . import sub", "src/pkg/sub/__init__.py src/pkg/__init__.py"),
    (PYTHON, "src/pkg/a.py", "python", "from .sub.b import x", "src/pkg/sub/b.py"),
    (PYTHON, "src/pkg/sub/b.py", "python", "from .. import a", "src/pkg/a.py src/pkg/__init__.py"),
    (PYTHON, "src/pkg/sub/b.py", "python", "import os, json, numpy.linalg", "json.py"),
    (["a/b/json.py", "c.py"], "c.py", "python", "import json", ""),
    (PYTHON, "src/pkg/a.py", "python", "print 'python 2'\nimport pkg.sub.b", "src/pkg/sub/b.py"),
    (SCRIPT, "web/d.js", "javascript", "import x from './a'\nconst y = require('./c');", "web/a.ts web/c/index.js"),
    (SCRIPT, "web/a.ts", "typescript", 'export * from "./b";\nimport r from "react"', "web/b.tsx"),
    (SCRIPT, "web/a.ts", "typescript", "import('../lib/e.mjs')", "lib/e.mjs"),
    (SCRIPT, "web/b.tsx", "tsx", "import {a} from './a.js'", "web/a.ts"),
    (C, "src/x/a.c", "c", '#include "a.h"\n#  include <lib/b.h>\n#include <stdio.h>', "src/x/a.h include/lib/b.h"),
    (C, "src/y/y.cpp", "c++", '#include "b.h"', "src/y/b.h"),
    (C, "src/x/a.h", "c", '#include "../y/b.h"', "src/y/b.h"),
    (GO, "cmd/main.go", "go", GO_MAIN, "internal/store/disk.go internal/store/store.go util/util.go"),
    (JAVA, "src/com/x/A.java", "java", "import com.x.B;\nimport java.util.List;", "src/com/x/B.java"),
    (JAVA, "src/com/x/A.java", "java", "import com.y.*;", "src/com/y/C.java src/com/y/D.java"),
    (JAVA, "src/com/x/A.java", "java", "import static com.y.C.run;", "src/com/y/C.java"),
    (RUST, "src/lib.rs", "rust", "mod a;\npub mod b;\npub(crate) mod none;", "src/a.rs src/b/mod.rs"),
    (RUST, "src/a/deep.rs", "rust", "use crate::b::c::Thing;\nuse std::fmt;", "src/b/c.rs"),
    (RUST, "src/b/c.rs", "rust", "use super::Other;\nuse crate::a;", "src/a.rs"),
    (RUST, "src/a.rs", "rust", "mod deep;", "src/a/deep.rs"),
    (["a.md", "b.md"], "a.md", "markdown", "import b", ""),
]


@pytest.mark.parametrize(("paths", "path", "lang", "content", "expected"), CASES)
def test_imports_are_found_in_the_tree(paths: list[str], path: str, lang: str, content: str, expected: str) -> None:
    assert list(dependencies(path, lang, content, Tree.of(paths))) == expected.split()


GRAPHS = st.integers(1, 12).flatmap(
    lambda n: st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=30).map(
        lambda edges: (n, edges)
    )
)


@given(GRAPHS, st.randoms(use_true_random=False))
def test_every_file_comes_once_and_needed_ones_first_where_there_is_no_cycle(
    graph: tuple[int, list[tuple[int, int]]], shuffle: random.Random
) -> None:
    n, edges = graph
    labels = [f"f{number:02d}" for number in range(n)]
    shuffle.shuffle(labels)
    needs: dict[str, list[str]] = {label: [] for label in labels}
    for one, other in edges:
        if one > other:  # no cycle, and the names say nothing about the order
            needs[labels[one]].append(labels[other])
    order = ordered(needs)
    assert sorted(order) == sorted(labels)
    for label, below in needs.items():
        assert all(order.index(other) < order.index(label) for other in below)


@given(GRAPHS)
def test_with_cycles_too_every_file_comes_once(graph: tuple[int, list[tuple[int, int]]]) -> None:
    n, edges = graph
    needs = {str(number): [str(other) for one, other in edges if one == number] for number in range(n)}
    assert sorted(ordered(needs)) == sorted(needs)


def test_a_cycle_is_broken_where_the_walk_from_its_first_path_closes_it() -> None:
    assert ordered({"a": ["b"], "b": ["c"], "c": ["a"]}) == ["c", "b", "a"]


def test_without_imports_the_order_is_that_of_the_paths() -> None:
    files = [("b.py", "python", ""), ("a.py", "python", ""), ("a/c.go", "go", "")]
    assert [files[place][0] for place in in_dependency_order(files)] == ["a.py", "a/c.go", "b.py"]


def test_the_order_the_files_come_in_does_not_matter() -> None:
    files = [(f"p/m{n}.py", "python", f"import p.m{(n * 7 + 3) % 20}\n") for n in range(20)]
    first = [files[place][0] for place in in_dependency_order(files)]
    for seed in range(5):
        shuffled = random.Random(seed).sample(files, len(files))
        assert [shuffled[place][0] for place in in_dependency_order(shuffled)] == first


BAIT = {
    "words": "import " * 50_000,
    "path": "use a" + "::a" * 100_000,
    "brackets": "(" * 50_000,
    "include": '#include "' + "../" * 100_000,
    "from": "from '" + "./" * 100_000,
    "froms": "from './" * 50_000,
    "blanks": "import" + " " * 200_000,
    "signs": "from " + "." * 100_000,
}


@pytest.mark.parametrize("lang", ["python", "javascript", "c", "go", "java", "rust"])
@pytest.mark.parametrize("bait", BAIT.values(), ids=BAIT.keys())
def test_bait_for_regular_expressions_and_parsers_costs_no_more_than_its_length(lang: str, bait: str) -> None:
    started = time.process_time()
    list(dependencies("a.x", lang, bait, Tree.of(["a.x", "b.x"])))
    assert time.process_time() - started < 20  # a pattern that backtracks would take hours, not seconds


def test_a_chain_of_many_files_does_not_exhaust_the_stack() -> None:
    needs = {f"{n:06d}": [f"{n + 1:06d}"] for n in range(50_000)}
    assert ordered(needs)[0] == "049999"
