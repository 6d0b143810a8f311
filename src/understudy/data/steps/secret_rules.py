"""The rules of the secret scan as rows: from `secret_rules.yaml`, and a recipe's own file in the same format."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import xxhash

from understudy.core.errors import RecipeError
from understudy.data.steps.secret_checks import CHECKS

OWN = Path(__file__).with_name("secret_rules.yaml")
PLACEHOLDERS = ("KEY", "PASSWORD")
MAX_RULES, MAX_RULES_BYTES, MAX_PATTERN = 2000, 2_000_000, 4000
PATTERN_BYTES = 64_000_000  # RE2's tables; with its default of 8 MB it throws them away and builds them again


class Rule(NamedTuple):
    """One format of secret: JSON-able, as it is sent to workers."""

    kind: str
    pattern: str
    trigger: str = ""
    check: str = "token"
    unless: str = ""
    placeholder: str = "KEY"


@cache
def own_rules() -> tuple[Rule, ...]:
    """The rules that come with the package."""
    return rules_in(OWN)


@cache
def edition() -> str:
    """A hash of the package's own rules: kept results are of use only while it stays the same."""
    return xxhash.xxh3_64_hexdigest(OWN.read_bytes())


def rules_in(path: Path) -> tuple[Rule, ...]:
    """The rules of a file. Raises RecipeError naming the file, the rule and the field."""
    values = _read(path)
    words = dict(_shared_words()) if path != OWN else {}
    if isinstance(values, Mapping):
        words |= values.get("words") or {}
        values = values.get("rules")
    if not isinstance(values, list) or len(values) > MAX_RULES:
        raise RecipeError(f"{path}: a rules file is a list of at most {MAX_RULES} rules", _next_step())
    rules = tuple(_rule(value, words, f"{path}: rule {number}") for number, value in enumerate(values, 1))
    if path != OWN:
        for number, rule in enumerate(rules, 1):
            _compile_all(rule, f"{path}: rule {number} ({rule.kind})")
    return rules


def compiled(pattern: str) -> Any:
    """The RE2 pattern over bytes: linear in the text's length, whatever the pattern. Raises re2.error."""
    import re2

    return re2.compile(pattern.encode("utf-8", "surrogateescape"), options())


def options() -> Any:
    """How every rule is read: as bytes, with room for its tables, silent."""
    import re2

    options = re2.Options()
    options.max_mem = PATTERN_BYTES
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    return options


def _read(path: Path) -> Any:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        data = path.read_bytes()
        if len(data) > MAX_RULES_BYTES:
            raise RecipeError(f"{path}: {len(data):,} bytes are too many for rules", _next_step())
        return yaml.load(data, loader)
    except OSError as error:
        raise RecipeError(f"redact.rules: cannot read {path}: {error.strerror}", _next_step()) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise RecipeError(f"{where}: not YAML: {getattr(error, 'problem', None) or error}", _next_step()) from None


@cache
def _shared_words() -> tuple[tuple[str, str], ...]:
    return tuple(_read(OWN)["words"].items())


def _rule(value: Any, words: Mapping[str, str], where: str) -> Rule:
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in [*value, *value.values()]):
        raise RecipeError(f"{where}: a rule is a mapping of texts, with kind and pattern", _next_step())
    for name in value:
        _known(name, Rule._fields, f"{where}: unknown field")
    for name in ("kind", "pattern"):
        if not value.get(name):
            raise RecipeError(f"{where}: {name} is missing", _next_step())
    rule = Rule(**{name: _spelled(text, words, where) for name, text in value.items()})
    _known(rule.check, CHECKS, f"{where}: unknown check")
    _known(rule.placeholder, PLACEHOLDERS, f"{where}: unknown placeholder")
    return rule


def _spelled(text: str, words: Mapping[str, str], where: str) -> str:
    """The text with `@name@` replaced by the word of that name."""

    def word(match: re.Match[str]) -> str:
        if match[1] not in words:
            raise RecipeError(f"{where}: no word is called {match[0]}", _next_step())
        return str(words[match[1]])

    return re.sub(r"@([a-z]+)@", word, text)


def _known(name: str, names: Iterable[str], message: str) -> None:
    if name not in names:
        nearest = difflib.get_close_matches(name, list(names), 1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"known: {', '.join(names)}"
        raise RecipeError(f"{message} {name}", hint)


def _compile_all(rule: Rule, where: str) -> None:
    import re2

    for name in ("pattern", "trigger", "unless"):
        text = getattr(rule, name)
        try:
            if len(text) > MAX_PATTERN:
                raise RecipeError(f"{where}: {name} is longer than {MAX_PATTERN} characters", _next_step())
            if name != "unless" and text and compiled(text).search(b"") is not None:
                raise RecipeError(f"{where}: {name} matches the empty text, and so every file", _next_step())
            if text:
                compiled(text)
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
            raise RecipeError(f"{where}: {name} is no RE2 expression: {reason}", _next_step()) from None


def _next_step() -> str:
    return "correct redact.rules (docs/concepts/anonymising.md shows the format), then: understudy recipe check RECIPE"
