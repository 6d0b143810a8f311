"""The tests that a function brings along: doctests in its docstring, plain asserts about it in the repository's tests.

What is expected stays here; the sandbox is only told what to evaluate. A test that the function itself does not pass
alone, or that a function without a body passes too, proves nothing and is not used.
"""

from __future__ import annotations

import ast
import doctest
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from understudy.sandbox import Limits, Sandbox

MOST_TESTS = 10
LIMITS = Limits(cpu_seconds=2, wall_seconds=10.0)
# Runs one example as the interpreter would, and gives what it printed and the last line of what it raised.
HARNESS = """
def __example__(source):
    import contextlib, io, traceback
    printed, raised = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(source, "example", "single"), globals())
        except BaseException as error:
            raised = "".join(traceback.format_exception_only(error))
    return printed.getvalue(), raised
"""


@dataclass(frozen=True, slots=True)
class Assertion:
    """An expression and the value it must have."""

    expression: str
    expected: Any


@dataclass(frozen=True, slots=True)
class Tests:
    """What a function's code must do after `setup`."""

    setup: str
    examples: tuple[doctest.Example, ...]
    assertions: tuple[Assertion, ...]

    def __len__(self) -> int:
        return sum(bool(example.want) for example in self.examples) + len(self.assertions)

    def passes(self, sandbox: Sandbox, code: str) -> bool:
        """True if the code does what every test expects."""
        expressions = [f"__example__({example.source!r})" for example in self.examples]
        expressions += [assertion.expression for assertion in self.assertions]
        outcome = sandbox.run(f"{self.setup}\n{code}\n{HARNESS}", expressions, limits=LIMITS)
        if outcome.status != "passed":
            return False
        shown, values = outcome.values[: len(self.examples)], outcome.values[len(self.examples) :]
        return all(map(_is_as_shown, self.examples, shown)) and all(
            type(value) is type(assertion.expected) and value == assertion.expected
            for assertion, value in zip(self.assertions, values, strict=True)
        )


def usable_tests(
    sandbox: Sandbox, module: str, code: str, documentation: str, assertions: tuple[Assertion, ...]
) -> Tests | None:
    """The tests of a function that it passes alone and that an empty one fails; None where there are none."""
    try:
        examples = tuple(doctest.DocTestParser().get_examples(documentation))[:MOST_TESTS]
    except ValueError:  # a malformed example
        examples = ()
    tests = Tests(library_imports(module), examples, assertions[:MOST_TESTS])
    if not len(tests) or not tests.passes(sandbox, code) or tests.passes(sandbox, emptied(code)):
        return None
    return tests


def _is_as_shown(example: doctest.Example, shown: Any) -> bool:
    if type(shown) is not tuple or len(shown) != 2 or type(shown[0]) is not str:
        return False
    printed, raised = shown
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for option, is_set in example.options.items():
        flags = flags | option if is_set else flags & ~option
    check = doctest.OutputChecker().check_output
    if example.exc_msg is not None:
        return type(raised) is str and check(example.exc_msg, raised, flags)
    return raised is None and check(example.want, printed, flags)


def library_imports(module: str) -> str:
    """The lines of a module that import from Python's own library: what a function may need to run alone."""
    kept = []
    for node in ast.parse(module).body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        else:
            continue
        if all(name.split(".")[0] in sys.stdlib_module_names for name in names):
            kept.append(ast.unparse(node))
    return "\n".join(sorted(kept, key=lambda line: "__future__" not in line))


def emptied(code: str) -> str:
    """The function with nothing in its body."""
    tree = ast.parse(code)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [ast.Pass()]
    return ast.unparse(tree)


def assertions_in(text: str) -> Iterator[tuple[str, Assertion]]:
    """(function, assertion) for every `assert f(…) == …` and `assertEqual(f(…), …)` between literals."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare) and _is_equality(node.test):
            yield from _assertion(node.test.left, node.test.comparators[0])
        elif isinstance(node, ast.Call) and _is_assert_equal(node.func) and len(node.args) == 2:
            yield from _assertion(*node.args)


def _is_assert_equal(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and function.attr in ("assertEqual", "assertEquals")


def _is_equality(test: ast.Compare) -> bool:
    return len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)


def _assertion(left: ast.expr, right: ast.expr) -> Iterator[tuple[str, Assertion]]:
    for call, value in ((left, right), (right, left)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            try:
                for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
                    ast.literal_eval(argument)
                yield call.func.id, Assertion(ast.unparse(call), ast.literal_eval(value))
            except (ValueError, TypeError, RecursionError, MemoryError):
                continue
            return
