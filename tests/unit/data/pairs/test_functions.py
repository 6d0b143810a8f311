"""Which functions are found, and that their texts are those of the file."""

from __future__ import annotations

import textwrap

import pytest

from understudy.data.pairs.doc_comments import GRAMMARS, documented_functions, parser, plain_text
from understudy.data.pairs.functions import python_functions
from understudy.data.pairs.quality import is_test_file, objection

MODULE = '''\
import os

@cached(maxsize=None)
def total(values):
    """Give the sum of all values, zero if none.

    Slow.
    """
    result = 0
    for value in values:
        result += value
    return result

class Counter(dict):
    async def add(self, key):
        "Count one more of this key here."
        def inner():
            """Not found: it is inside another function."""
            return 1
        self[key] = self.get(key, 0) + 1

def undocumented(x):
    return x

def one_line(x): "doc on the same line"; return x
'''


def test_functions_and_methods_with_a_docstring_are_found_with_their_lines() -> None:
    total, add = python_functions(MODULE)
    assert (total.name, total.lines, total.is_free, total.marks) == ("total", (3, 12), True, ("cached",))
    assert total.documentation == "Give the sum of all values, zero if none.\n\nSlow."
    assert (add.name, add.is_free, add.container) == ("add", False, "class Counter(dict):")
    assert add.signature == 'async def add(self, key):\n    "Count one more of this key here."'


def test_signature_and_body_are_the_whole_function() -> None:
    for function in python_functions(MODULE):
        body = textwrap.indent(function.body, "    ")
        assert f"{function.signature}\n{body}" == function.whole
        first, last = function.lines
        assert textwrap.dedent("\n".join(MODULE.split("\n")[first - 1 : last])) == function.whole


@pytest.mark.parametrize("text", ["def f(:", "(" * 5000, "x = " + "-" * 100_000 + "1", "a\0b"])
def test_what_python_cannot_parse_is_one_kind_of_error(text: str) -> None:
    with pytest.raises(SyntaxError):
        list(python_functions(text))


def documented(
    documentation: str, body: str = "x = 1\nfor y in z:\n    x += y\nreturn x", head: str = "def f(z):"
) -> str:
    return f'{head}\n    """{documentation}"""\n' + textwrap.indent(body, "    ") + "\n"


GOOD = "Give the sum of all values and one."


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (documented(GOOD), None),
        (documented("Sum it."), "documentation-too-short"),
        (documented(GOOD * 100), "documentation-too-long"),
        (documented(GOOD + " TODO"), "unfinished"),
        (documented("See the function above for what this does."), "documentation-points-elsewhere"),
        (
            documented("==== ---- ==== ---- 1234 5678 9012 a table of many large numbers 3456 7890 1234"),
            "documentation-not-words",
        ),
        (documented(GOOD + " <EMAIL>"), "redacted"),
        (documented(GOOD, head="def test_f(z):"), "test-or-special-method"),
        (documented(GOOD, head="def __init__(z):"), "test-or-special-method"),
        (documented(GOOD, head="@abc.abstractmethod\ndef f(z):"), "not-a-plain-function"),
        (documented(GOOD, "raise NotImplementedError"), "stub"),
        (documented(GOOD, "return z"), "body-trivial"),
        (documented(GOOD, "x = 1\n" * 200 + "return x"), "body-too-long"),
        (documented(GOOD, "x = 1\n# FIXME\ny = 2\nreturn x"), "unfinished"),
        (documented(GOOD, "x = '<KEY>'\ny = 2\nreturn x"), "redacted"),
    ],
)
def test_a_function_that_teaches_little_is_left_out_with_the_reason(source: str, reason: str | None) -> None:
    (function,) = python_functions(source)
    assert objection(function) == reason


@pytest.mark.parametrize(
    ("path", "is_test"),
    [
        ("tests/x.py", True),
        ("a/test_b.py", True),
        ("a/b_test.go", True),
        ("a/b.spec.ts", True),
        ("src/FooTest.java", True),
        ("a/contest.py", False),
        ("latest/a.py", False),
        ("a/attest_b.py", False),
    ],
)
def test_test_files_are_known_by_their_names(path: str, is_test: bool) -> None:
    assert is_test_file(path) == is_test


JAVASCRIPT = """\
/**
 * Adds two.
 * @param a first
 */
export function add(a, b) {
  const c = a + b;
  return c;
}
// a remark
function no() { return 1; }
"""
TYPESCRIPT = """\
class A {
  /** Adds two. */
  add(a: number, b: number): number {
    return a + b;
  }
}
"""
GO = """\
package a

// Add adds two.
func Add(a, b int) int {
\tc := a + b
\treturn c
}

func no() {}
"""
JAVA = """\
class A {
    /**
     * Adds two.
     */
    int add(int a, int b) {
        return a + b;
    }
    // no
    void no() {}
}
"""
SOURCES = {"javascript": JAVASCRIPT, "typescript": TYPESCRIPT, "go": GO, "java": JAVA}


@pytest.mark.parametrize("lang", SOURCES)
def test_comments_right_above_a_function_document_it(lang: str) -> None:
    if parser(lang) is None:
        pytest.skip(f"no grammar for {lang} (pip install 'understudy[languages]')")
    (function,) = documented_functions(SOURCES[lang], lang)
    assert function.name.lower() == "add"
    assert "dds two." in function.documentation
    assert "*" not in function.documentation
    assert "return" in function.body
    assert set(function.body.split("\n")) <= {line.strip() for line in function.whole.split("\n")}
    first, last = function.lines
    assert SOURCES[lang].split("\n")[last - 1].strip() == "}"
    assert SOURCES[lang].split("\n")[first - 1].strip()[:2] in ("/*", "//")


def test_broken_code_of_another_language_is_refused() -> None:
    if parser("go") is None:
        pytest.skip("no grammar for go (pip install 'understudy[languages]')")
    with pytest.raises(SyntaxError):
        list(documented_functions("func (((", "go"))


def test_a_language_without_a_grammar_has_no_parser() -> None:
    assert parser("cobol") is None
    assert "python" not in GRAMMARS


def test_comment_signs_are_taken_off() -> None:
    assert plain_text("/**\n * One.\n *\n *   two\n */") == "One.\n\n  two"
    assert plain_text("// One.\n// two") == "One.\ntwo"
