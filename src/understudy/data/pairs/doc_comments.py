"""Documented functions of JavaScript, TypeScript, Go and Java, by tree-sitter (the extra `languages`).

A function counts as documented when a comment stands right above it, as JSDoc, Javadoc and Go's own convention have it.
A language whose grammar is not installed is skipped, and its files are counted.
"""

from __future__ import annotations

import importlib
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from understudy.data.pairs.functions import Function


@dataclass(frozen=True, slots=True)
class Grammar:
    """Where a language's grammar is, and which of its nodes are functions."""

    module: str
    language: str
    functions: tuple[str, ...]
    containers: tuple[str, ...] = ()
    block_comments_only: bool = True  # `// …` above a function is a remark there, and no documentation


JAVASCRIPT = ("function_declaration", "generator_function_declaration", "method_definition")
CLASSES = ("class_declaration", "class", "interface_declaration", "enum_declaration")
GRAMMARS: dict[str, Grammar] = {
    "javascript": Grammar("tree_sitter_javascript", "language", JAVASCRIPT, CLASSES),
    "typescript": Grammar("tree_sitter_typescript", "language_typescript", JAVASCRIPT, CLASSES),
    "tsx": Grammar("tree_sitter_typescript", "language_tsx", JAVASCRIPT, CLASSES),
    "go": Grammar("tree_sitter_go", "language", ("function_declaration", "method_declaration"), (), False),
    "java": Grammar("tree_sitter_java", "language", ("method_declaration",), CLASSES),
}
WRAPPERS = ("export_statement",)  # a comment stands above `export`, not above the function inside


@lru_cache(maxsize=16)
def parser(lang: str) -> Any | None:
    """The parser for a language; None where there is none or it is not installed."""
    grammar = GRAMMARS.get(lang)
    if grammar is None:
        return None
    try:
        library: Any = importlib.import_module("tree_sitter")
        module = importlib.import_module(grammar.module)
    except ImportError:
        return None
    return library.Parser(library.Language(getattr(module, grammar.language)()))


def documented_functions(text: str, lang: str) -> Iterator[Function]:
    """The functions with a documentation comment. Raises SyntaxError where the file has errors."""
    reader, grammar = parser(lang), GRAMMARS[lang]
    assert reader is not None
    source = text.encode()
    root = reader.parse(source).root_node
    if root.has_error:
        raise SyntaxError(f"tree-sitter finds errors in this {lang}")
    waiting: list[tuple[Any, Any]] = [(root, None)]
    while waiting:
        node, container = waiting.pop()
        for child in reversed(node.children):
            if child.type in WRAPPERS or child.type.endswith("_body"):
                waiting.append((child, container))
            elif child.type in grammar.containers:
                waiting.append((child, child))
        for child in node.children:
            if child.type in grammar.functions:
                yield from _function(child, node if node.type in WRAPPERS else child, container, source, grammar)


def _function(node: Any, outer: Any, container: Any, source: bytes, grammar: Grammar) -> Iterator[Function]:
    comments = _comments_above(outer, grammar)
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    if not comments or name is None or body is None:
        return
    documentation = plain_text(b"\n".join(source[c.start_byte : c.end_byte] for c in comments).decode())
    start = comments[0].start_byte
    yield Function(
        name=source[name.start_byte : name.end_byte].decode(),
        documentation=documentation,
        signature=_text(source, start, body.start_byte).rstrip() + " {",
        body=textwrap.dedent(source[body.start_byte + 1 : body.end_byte - 1].decode().strip("\n")).rstrip(),
        whole=_text(source, start, outer.end_byte),
        lines=(comments[0].start_point[0] + 1, outer.end_point[0] + 1),
        n_statements=sum(child.is_named for child in _statements(body)),
        is_free=container is None and node.child_by_field_name("receiver") is None,
        container="" if container is None else source[container.start_byte :].split(b"\n", 1)[0].decode().strip(),
        marks=(),
    )


def _statements(body: Any) -> list[Any]:
    """A body's direct statements; Go wraps them in a list."""
    children = [child for child in body.children if child.is_named and "comment" not in child.type]
    return list(children[0].children) if len(children) == 1 and children[0].type == "statement_list" else children


def _comments_above(node: Any, grammar: Grammar) -> list[Any]:
    """The comments that end on the line above, and those right above them, from the top."""
    found: list[Any] = []
    below = node
    while (above := below.prev_sibling) is not None and "comment" in above.type:
        text = bytes(above.text)
        is_adjacent = above.end_point[0] + 1 == below.start_point[0]
        if not is_adjacent or (grammar.block_comments_only and not text.startswith(b"/**")):
            break
        found.insert(0, above)
        if grammar.block_comments_only:
            break
        below = above
    return found


def plain_text(comment: str) -> str:
    """A comment without its signs."""
    comment = comment.rstrip()
    if comment.endswith("*/"):
        comment = comment.rstrip("*/").rstrip()
    lines = [re.sub(r"^\s*(?:/\*\*?|\*(?!\*)|//+)?\s?", "", line) for line in comment.split("\n")]
    return textwrap.dedent("\n".join(lines)).strip()


def _text(source: bytes, start: int, end: int) -> str:
    """The text with the indentation of its first line taken into account and away."""
    line_start = source.rfind(b"\n", 0, start) + 1
    return textwrap.dedent(source[line_start:end].decode()).strip("\n")
