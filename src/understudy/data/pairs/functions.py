"""Finds the documented functions of a file: what their documentation says, how they are called, what they do.

Python by its own parser. Other languages by tree-sitter, where its grammars are installed: see `doc_comments.py`.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Function:
    """A documented function as it stands in its file. The texts lose their common indentation, nothing else.

    `whole` is `signature` and `body` with the documentation where it stands: above or between. `is_free` says that it
    belongs to no class, so that its text can stand alone; `container` is the line that opens its class otherwise.
    """

    name: str
    documentation: str
    signature: str
    body: str
    whole: str
    lines: tuple[int, int]
    n_statements: int
    is_free: bool
    container: str = ""
    marks: tuple[str, ...] = ()  # names of its decorators


Definition = ast.FunctionDef | ast.AsyncFunctionDef


def python_functions(text: str) -> Iterator[Function]:
    """The functions and methods with a docstring. Functions inside functions are left out. Raises SyntaxError."""
    try:
        tree = ast.parse(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error)) from None
    lines = text.split("\n")
    for node in tree.body:
        if isinstance(node, Definition):
            yield from _function(node, lines, None)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, Definition):
                    yield from _function(inner, lines, node)


def _function(node: Definition, lines: list[str], container: ast.ClassDef | None) -> Iterator[Function]:
    documentation = ast.get_docstring(node)
    if documentation is None or len(node.body) < 2 or _shares_lines(node):
        return
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    docstring, last = node.body[0], node.end_lineno or node.lineno
    doc_end = docstring.end_lineno or docstring.lineno
    yield Function(
        name=node.name,
        documentation=documentation,
        signature=_text(lines, first, doc_end),
        body=_text(lines, doc_end + 1, last),
        whole=_text(lines, first, last),
        lines=(first, last),
        n_statements=sum(isinstance(inner, ast.stmt) for inner in ast.walk(node)) - 2,
        is_free=container is None,
        container="" if container is None else lines[container.lineno - 1].strip(),
        marks=tuple(map(_mark, node.decorator_list)),
    )


def _shares_lines(node: Definition) -> bool:
    """True if docstring or body start on a line of something else: such a function cannot be cut by lines."""
    docstring, first = node.body[0], node.body[1]
    is_first_alone = first.lineno > (docstring.end_lineno or docstring.lineno)
    return docstring.lineno <= node.lineno or not is_first_alone


def _mark(decorator: ast.expr) -> str:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else ""


def _text(lines: list[str], first: int, last: int) -> str:
    return textwrap.dedent("\n".join(lines[first - 1 : last])).strip("\n")
