"""Drops minified files: whole programs on one line without white space, packed for browsers and not for people."""

from __future__ import annotations

import re
from typing import ClassVar

from understudy.data.documents import Verdict
from understudy.data.steps.contract import JudgingStep

NAME = re.compile(r"[.-]min\.(?:js|css|mjs|html)$")
LONG_LINE = 1_000  # The Stack's limit for the longest line
SHARE_OF_FILE = 0.5
MEAN_LINE = 60  # hand-written files average 25 to 45 characters a line; cheaper to know than the longest line
WHITE_SPACE = 0.12  # people write 0.15 to 0.35; minifiers leave 0.02 to 0.08


class Minified(JudgingStep):
    """Drops a file named `*.min.js`, or one whose text stands mostly in one long line with hardly a space."""

    name: ClassVar[str] = "minified"

    def judge(self, text: str, path: str, lang: str) -> Verdict | None:
        if NAME.search(path):
            return Verdict("minified", f"named {path.rpartition('/')[2][:100]}")
        if len(text) >= LONG_LINE and len(text) >= MEAN_LINE * (1 + text.count("\n")):
            longest = max(text.split("\n"), key=len)
            share = (longest.count(" ") + longest.count("\t")) / len(longest)
            if len(longest) >= max(LONG_LINE, SHARE_OF_FILE * len(text)) and share < WHITE_SPACE:
                return Verdict("minified", f"a line of {len(longest):,} characters, {share:.0%} of them blank")
        return None
