"""What a Python file defines, and what its tests call, by its syntax tree alone: nothing is imported or run."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Set
from typing import NamedTuple

WORD = re.compile(r"\w+")
IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t][^(\n]*(?:\([^)]*\))?", re.MULTILINE)
MIN_BODY_LINES = 2
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Defined(NamedTuple):
    """A function or method. Its body, docstring included, is `content[body_start_byte:body_end_byte]` as UTF-8."""

    name: str  # qualified: Class.method
    first_line: int
    last_line: int
    body_start_byte: int
    body_end_byte: int
    has_docstring: bool


class Call(NamedTuple):
    """A test calls `name`; `owner` is the class it belongs to, or empty, and `module` what it was imported from."""

    test: str
    module: tuple[str, ...]
    owner: str
    name: str


class Imported(NamedTuple):
    """What a name of the file stands for: `from module import name`, or a module where `name` is empty."""

    module: tuple[str, ...]
    name: str


def functions_of(content: str) -> Iterator[Defined]:
    """The functions and methods of at least two lines of body, in order; none where the file cannot be parsed."""
    tree = _parsed(content)
    if tree is None:
        return
    starts = _line_starts(content)
    for owner, node in _functions(tree.body):
        first, last = node.body[0], node.body[-1]
        if first.lineno == node.lineno or _n_lines(node) < MIN_BODY_LINES or _is_dunder(node.name):
            continue
        yield Defined(
            name=f"{owner}.{node.name}" if owner else node.name,
            first_line=min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]),
            last_line=node.end_lineno or node.lineno,
            body_start_byte=starts[first.lineno - 1],
            body_end_byte=starts[(last.end_lineno or 1) - 1] + (last.end_col_offset or 0),
            has_docstring=ast.get_docstring(node, clean=False) is not None,
        )


def calls_of_tests(content: str, names: Set[str], owners: Set[str]) -> Iterator[Call]:
    """The calls of these names, methods of these classes among them, in the file's test functions, with where each name
    was imported from."""
    tree = _parsed(content) if names else None
    if tree is None:
        return
    imported = _imports(tree)
    classes = [known for known in imported.values() if known.name in owners]
    for owner, node in _functions(tree.body):
        if node.name.startswith("test"):
            test = f"{owner}.{node.name}" if owner else node.name
            yield from _calls(test, node, imported, names, classes)


def words_of(content: str) -> set[str]:
    """Every word of a text: what it cannot call, because it does not name it, is cheaper to know than to parse."""
    return set(WORD.findall(content))


def imported_words(content: str) -> set[str]:
    """Every word of its import statements."""
    return {word for statement in IMPORT.findall(content) for word in WORD.findall(statement)}


def module_parts(path: str) -> tuple[str, ...]:
    """`src/pkg/__init__.py` as ("src", "pkg"); `pkg/mod.py` as ("pkg", "mod")."""
    parts = tuple(path.removesuffix(".py").split("/"))
    return parts[:-1] if parts[-1] == "__init__" else parts


def names_module(imported: tuple[str, ...], module: tuple[str, ...]) -> bool:
    """True where an import of these parts can mean this module, or a package above it that passes its names on."""
    n = len(imported)
    return n > 0 and any(module[start : start + n] == imported for start in range(len(module) - n + 1))


def _parsed(content: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the file's own invalid escapes
            return ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _functions(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, Function]]:
    """Functions of a module and methods of its classes; what is inside functions is not reached from outside."""
    for node in body:
        if isinstance(node, Function):
            yield owner, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{owner}.{node.name}" if owner else node.name)


def _n_lines(node: Function) -> int:
    """The lines of the body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _line_starts(content: str) -> list[int]:
    """The byte at which each line starts, lines as Python's parser counts them."""
    starts, at = [0], 0
    for line in re.split(rb"(?<=\n)|(?<=\r)(?!\n)", content.encode("utf-8", "surrogatepass")):
        at += len(line)
        starts.append(at)
    return starts


def _imports(tree: ast.Module) -> dict[str, Imported]:
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                # `import a.b` binds `a`; what follows it is in the call: a.b.f()
                found[alias.asname or alias.name] = Imported(tuple(alias.name.split(".")), "")
        elif isinstance(node, ast.ImportFrom):
            module = tuple(part for part in (node.module or "").split(".") if part)
            for alias in node.names:
                found[alias.asname or alias.name] = Imported(module, alias.name)
    return found


def _calls(
    test: str, node: Function, imported: dict[str, Imported], names: Set[str], classes: list[Imported]
) -> Iterator[Call]:
    for inner in ast.walk(node):
        if not isinstance(inner, ast.Call):
            continue
        if isinstance(inner.func, ast.Name):
            known = imported.get(inner.func.id)
            if known is not None and known.name in names:
                yield Call(test, known.module, "", known.name)
        elif isinstance(inner.func, ast.Attribute) and inner.func.attr in names:
            name, base = inner.func.attr, _dotted(inner.func.value)
            known = imported.get(base)
            if known is not None:  # module.f(), or Class.f()
                yield Call(test, (*known.module, known.name) if known.name else known.module, "", name)
            for other in classes:  # thing.f(), where the thing may be of any class that the file imports
                yield Call(test, other.module, other.name, name)


def _dotted(node: ast.expr) -> str:
    """`a.b.c` for such an expression; empty for any other."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
