"""Which functions and commits make good pairs; each rule has a name, and what it leaves out is counted under it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from understudy.data.pairs.functions import Function

LEAST_DOCUMENTATION_WORDS = 5
LONGEST_DOCUMENTATION = 2_000  # characters; longer ones are manuals, of which the function is a small part
LEAST_BODY_STATEMENTS = 2
LEAST_BODY_LINES = 3
MOST_BODY_LINES = 120
LEAST_LETTERS = 0.5  # share of letters in a documentation that is not a table, a formula or a drawing
TEST_FOLDERS = frozenset(("test", "tests", "testing", "spec", "specs", "__tests__", "testdata", "fixtures"))
TEST_FILE = re.compile(r"^(?:test_.*|.*_tests?|conftest|.*[._-](?:test|spec))\.\w+$|^(?:Test\w*|\w+Tests?)\.java$")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK|TBD|WIP)\b")
EMPTY_WORDS = re.compile(r"^(?:see|same as|like|alias (?:for|of)|deprecated|inherited|overrides?|implements?)\b", re.I)
PLACEHOLDER = re.compile(r"<(?:EMAIL|KEY|PASSWORD|NAME|IP_ADDRESS)")
STUB = re.compile(
    r"^[ \t]{0,99}(?:(?:pass|\.\.\.|return NotImplemented)[ \t]{0,99}(?:#.*)?|raise NotImplementedError\b.*)$",
    re.MULTILINE,
)
NOT_PLAIN = frozenset(("overload", "abstractmethod", "property", "setter", "fixture", "singledispatch"))


def is_test_file(path: str) -> bool:
    """True for a file of tests, by its name or its folder's."""
    pure = PurePosixPath(path)
    return bool(TEST_FOLDERS & {part.lower() for part in pure.parts[:-1]} or TEST_FILE.match(pure.name))


def objection(function: Function) -> str | None:
    """Why a function makes no pair; None where it does."""
    return _objection_to_documentation(function.documentation) or _objection_to_code(function)


def _objection_to_documentation(text: str) -> str | None:
    words = re.findall(r"[^\W\d_]{2,}", text)
    if len(words) < LEAST_DOCUMENTATION_WORDS:
        return "documentation-too-short"
    if len(text) > LONGEST_DOCUMENTATION:
        return "documentation-too-long"
    if UNFINISHED.search(text):
        return "unfinished"
    if EMPTY_WORDS.match(text):
        return "documentation-points-elsewhere"
    if sum(map(str.isalpha, text)) < LEAST_LETTERS * len("".join(text.split())):
        return "documentation-not-words"
    return "redacted" if PLACEHOLDER.search(text) else None


def _objection_to_code(function: Function) -> str | None:
    name = function.name
    if name.lower().startswith("test") or name.startswith("__"):
        return "test-or-special-method"
    if NOT_PLAIN & set(function.marks):
        return "not-a-plain-function"
    lines = [line for line in function.body.split("\n") if line.strip()]
    if STUB.search(function.body) and function.n_statements < 3:
        return "stub"
    if len(lines) < LEAST_BODY_LINES or function.n_statements < LEAST_BODY_STATEMENTS:
        return "body-trivial"
    if len(lines) > MOST_BODY_LINES:
        return "body-too-long"
    if UNFINISHED.search(function.body):
        return "unfinished"
    return "redacted" if PLACEHOLDER.search(function.whole) else None


@dataclass(frozen=True, slots=True)
class CommitLimits:
    """What a commit must keep to be learned from."""

    least_message_words: int = 4
    longest_message: int = 2_000  # characters
    most_files: int = 5
    least_changed_lines: int = 2
    most_changed_lines: int = 200
    longest_diff: int = 20_000  # characters


LIMITS = CommitLimits()
BOT = re.compile(r"\[bot\]|\bbot@|dependabot|renovate|greenkeeper|pre-commit-ci|github-actions|snyk|jenkins", re.I)
CHORE = re.compile(
    r"^(?:merge (?:branch|pull request|remote|tag)|revert\b|bump\b|(?:prepare |cut )?release\b|version \d|v?\d+\.\d+|"
    r"update (?:changelog|version|dependencies)|initial commit|fixup!|squash!|\[?wip\b|auto[- ]?(?:format|generated))",
    re.I,
)
TRAILER = re.compile(
    r"^(?:signed-off-by|co-authored-by|reviewed-by|acked-by|tested-by|reported-by|cc|change-id|reviewed-on|"
    r"git-svn-id|cherry[- ]picked|\(cherry picked|differential revision|pull request resolved|approved by)\b.*$",
    re.I | re.MULTILINE,
)


def message_text(message: str) -> str:
    """A commit's message without what tools and people add below it."""
    return re.sub(r"\n{3,}", "\n\n", TRAILER.sub("", message.replace("\r\n", "\n"))).strip()


def message_objection(message: str, author: str) -> str | None:
    """Why a commit's message makes no pair; None where it does."""
    if BOT.search(author):
        return "bot"
    if CHORE.match(message):
        return "chore"
    if len(re.findall(r"[^\W\d_]{2,}", message)) < LIMITS.least_message_words:
        return "message-too-short"
    if len(message) > LIMITS.longest_message:
        return "message-too-long"
    return "unfinished" if UNFINISHED.search(message) else None


def diff_objection(diff: str) -> str | None:
    """Why a commit's diff makes no pair; None where it does."""
    if len(diff) > LIMITS.longest_diff:
        return "diff-too-large"
    changed = [line for line in diff.split("\n") if line[:1] in "+-" and line and not line.startswith(("+++", "---"))]
    if len(changed) > LIMITS.most_changed_lines:
        return "diff-too-large"
    if sum(bool(line[1:].strip()) for line in changed) < LIMITS.least_changed_lines:
        return "diff-trivial"
    return "redacted" if PLACEHOLDER.search(diff) else None
