"""How much of a file a grammar of tree-sitter cannot make sense of, for the languages whose grammars are installed.

The grammars are single wheels (extra `languages`); nothing is downloaded at run time. A tree-sitter parser always gives
a tree and marks what it had to skip. What counts is the skipped text itself: where a macro of C breaks a function, the
parser wraps all of it into one error, and the statements it understood inside of that are no errors.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from understudy.core.errors import ResourceError

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Point

PIECE_BYTES = 65_536
# Processor time for one file. The slowest of 4,900 real files took 0.6 s; what takes longer than this is a bomb.
BOX_SECONDS = 5.0
CORE = "tree-sitter"


class Grammar(NamedTuple):
    """A grammar's wheel and the function in it; `or_else` is the one to try where this one finds many errors."""

    wheel: str
    function: str = "language"
    or_else: Grammar | None = None


CPP = Grammar("tree-sitter-cpp")
TYPESCRIPT = Grammar("tree-sitter-typescript", "language_typescript")
TSX = Grammar("tree-sitter-typescript", "language_tsx")  # takes any XML too: only for files that are named so
# Half of what a C parser stumbles over in real C (macros, headers that serve both) the C++ parser takes.
GRAMMARS: dict[str, Grammar] = {
    "c": Grammar("tree-sitter-c", or_else=CPP),
    "c++": CPP,
    "c-sharp": Grammar("tree-sitter-c-sharp"),
    "go": Grammar("tree-sitter-go"),
    "java": Grammar("tree-sitter-java"),
    "javascript": Grammar("tree-sitter-javascript", or_else=TYPESCRIPT),  # Flow's types
    "php": Grammar("tree-sitter-php", "language_php"),
    "ruby": Grammar("tree-sitter-ruby"),
    "rust": Grammar("tree-sitter-rust"),
    "shell": Grammar("tree-sitter-bash"),
    "typescript": TYPESCRIPT,
}


class Errors(NamedTuple):
    """What a parser could not place: bytes, how many errors, and the line of the first (from 1)."""

    n_bytes: int
    n_errors: int
    line: int


NONE = Errors(0, 0, 0)


class GaveUpError(Exception):
    """The parser took longer than any honest file needs."""


def installed_parsers() -> dict[str, str]:
    """The languages that can be checked here, each with the versions that decide what is found. Imports no grammar."""
    core = _version(CORE)
    if core is None:
        return {}
    found = {}
    for language, grammar in GRAMMARS.items():
        wheels = sorted({grammar.wheel, grammar.or_else.wheel if grammar.or_else else grammar.wheel})
        versions = [_version(wheel) for wheel in wheels]
        if all(versions):
            found[language] = " ".join([core, *(version for version in versions if version)])
    return found


def _version(wheel: str) -> str | None:
    try:
        return importlib.metadata.version(wheel)
    except importlib.metadata.PackageNotFoundError:
        return None


class Parsers:
    """The parsers of some languages, each loaded when its first file comes."""

    def __init__(self, languages: Mapping[str, str]) -> None:
        self._languages = languages
        self._loaded: dict[Grammar, Parser] = {}

    def __contains__(self, language: str) -> bool:
        return language in self._languages

    def errors(self, data: bytes, language: str, path: str, limit: float) -> Errors:
        """What the language's grammar cannot place. Another grammar is asked where that is over `limit` bytes.

        Raises GaveUpError for a file that is a bomb, ResourceError where a grammar is missing.
        """
        grammar: Grammar | None = TSX if path.lower().endswith(".tsx") else GRAMMARS[language]
        least: Errors | None = None
        while grammar is not None:
            found = errors_in(self._parser(grammar), data)
            least = found if least is None else min(least, found)
            grammar = grammar.or_else if found.n_bytes > limit else None
        return least or NONE

    def _parser(self, grammar: Grammar) -> Parser:
        if grammar not in self._loaded:
            try:
                from tree_sitter import Language, Parser

                module = importlib.import_module(grammar.wheel.replace("-", "_"))
            except ImportError as error:
                raise ResourceError(
                    f"the parser {grammar.wheel} is not installed here ({error})",
                    "pip install 'understudy[languages]'",
                ) from error
            self._loaded[grammar] = Parser(Language(getattr(module, grammar.function)()))
        return self._loaded[grammar]


def errors_in(parser: Parser, data: bytes) -> Errors:
    """What this parser cannot place in these bytes of UTF-8."""
    until = time.thread_time() + BOX_SECONDS

    def piece(at: int, point: Point) -> bytes:
        return data[at : at + PIECE_BYTES]

    def is_late(at: int, has_error: bool) -> bool:
        return time.thread_time() > until

    try:
        # The box only works for input that is handed over in pieces.
        root = parser.parse(piece, progress_callback=is_late).root_node
    except ValueError as error:
        parser.reset()
        raise GaveUpError from error
    return _counted(root) if root.has_error else NONE


def _counted(root: Node) -> Errors:
    n_bytes = n_errors = 0
    first = root.end_point.row
    open_nodes = [root]
    while open_nodes:
        node = open_nodes.pop()
        if not node.has_error:
            continue
        children = node.children
        if node.is_missing or node.is_error:
            understood = [child for child in children if child.child_count]
            n_bytes += max(1, node.end_byte - node.start_byte - sum(map(_size, understood)))
            n_errors += 1
            first = min(first, node.start_point.row)
            open_nodes.extend(understood)
        else:
            open_nodes.extend(children)
    return Errors(n_bytes, n_errors, first + 1)


def _size(node: Node) -> int:
    return node.end_byte - node.start_byte
