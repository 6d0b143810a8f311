"""Replaces keys, tokens and passwords by `<KEY>` and `<PASSWORD>`; the rules stand in `secret_rules.yaml`.

file ─▶ one RE2 set of all triggers ─▶ the patterns of the triggers seen ─▶ each value's check ─▶ spans
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar

from understudy.data.steps.contract import RedactingStep, Span
from understudy.data.steps.secret_checks import CHECKS
from understudy.data.steps.secret_rules import Rule, compiled, options, own_rules

NAME_CHARACTERS = frozenset((string.ascii_letters + string.digits + "_-.").encode())
LONGEST_NAME = 80
CONSTANT = re.compile(rb"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")


class Secrets(RedactingStep):
    """Finds secrets: one pass of all triggers over a file, then the exact patterns of those that were seen."""

    name: ClassVar[str] = "secrets"
    version: ClassVar[str] = "3"
    reason: ClassVar[str] = "secret"

    def __init__(self, handling: str, extra: Sequence[Sequence[str]] = (), edition: str = "") -> None:
        """`extra` are rules beside the package's own; `edition` names the state of those, for kept results."""
        super().__init__(handling)
        self._rules = (*own_rules(), *(Rule(*rule) for rule in extra))

    def setup(self) -> None:
        import re2

        self._triggers = re2.Set.SearchSet(options())
        for rule in self._rules:
            self._triggers.Add((rule.trigger or rule.pattern).encode())
        self._triggers.Compile()
        self._patterns = [_Compiled(rule) for rule in self._rules]

    def find(self, data: bytes) -> Iterator[Span]:
        for number in sorted(self._triggers.Match(data) or ()):
            yield from self._patterns[number].find(data)


class _Compiled:
    """A rule; its patterns are compiled when its trigger is seen, which of most never is."""

    def __init__(self, rule: Rule) -> None:
        self._rule, self._placeholder = rule, f"<{rule.placeholder}>".encode()
        self._accepts = CHECKS[rule.check]

    @cached_property
    def _pattern(self) -> Any:
        return compiled(self._rule.pattern)

    @cached_property
    def _unless(self) -> Any:
        return compiled(self._rule.unless) if self._rule.unless else None

    @cached_property
    def _user(self) -> Any:
        return self._pattern.groupindex.get(b"user")

    @cached_property
    def _group(self) -> Any:
        return self._pattern.groupindex.get(b"secret", min(1, self._pattern.groups))

    def find(self, data: bytes) -> Iterator[Span]:
        for match in self._pattern.finditer(data):
            start, end = match.span(self._group)
            if start < 0 or not self._accepts(data[start:end]):
                continue
            if self._is_excused(data, match, start, end):
                continue
            yield Span(start, end, self._rule.kind, self._placeholder)

    def _is_excused(self, data: bytes, match: Any, start: int, end: int) -> bool:
        """Whether the user's name is the password too, or a name around the value says that it is none."""
        if self._user is not None and match.group(self._user) == data[start:end]:
            return True
        first = match.start()
        while first > 0 and first > match.start() - LONGEST_NAME and data[first - 1] in NAME_CHARACTERS:
            first -= 1
        if _names_itself(data[first:start], data[start:end]):
            return True
        if self._unless is None:
            return False
        around = data[first:start] + b" " + data[end : match.end()]
        return self._unless.search(around) is not None


def _names_itself(before: bytes, value: bytes) -> bool:
    """True for `self.p4passwd = p4passwd`, a variable of that name, and for `"P4PASSWD", "P4USER"`, a list of names."""
    name = before.rstrip(b" \t\r\n=:\"'`")
    if name.lower().endswith(value.lower()):
        return True
    return name.endswith(b",") and CONSTANT.fullmatch(value) is not None
