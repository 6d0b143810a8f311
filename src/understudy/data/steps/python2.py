"""Tells whether a file that this Python cannot parse is valid Python 2: translates what changed, and parses again.

Only what Python 3 took away is rewritten, token by token, into something of the same shape that every Python 3 parses
(`print "a", b` becomes `_ = "", b`); the parser judges all the rest, indentation included. What Python 2 never had
(f-strings, `:=`, `->`, `async`) is left or made invalid. Grammar tools do worse here: tree-sitter's grammar for Python
takes Python 2, but every indentation error with it, and lib2to3 is gone from Python 3.13.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Atomic groups and possessive repeats: a token is found in one pass or not at all.
STRING = (
    r"(?:'''(?:[^'\\]|\\.|'(?!''))*+'''"
    r'|"""(?:[^"\\]|\\.|"(?!""))*+"""'
    r"|'(?!'')(?:[^'\\\n]|\\.)*+'"
    r'|"(?!"")(?:[^"\\\n]|\\.)*+")'
)
TOKEN = re.compile(
    rf"(?P<blank>[ \t\f]++|\\\n|\#[^\n]*+)|(?P<newline>\n)|(?P<string>(?i:[bfru]{{0,3}}){STRING})"
    r"|(?P<number>(?:\d|\.\d)(?:[eE][+-]|[\w.])*+)|(?P<name>[^\W\d]\w*+)|(?P<operator><>|->|:=|[^\w\s])",
    re.DOTALL,
)
INDENT = re.compile(r"^[ ]*+[\t\f][ \t\f]*", re.MULTILINE)
TAKEN = frozenset(("async", "await", "nonlocal", "True", "False"))  # words of Python 3 that were names in Python 2
STARTS_EXPRESSION = frozenset("{[`~-+")
OPENING, CLOSING = frozenset("([{"), frozenset(")]}")
NEVER = "?"  # no Python takes it


class Token(NamedTuple):
    """A piece of source: what kind, its text, and how many brackets are open around it."""

    kind: str
    text: str
    depth: int


def as_python3(text: str) -> str | None:
    """Source of the same shape without what only Python 2 had; None where it cannot be cut into tokens."""
    tokens = _tokens(_spaces(text.replace("\r\n", "\n").replace("\r", "\n")))
    return None if tokens is None else "".join(_Rewriting(tokens).rewritten())


def _spaces(text: str) -> str:
    """Tabs at the start of a line reach to the next multiple of eight, which only Python 2 agreed to."""
    return INDENT.sub(lambda match: match[0].replace("\f", "").expandtabs(8), text) if "\t" in text else text


def _tokens(text: str) -> list[Token] | None:
    tokens, at, depth = [], 0, 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None or match[0] in ("'", '"'):  # a string without an end
            return None
        kind, at = str(match.lastgroup), match.end()
        depth -= match[0] in CLOSING
        tokens.append(Token(kind, match[0], depth))
        depth += match[0] in OPENING
    return tokens


class _Rewriting:
    """One pass over the tokens of a file."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._solid = [n for n, token in enumerate(tokens) if token.kind != "blank"]
        self._out = [token.text for token in tokens]
        self._in_backticks = False
        self._is_start = True  # of a statement
        self._heads: list[tuple[str, int]] = []  # open `def`, `lambda` and `except` with their depth

    def rewritten(self) -> list[str]:
        """The texts of all tokens, changed where they must be."""
        for place, n in enumerate(self._solid):
            token = self._tokens[n]
            getattr(self, f"_{token.kind}")(n, token, place)
            ends = token.kind == "newline" or token.text in (";", ":")
            self._is_start = token.depth == 0 and (ends or (self._is_start and token.kind == "newline"))
        return self._out

    def _next(self, place: int) -> Token:
        if place + 1 < len(self._solid):
            return self._tokens[self._solid[place + 1]]
        return Token("newline", "", 0)

    def _before(self, place: int) -> Token:
        return self._tokens[self._solid[place - 1]] if place else Token("newline", "", 0)

    def _newline(self, n: int, token: Token, place: int) -> None:
        if token.depth == 0:
            self._heads.clear()

    def _string(self, n: int, token: Token, place: int) -> None:
        prefix = token.text[: token.text.index(token.text[-1])].lower()
        self._out[n] = NEVER if "f" in prefix else "''"

    def _number(self, n: int, token: Token, place: int) -> None:
        text = token.text[:-1] if token.text[-1] in "lL" else token.text
        self._out[n] = re.sub(r"^0+(?=[0-7]+$)", "", text)

    def _name(self, n: int, token: Token, place: int) -> None:
        text, following = token.text, self._next(place)
        if self._is_start and _is_statement_of_old(text, following):
            self._out[n] = "_ ="
        elif text in TAKEN:
            self._out[n] = f"{text}_"
        elif text in ("def", "lambda", "except"):
            self._heads.append((text, token.depth))

    def _operator(self, n: int, token: Token, place: int) -> None:
        if token.text == "<>":
            self._out[n] = "!="
        elif token.text in ("->", ":="):
            self._out[n] = NEVER
        elif token.text == "`":
            self._in_backticks = not self._in_backticks
            self._out[n] = "(" if self._in_backticks else ")"
        elif token.text == "*" and self._before(place).text == "import":
            self._out[n] = "_"
        elif self._heads:
            self._in_head(n, token, place)

    def _in_head(self, n: int, token: Token, place: int) -> None:
        """`except E, e:` and parameters in brackets."""
        word, depth = self._heads[-1]
        if word == "except" and token.depth == depth and token.text == ",":
            self._out[n] = " or "
        elif token.text == ":" and token.depth == depth:
            self._heads.pop()
        elif token.text == "(" and self._before(place).text in _before_parameters(word, depth, token):
            self._one_name(place, token.depth)

    def _one_name(self, place: int, depth: int) -> None:
        """Replace a bracketed list of parameter names by one name."""
        for n in self._solid[place:]:
            token = self._tokens[n]
            is_end = token.text == ")" and token.depth == depth
            if not (is_end or token.kind in ("name", "newline") or token.text in "(,)"):
                return  # a default value, or no parameters at all
            if is_end:
                break
        for inner in range(self._solid[place], n + 1):
            self._tokens[inner] = Token("name", "", self._tokens[inner].depth)
            self._out[inner] = ""
        self._out[n] = f" _{n} "


def _before_parameters(word: str, depth: int, token: Token) -> tuple[str, ...]:
    """What stands before a bracketed parameter of a `def` or a `lambda`."""
    if word == "def" and token.depth == depth + 1:
        return ("(", ",")
    if word == "lambda" and token.depth == depth:
        return ("lambda", ",")
    return ()


def _is_statement_of_old(word: str, following: Token) -> bool:
    """True for a statement that an assignment can stand for: one that Python 3 lost, or has narrowed."""
    if word in ("print", "exec"):
        return _starts_expression(following)
    return word == "global" or (word == "raise" and following.kind != "newline" and following.text != ";")


def _starts_expression(token: Token) -> bool:
    if token.kind == "name":
        return token.text not in ("in", "is", "and", "or", "if", "for", "else", "as", "import")
    return token.kind in ("string", "number") or token.text in STARTS_EXPRESSION
