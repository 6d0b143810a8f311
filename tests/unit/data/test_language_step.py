"""The language of a file by its content, where its name leaves it open."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from understudy.core.errors import ResourceError
from understudy.core.recipe import Recipe
from understudy.data.documents import WORKING_SCHEMA
from understudy.data.steps import magika_model, steps_of
from understudy.data.steps.language import DetectLanguage
from understudy.data.steps.magika_model import LABELS, Model, magika_edition
from understudy.data.steps.signs import SIGNS, by_shebang
from understudy.formats.languages import AMBIGUOUS, BY_NAME

needs_magika = pytest.mark.skipif(
    importlib.util.find_spec("magika") is None, reason="pip install 'understudy[languages]'"
)
QT = '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n<TS version="2.0"></TS>\n'
TYPESCRIPT = "export function f(a: number): string {\n  return `${a}`;\n}\n"
PERL = '#!/usr/bin/perl\nuse strict;\nmy $a = shift;\nprint "$a\\n";\n'
PROLOG = ":- module(family, [parent/2]).\nparent(tom, bob).\ngrandparent(X, Z) :- parent(X, Y), parent(Y, Z).\n"
OBJECTIVE_C = "#import <Foundation/Foundation.h>\n@interface A : NSObject\n@end\n"
MATLAB = "function y = f(x)\n% doubles it\ny = 2 * x;\nend\n"
CPP = "#pragma once\nnamespace a {\ntemplate <typename T>\nclass B {\npublic:\n  T t;\n};\n}\n"
C = "#ifndef A_H\n#define A_H\nstruct a { int b; };\nint f(struct a *a);\n#endif\n"
COQ = "Require Import List.\nTheorem t : forall n, n = n.\nProof. reflexivity. Qed.\n"
VERILOG = "module a(input b, output c);\n  assign c = ~b;\nendmodule\n"
PYTHON = (
    "import os\nimport sys\n\n\ndef main():\n    for name in sys.argv[1:]:\n        print(os.path.getsize(name))\n" * 3
)


def told(text: str, path: str, lang: str | None, **settings: Any) -> tuple[str | None, str | None]:
    """(language, reason) of a file after the step."""
    row: dict[str, Any] = {field.name: None for field in WORKING_SCHEMA}
    row |= {"content": text, "path": path, "lang": lang, "repo": "r"}
    step = DetectLanguage(**settings)
    step.setup()
    after = step(pa.RecordBatch.from_pylist([row], WORKING_SCHEMA)).to_pylist()[0]
    return after["lang"], after["drop_reason"]


@pytest.mark.parametrize(
    ("text", "path", "lang", "expected"),
    [
        (QT, "i18n/de.ts", "typescript", "xml"),
        (TYPESCRIPT, "a.ts", "typescript", "typescript"),
        (QT, "a.py", "python", "xml"),
        ("<!DOCTYPE html>\n<html></html>\n", "a.js", "javascript", "html"),
        ("<?xml version='1.0'?>\n<?php echo 1;", "a.php", "php", "php"),
        ("<?xml version='1.0'?>\n<template/>", "a.vue", "vue", "vue"),
        (PERL, "a.pl", "perl", "perl"),
        (PROLOG, "a.pl", "perl", "prolog"),
        (OBJECTIVE_C, "a.m", "objective-c", "objective-c"),
        (MATLAB, "a.m", "objective-c", "matlab"),
        (OBJECTIVE_C, "a.h", "c", "objective-c"),
        (CPP, "a.h", "c", "c++"),
        (C, "a.h", "c", "c"),
        ("/* using the class below: */\nint a;\n", "a.h", "c", "c"),
        (COQ, "a.v", "verilog", "coq"),
        (VERILOG, "a.v", "verilog", "verilog"),
        ("<?php\nfunction f() {}\n", "a.inc", None, "php"),
        ("#!/usr/bin/env -S python3 -u\nx = 1\n", "bin/tool", None, "python"),
        ("#!/bin/bash -e\nls\n", "tool", None, "shell"),
        ("#!/usr/bin/python\nprint(1)\n", "a.cgi", "perl", "python"),
        ("#!/bin/sh\n'''exec' python \"$0\"\n' '''\n", "a.py", "python", "python"),
    ],
)
def test_signs_in_the_text_settle_what_the_name_leaves_open(
    text: str, path: str, lang: str | None, expected: str
) -> None:
    assert told(text, path, lang) == (expected, None)


def test_a_file_that_turns_out_to_be_of_another_language_goes_where_that_is_not_wanted() -> None:
    assert told(PROLOG, "a.pl", "perl", wanted=["perl"]) == ("prolog", "language-not-wanted")
    assert told(PROLOG, "a.pl", "perl", wanted=["prolog"]) == ("prolog", None)
    assert told(C, "a.h", "c", wanted=["c++"]) == ("c", "language-not-wanted")
    assert told("no sign of anything\n", "tool", None) == (None, "unknown-language")


def test_notebooks_have_their_language_already() -> None:
    assert told("x <- 1\n", "a.ipynb", "r", wanted=["jupyter-notebook"]) == ("r", None)


@pytest.mark.parametrize(
    ("line", "lang"),
    [
        ("#!/usr/bin/env node", "javascript"),
        ("#! /usr/local/bin/ruby -w", "ruby"),
        ("#!/usr/bin/python3.11", "python"),
        ("#!/usr/bin/env LANG=C perl", "perl"),
        ("#!/usr/bin/env", None),
        ("#!/opt/unheard-of", None),
        ("#!" + " " * 100_000, None),
        ("# no shebang", None),
    ],
)
def test_the_first_line_names_a_program(line: str, lang: str | None) -> None:
    assert by_shebang(line + "\n") == lang


def test_every_sign_is_of_a_language_that_claims_the_extension() -> None:
    for extension, signs in SIGNS.items():
        assert {sign.lang for sign in signs} <= set(AMBIGUOUS[extension])


def test_signs_cost_little_on_hostile_text() -> None:
    for extension in SIGNS:
        for text in ("class " * 100_000, " " * 100_000, "a" * 100_000, "w(" * 50_000):
            told(text, f"a{extension}", AMBIGUOUS[extension][0])


def test_magika_s_labels_are_languages_of_the_table() -> None:
    assert set(LABELS.values()) <= BY_NAME.keys()


@needs_magika
def test_content_tells_the_language_of_a_file_without_a_name() -> None:
    edition = magika_edition()
    assert told(PYTHON, "bin/tool", None, magika=edition) == ("python", None)
    assert told(PYTHON, "a.unheard-of", None, magika=edition, wanted=["go"]) == ("python", "language-not-wanted")
    assert told("lorem ipsum " * 3, "tool", None, magika=edition)[1] is not None
    assert told("x", "tool", None, magika=edition) == (None, "unknown-language")


@needs_magika
def test_a_shared_extension_stays_with_those_that_share_it() -> None:
    assert told(PYTHON, "a.m", "objective-c", magika=magika_edition()) == ("objective-c", None)


@needs_magika
def test_our_reading_of_the_model_is_magika_s_own() -> None:
    from magika import Magika

    model, magika = Model(), Magika()
    for path in sorted(Path(__file__).parent.glob("*.py"))[:8]:
        data = path.read_bytes()
        guess, theirs = model.guess(data), magika.identify_bytes(data)
        assert guess is not None
        assert (guess.label, guess.score) == (str(theirs.dl.label), pytest.approx(theirs.score, abs=0.001))


def test_content_without_magika_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(magika_model, "PACKAGES", ("magika-that-is-not-there", "onnxruntime"))
    with pytest.raises(ResourceError, match=r"understudy\[languages\]"):
        steps_of(Recipe.model_validate({"name": "t", "data": {"detect": "content"}}))


def test_names_alone_need_no_model() -> None:
    step = next(setting for setting in steps_of(Recipe(name="t")) if setting.name == "language")
    assert step.settings == {"wanted": None, "magika": None}
