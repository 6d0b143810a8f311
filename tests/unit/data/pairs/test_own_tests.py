"""A function's own tests tell a right solution from a wrong one, and are not used where they cannot."""

from __future__ import annotations

import sys

import pytest

from understudy.data.pairs.own_tests import Assertion, assertions_in, emptied, library_imports, usable_tests
from understudy.sandbox import Sandbox
from understudy.sandbox.run import available_level

if sys.platform != "linux":
    pytest.skip("the sandbox is Linux's", allow_module_level=True)

DOCUMENTATION = """Halve a number.

>>> x = 8
>>> half(x)
4.0
>>> half('a')
Traceback (most recent call last):
    ...
TypeError: unsupported operand type(s) for /: 'str' and 'int'
>>> print(half(3), '!')
1.5 ...
>>> {half(2), half(4)} == {1.0, 2.0}
True
"""
MODULE = "from __future__ import annotations\nimport math, numpy\nimport operator\nfrom .near import x\n"
CODE = "def half(x):\n    return operator.truediv(x, 2)"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox(available_level())


def test_a_right_solution_passes_and_wrong_ones_do_not(sandbox: Sandbox) -> None:
    tests = usable_tests(sandbox, MODULE, CODE, DOCUMENTATION, (Assertion("half(10)", 5.0),))
    assert tests is not None
    assert len(tests) == 5
    assert tests.passes(sandbox, "def half(x):\n    return x / 2")
    for wrong in ("return x // 2", "return 4.0", "raise ValueError", "return x / 0", "import os; os._exit(0)", "pass"):
        assert not tests.passes(sandbox, f"def half(x):\n    {wrong}")


def test_a_solution_that_forges_its_verdict_does_not_pass(sandbox: Sandbox) -> None:
    tests = usable_tests(sandbox, MODULE, CODE, DOCUMENTATION, (Assertion("half(10)", 5.0),))
    assert tests is not None
    equal = (
        "def half(x):\n    class E(float):\n        def __eq__(s, o): return True\n"
        "        def __repr__(s): return '4.0'\n    return E()"
    )
    exits = "import sys\ndef half(x):\n    sys.exit(0)"
    patched = "def half(x):\n    global __example__\n    __example__ = lambda s: ('True', None)\n    return 4.0"
    writes = (
        "def half(x):\n    import os\n    for n in range(3, 20):\n"
        "        try: os.write(n, b'value true\\n' * 6 + b'end null\\n')\n        except OSError: pass\n    os._exit(0)"
    )
    for forged in (equal, exits, patched, writes):
        assert not tests.passes(sandbox, forged)


def test_tests_that_prove_nothing_are_not_used(sandbox: Sandbox) -> None:
    assert usable_tests(sandbox, "", CODE, DOCUMENTATION, ()) is None  # it needs an import that is not there
    assert usable_tests(sandbox, MODULE, CODE, "No examples at all.", ()) is None
    assert usable_tests(sandbox, MODULE, CODE, ">>> half(2)  # prints\n", ()) is None
    assert usable_tests(sandbox, "", "def f():\n    'x'\n    y = 1", ">>> 1 + 1\n2\n", ()) is None  # passes when empty


def test_a_value_of_another_type_is_no_equal_value(sandbox: Sandbox) -> None:
    tests = usable_tests(sandbox, "", "def f(x):\n    return x + 1", "", (Assertion("f(0)", 1),))
    assert tests is not None
    assert not tests.passes(sandbox, "def f(x):\n    return True")


def test_plain_assertions_are_found_in_test_files() -> None:
    text = """
def test_it():
    assert half(4) == 2.0
    assert 3 == half(x=6)
    assert half(y) == 2
    assert half(1) == z
    assert half(1) in (2, 3)
    assert thing.half(1) == 2

class T(TestCase):
    def test(self):
        self.assertEqual(half([1, (2,)]), {'a': 1})
"""
    assert list(assertions_in(text)) == [
        ("half", Assertion("half(4)", 2.0)),
        ("half", Assertion("half(x=6)", 3)),
        ("half", Assertion("half([1, (2,)])", {"a": 1})),
    ]
    assert list(assertions_in("def f(:")) == []


def test_only_the_librarys_imports_are_kept_and_the_future_comes_first() -> None:
    assert library_imports(MODULE) == "from __future__ import annotations\nimport operator"
    assert emptied("def f(x):\n    return 1") == "def f(x):\n    pass"
