"""SPDX expressions: made canonical, taken apart, and held against a recipe's policy.

A file's licences are a list that all apply; alternatives stand inside one of its elements, as in `MIT OR Apache-2.0`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

REFERENCE = re.compile(r"(?:DocumentRef-[\w.-]+:)?LicenseRef-[\w.-]+", re.ASCII)
FAMILY = re.compile(r"(?:A|L)?GPL-\d\.\d|GFDL-\d\.\d")  # SPDX's old names, which left open what "or later" says


def canonical(text: str) -> str | None:
    """The expression in SPDX's spelling, or None for what is none. `LicenseRef-…` is a name of its own."""
    parsed = _parsed(text.strip())
    return None if parsed is None else str(parsed.render())


def terms(expression: str) -> tuple[str, ...]:
    """The parts that all apply: `MIT AND (BSD-3-Clause OR GPL-2.0-only)` has two."""
    parsed = _parsed(expression)
    if parsed is None:
        return (expression,) if expression else ()
    parts = parsed.args if _operator(parsed) == "AND" else (parsed,)
    return tuple(dict.fromkeys(str(part.render()) for part in parts))


def all_of(expressions: Iterable[str]) -> str:
    """One expression that says that all of these apply, in their order, each once."""
    parts = list(dict.fromkeys(part for expression in expressions for part in terms(expression)))
    return " AND ".join(f"({part})" if " OR " in part and len(parts) > 1 else part for part in parts)


def any_of(expressions: Iterable[str]) -> str:
    """One expression that leaves the choice between these."""
    parts = list(dict.fromkeys(expressions))
    return " OR ".join(f"({part})" if " AND " in part and len(parts) > 1 else part for part in parts)


def ids_in(expression: str) -> tuple[str, ...]:
    """Every licence that an expression names, one `WITH` an exception as one; itself if it is no expression."""
    parsed = _parsed(expression)
    if parsed is None:
        return (expression,) if expression else ()
    return tuple(dict.fromkeys(str(symbol.render()) for symbol in _leaves(parsed)))


def is_allowed(expression: str, allow: frozenset[str] | None, deny: frozenset[str]) -> bool:
    """Whether the policy takes it: of alternatives one is enough, of what applies together all must be.

    `allow` None takes every licence that is not denied. A licence with an exception is taken where the licence is, and
    where the pair is named.
    """
    parsed = _parsed(expression)
    return _is_id_allowed(expression, "", allow, deny) if parsed is None else _is_allowed(parsed, allow, deny)


def family(name: str) -> tuple[str, ...]:
    """The ids that a name in a policy stands for: `GPL-3.0` is both `-only` and `-or-later`. Empty for no licence."""
    if FAMILY.fullmatch(name):
        return (f"{name}-only", f"{name}-or-later")
    expression = canonical(name)
    return () if expression is None or " OR " in expression or " AND " in expression else (expression,)


@cache
def permissive() -> frozenset[str]:
    """The ids of permissive licences; `permissive.txt` says which and why."""
    lines = files("understudy.data.licenses").joinpath("permissive.txt").read_text().splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


@cache
def known_ids() -> tuple[str, ...]:
    """Every SPDX id there is, for suggestions."""
    return tuple(sorted(key for key in _spdx().known_symbols if not key.startswith("LicenseRef-")))


@cache
def _spdx() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Any:
    from license_expression import ExpressionError, ExpressionParseError

    if not text or len(text) > 2_000:
        return None
    try:
        parsed = _spdx().parse(text)
        unknown = [] if parsed is None else _spdx().unknown_license_keys(parsed)
    except (ExpressionError, ExpressionParseError, AttributeError, TypeError, RecursionError):
        return None
    return parsed if all(REFERENCE.fullmatch(name) for name in unknown) else None


def _operator(node: Any) -> str:
    return str(getattr(node, "operator", "")).strip().upper()


def _leaves(node: Any) -> list[Any]:
    return [leaf for child in node.args for leaf in _leaves(child)] if _operator(node) else [node]


def _is_allowed(node: Any, allow: frozenset[str] | None, deny: frozenset[str]) -> bool:
    if _operator(node):
        answers = [_is_allowed(child, allow, deny) for child in node.args]
        return any(answers) if _operator(node) == "OR" else all(answers)
    base = getattr(node, "license_symbol", None)
    return _is_id_allowed(str(node.render()), "" if base is None else str(base.render()), allow, deny)


def _is_id_allowed(name: str, base: str, allow: frozenset[str] | None, deny: frozenset[str]) -> bool:
    """`base` is the licence without its exception, empty where there is none."""
    if name in deny or (base in deny and not (allow and name in allow)):
        return False
    return allow is None or name in allow or base in allow
