"""Signs in a file's text that tell its language without a model: the first line, and words that only one language has.

Each sign is meant to be never wrong and often silent: an extension's usual owner needs none.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from understudy.formats.languages import BY_NAME, INTERPRETERS

HEAD_CHARACTERS = 4_096
SHEBANG = re.compile(r"#![ \t]*(\S+)[ \t]*([^\n]*)")
VERSION = re.compile(r"[\d.]+$")
XML = re.compile(r"\s*<\?xml\b")
HTML = re.compile(r"\s*(?:<!doctype html|<html[\s>])", re.IGNORECASE)
# Languages whose files may well begin with a line of XML or HTML.
TEMPLATES = frozenset(
    ("php", "hack", "asp", "perl", "ruby", "text", "markdown", "shellsession", "http", "json", "yaml")
)


class Sign(NamedTuple):
    """Words that only one language has, among those that share an extension."""

    lang: str
    words: re.Pattern[str]


def _sign(lang: str, words: str) -> Sign:
    return Sign(lang, re.compile(rf"^[ \t]*+(?:{words})", re.MULTILINE))


SIGNS: dict[str, tuple[Sign, ...]] = {
    ".cls": (
        _sign("visual-basic", r"VERSION 1\.0 CLASS|Attribute VB_"),
        _sign("tex", r"\\(?:NeedsTeXFormat|ProvidesClass)"),
    ),
    ".d": (_sign("makefile", r"[\w./-]+\.o: "), _sign("dtrace", r"#pragma D option")),
    ".f": (_sign("forth", r": \w+ \("),),
    ".fs": (_sign("glsl", r"#version \d|precision \w+ float;|void main\s*\("), _sign("forth", r": \S+ \( .*--")),
    ".h": (
        _sign("objective-c", r"@(?:interface|protocol) \w+|@property\b|@class \w+[;,]|#import\b"),
        _sign(
            "c++",
            r"template\s*<|namespace\s*[\w:]*\s*\{|using (?:namespace \w|\w+ =|std::)|class \w[^;\n]*[{:]\s*$"
            r"|(?:public|private|protected):"
            r"|#include <(?:string|vector|map|memory|iostream|functional|algorithm|utility|cstd\w+)>",
        ),
    ),
    ".inc": (_sign("php", r"<\?php\b"), _sign("html", r"<(?:!DOCTYPE html|html|div|table)\b")),
    ".l": (_sign("lex", r"%%\s*$|%option\b"), _sign("common-lisp", r"\((?:defun|defmacro|in-package)\b")),
    ".m": (
        _sign("objective-c", r"@(?:interface|implementation|protocol|import|end)\b|#(?:import|include)\b"),
        _sign("mercury", r":- module\b"),
        _sign("mathematica", r"\(\*|BeginPackage\["),
        _sign("matlab", r"%|function\b[^;{]*$|classdef\b|end\s*;?\s*$"),
    ),
    ".mod": (
        _sign("modula-2", r"(?:IMPLEMENTATION |DEFINITION )?MODULE \w+;"),
        _sign("ampl", r"(?:param|var|set) \w+.*;"),
    ),
    ".pl": (
        _sign("perl", r"use (?:strict|warnings|v?5)|package \w[\w:]*;|(?:my|our) [$@%]"),
        _sign("prolog", r":- \w|\w[\w(), ]* :-"),
    ),
    ".pro": (
        _sign("qmake", r"(?:TEMPLATE|SOURCES|HEADERS|QT|CONFIG|TARGET|SUBDIRS)\s*[+*~-]?="),
        _sign("idl", r"(?:pro|function) \w+,|end\s*$"),
        _sign("prolog", r":- \w|\w[\w(), ]* :-"),
    ),
    ".r": (_sign("rebol", r"(?i:rebol)\s*\["),),
    ".t": (
        _sign("perl", r"use (?:strict|warnings|Test::|v?5)|(?:my|our) [$@%]"),
        _sign("terra", r"terra \w|local \w+ ="),
    ),
    ".v": (
        _sign("coq", r"(?:Require (?:Import|Export)|From \w+ Require|Theorem|Lemma|Proof|Qed|Inductive|Definition)\b"),
        _sign("verilog", r"(?:module|endmodule|`timescale|`include|always @|assign|wire|reg)\b"),
        _sign("v", r"(?:fn \w+\(|pub fn |import \w+$|module \w+$)"),
    ),
}


def by_shebang(text: str) -> str | None:
    """The language of the program that the first line names, or None."""
    match = SHEBANG.match(text[:300])
    if match is None:
        return None
    program, words = match[1].rpartition("/")[2], match[2].split()
    if program == "env":
        words = [word for word in words if not word.startswith("-") and "=" not in word]
        program = words[0].rpartition("/")[2] if words else ""
    program = program.lower()
    return INTERPRETERS.get(program) or INTERPRETERS.get(VERSION.sub("", program))


def by_sign(text: str, extension: str, claimants: tuple[str, ...]) -> str | None:
    """The one of the languages sharing an extension that the text shows itself to be, or None."""
    shebang = by_shebang(text) if text.startswith("#!") else None
    if shebang in claimants:
        return shebang
    signs = SIGNS.get(extension, ())
    head = text[:HEAD_CHARACTERS] if signs else ""
    return next((sign.lang for sign in signs if sign.words.search(head)), None)


def contradiction(text: str, lang: str) -> str | None:
    """The language of a file whose first line cannot stand in `lang`: XML or HTML under the name of a program."""
    if not text[:200].lstrip().startswith("<"):
        return None
    language = BY_NAME.get(lang)
    if language is None or language.kind == "markup" or lang in TEMPLATES:
        return None
    if language.block_comment is not None and language.block_comment[0].startswith("<"):
        return None
    return "xml" if XML.match(text[:200]) else "html" if HTML.match(text[:200]) else None
