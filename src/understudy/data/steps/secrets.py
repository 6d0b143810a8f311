"""Replaces keys, tokens and passwords by `<KEY>` and `<PASSWORD>`; the rules stand in `secret_rules.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import re2

from understudy.data.steps.contract import RedactingStep, Span
from understudy.data.steps.secret_rules import RULES

AUTOMATON_BYTES = 64_000_000  # RE2's tables for the set; with its default of 8 MB it falls back to the slow machine


class Secrets(RedactingStep):
    """Finds secrets: one pass of all triggers over a file, then the exact patterns of those that were seen."""

    name: ClassVar[str] = "secrets"
    reason: ClassVar[str] = "secret"

    def setup(self) -> None:
        options = re2.Options()
        options.max_mem = AUTOMATON_BYTES
        options.encoding = re2.Options.Encoding.LATIN1
        self._triggers = re2.Set.SearchSet(options)
        for rule in RULES:
            self._triggers.Add(rule.trigger)
        self._triggers.Compile()
        self._patterns = [re2.compile(rule.pattern, options) for rule in RULES]

    def find(self, data: bytes) -> Iterator[Span]:
        for number in self._triggers.Match(data) or ():
            rule = RULES[number]
            for match in self._patterns[number].finditer(data):
                start, end = match.span(1)
                if rule.accepts(data[start:end]):
                    yield Span(start, end, rule.kind, rule.placeholder)
