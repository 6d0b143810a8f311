"""The parse check: what is broken goes, Python 2 is told from it, and other languages may be wrong in places."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from understudy.core.errors import ResourceError
from understudy.core.recipe import Recipe
from understudy.data.documents import WORKING_SCHEMA
from understudy.data.steps import late_steps_of, parsed_languages
from understudy.data.steps.parsers import GRAMMARS, Parsers, installed_parsers
from understudy.data.steps.python2 import as_python3
from understudy.data.steps.unparsable import Unparsable

needs_grammars = pytest.mark.skipif(
    not installed_parsers().keys() >= GRAMMARS.keys(), reason="pip install 'understudy[languages]'"
)
PYTHON2 = {
    "print": "def f(x):\n    print 'a', x,\n    print\n    print >>x, 'b'\n    if x: print 'c'; print `x`\n",
    "except": "try:\n    f()\nexcept (A, B), (number, text):\n    pass\nexcept C, self.error: pass\n",
    "raise": "def f():\n    raise ValueError, 'no', trace\n",
    "exec": "exec 'x = 1' in names, {}\n",
    "numbers": "mode = 0755 | 10L | 0xFFL\n",
    "strings": "a = ur'\\users' + b'\u00e9' + 'C:\\users'\n",
    "unequal": "if a <> b: pass\n",
    "parameters": "def f(a, (b, (c, d)), e=1): return lambda (x, y): x\n",
    "tabs": "if x:\n        a = 1\n\tb = 2\n",
    "names": "True = 1\ndef f(async, await=None):\n    nonlocal = async\n",
    "import star": "def f():\n    from os import *\n    global x, y\n    exec 'x'\n",
    "a print and a brace": "print {'a': 1}, [1, 2][0], -1, not x, lambda: 0\n",
}
NEITHER = {
    "a lost bracket": "def f(:\n    print 'x'\n",
    "indentation": "if x:\nprint 'a'\n",
    "an f-string": "print f'{x}'\n",
    "raise from": "print 'a'\nraise A from b\n",
    "an annotation": "def f() -> int:\n    print 'a'\n",
    "a walrus": "print 'a', (n := 1)\n",
    "async def": "async def f():\n    print 'a'\n",
    "a template": "print 'x'\n{% if a %}\nclass {{ name }}:\n    pass\n",
    "a conflict": "<<<<<<< HEAD\nprint 'a'\n=======\nprint 'b'\n>>>>>>> other\n",
    "an open string": "print '''a\n",
    "prose": "print this page and read it\n",
}


def checked(text: str, lang: str = "python", path: str = "a", **settings: Any) -> tuple[str | None, str]:
    """(reason, language) of a file after the step."""
    row: dict[str, Any] = {field.name: None for field in WORKING_SCHEMA}
    row |= {"content": text, "path": path, "lang": lang, "repo": "r"}
    after = Unparsable(**settings)(pa.RecordBatch.from_pylist([row], WORKING_SCHEMA)).to_pylist()[0]
    return after["drop_reason"], after["lang"]


@pytest.mark.parametrize("name", PYTHON2)
def test_python_2_is_recognised(name: str) -> None:
    assert checked(PYTHON2[name]) == ("python2", "python")


@pytest.mark.parametrize("name", NEITHER)
def test_what_is_neither_python_3_nor_2_is_unparsable(name: str) -> None:
    assert checked(NEITHER[name]) == ("unparsable", "python")


def test_the_recipe_decides_what_happens_to_python_2() -> None:
    assert checked(PYTHON2["print"], python2="keep") == (None, "python")
    assert checked(PYTHON2["print"], python2="separate") == (None, "python2")
    assert checked(NEITHER["prose"], python2="separate") == ("unparsable", "python")


def test_python_2_says_what_python_3_has_against_it() -> None:
    verdict = Unparsable().judge(PYTHON2["except"], "a.py", "python")
    assert verdict is not None and verdict.evidence.startswith("valid Python 2; line 3: ")


def test_a_broken_file_of_python_3_is_never_taken_for_python_2() -> None:
    folder = Path(sysconfig.get_paths()["stdlib"])
    for name in ("abc", "bisect", "colorsys", "heapq", "copy", "queue", "shelve", "textwrap", "shlex", "sched"):
        text = (folder / f"{name}.py").read_text()
        brackets = [at for at, character in enumerate(text) if character in "([{"]
        for at in brackets[:: max(1, len(brackets) // 12)]:
            assert checked(text[:at] + text[at + 1 :])[0] in ("unparsable", None)


@pytest.mark.parametrize("text", ["'" * 100_000, "`" * 100_001, "(" * 50_000, "\t" * 100_000 + "x", "print " * 20_000])
def test_a_bomb_is_translated_in_one_pass(text: str) -> None:
    assert checked(text)[0] == "unparsable"


def test_translating_leaves_python_3_valid() -> None:
    text = (Path(sysconfig.get_paths()["stdlib"]) / "textwrap.py").read_text()
    compile(as_python3(text) or "?", "textwrap", "exec")


GOOD = {
    "c": "#include <stdio.h>\nSTATIC_INLINE int FASTCALL f(int a) { return a; }\nint main(void) { return f(0); }\n" * 5,
    "c++": "namespace a {\ntemplate <typename T> struct B { T t; };\n}\nauto f() -> int { return 1; }\n",
    "c-sharp": "namespace A { class B { int C => 1; } }\n",
    "go": "package main\n\nfunc main() {\n\tprintln(1)\n}\n",
    "java": "package a;\nclass B { int c() { return 1; } }\n",
    "javascript": "export const a = async () => <div>{await b}</div>;\n",
    "php": "<p><?php foreach ($a as $b) { echo $b; } ?></p>\n",
    "ruby": "class A\n  def b = [1, 2].map { |x| x + 1 }\nend\n",
    "rust": 'fn main() { let v: Vec<_> = (0..3).map(|x| x * 2).collect(); println!("{v:?}"); }\n',
    "shell": "for f in *.txt; do\n  echo \"${f%.txt}\" | sed 's/a/b/'\ndone\n",
    "typescript": "type A<T> = { [K in keyof T]?: T[K] };\nexport const f = <T,>(a: A<T>): T => a as T;\n",
}
PROSE = (
    "This is no programme, it's a letter; nobody (not one!) would take it for code: \"really\", 'so' } it goes.\n" * 4
)


@needs_grammars
@pytest.mark.parametrize("lang", GRAMMARS)
def test_good_code_passes_and_a_letter_does_not(lang: str) -> None:
    assert checked(GOOD[lang], lang) == (None, lang)
    if lang not in ("php", "shell"):  # to which any text is a page, or a list of commands
        assert checked(PROSE, lang)[0] == "unparsable"


@needs_grammars
def test_a_little_that_the_grammar_cannot_place_is_allowed() -> None:
    broken = GOOD["rust"] * 20 + "fn f( { let = ; }\n"
    assert checked(broken, "rust")[0] is None
    assert checked(broken, "rust", error_fraction=0.0)[0] == "unparsable"
    assert checked(broken, "rust", error_fraction=0.0, error_fractions={"rust": 0.5})[0] is None
    assert checked(PROSE, "rust", error_fraction=None)[0] is None


@needs_grammars
def test_a_merge_conflict_is_one_whatever_its_share() -> None:
    text = GOOD["go"] + "// filler\n" * 400 + "<<<<<<< HEAD\nvar a = 1\n=======\nvar a = 2\n>>>>>>> other\n"
    verdict = Unparsable().judge(text, "a.go", "go")
    assert verdict is not None and verdict.evidence == "line 406: a merge conflict"


@needs_grammars
def test_tags_are_typescript_only_in_a_file_named_tsx() -> None:
    tags = b"export const a = <div><b>text</b></div>;\n"
    parsers = Parsers(installed_parsers())
    assert parsers.errors(tags, "typescript", "a.tsx", 0).n_bytes == 0
    assert parsers.errors(tags, "typescript", "a.ts", 0).n_bytes > 0


@needs_grammars
@pytest.mark.parametrize("text", ["(" * 100_000, "a<" * 50_000, "{[(" * 30_000, "-" * 100_000 + "1", "if(x)" * 20_000])
def test_a_bomb_for_a_grammar_ends(text: str) -> None:
    assert checked(text, "c++")[0] in ("unparsable", None)


def test_a_language_without_its_grammar_is_not_checked() -> None:
    assert checked(PROSE, "rust", parsers={}) == (None, "rust")
    assert checked(PROSE, "cobol") == (None, "cobol")


def test_the_recipe_knows_which_languages_are_checked_and_with_which_versions() -> None:
    recipe = Recipe(name="t")
    assert parsed_languages(recipe) == ["python", *installed_parsers()]
    assert late_steps_of(recipe)[-1].settings["parsers"] == installed_parsers()
    assert parsed_languages(Recipe.model_validate({"name": "t", "data": {"drop": ["duplicate"]}})) == []


def test_a_worker_without_the_grammar_it_needs_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GRAMMARS, "cobol", GRAMMARS["c"]._replace(wheel="tree-sitter-nothing", or_else=None))
    with pytest.raises(ResourceError, match=r"tree-sitter-nothing is not installed") as told:
        Parsers({"cobol": "1"}).errors(b"x", "cobol", "a.cob", 0)
    assert "understudy[languages]" in str(told.value)
