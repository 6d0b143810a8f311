"""Drops files that hold few letters and digits: tables of signs, ASCII art, data (The Stack: under a quarter)."""

from __future__ import annotations

import re
from typing import ClassVar

from understudy.data.documents import Verdict
from understudy.data.steps.contract import JudgingStep

# Deleting everything in ASCII that is no letter or digit is one pass in C; other alphabets are looked at one by one.
OTHERS = bytes(code for code in range(256) if code > 127 or not chr(code).isalnum())

BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


class Alphanumeric(JudgingStep):
    """Drops a file with too small a share of letters and digits, in any alphabet."""

    name: ClassVar[str] = "alphanumeric"

    def __init__(self, least: float) -> None:
        self._least = least

    def judge(self, text: str, path: str, lang: str) -> Verdict | None:
        share = alphanumeric_share(text)
        if share >= self._least:
            return None
        return Verdict("few-alphanumeric", f"{share:.0%} letters and digits; at least {self._least:.0%} are kept")


def alphanumeric_share(text: str) -> float:
    """Letters and digits of any alphabet among all characters; 1.0 for an empty text."""
    if not text:
        return 1.0
    n = len(text.encode().translate(None, OTHERS))
    if not text.isascii():
        n += sum(map(str.isalnum, "".join(BEYOND_ASCII.findall(text))))
    return n / len(text)
