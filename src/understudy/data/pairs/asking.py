"""How a pair is worded: one function or commit in, one conversation out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from understudy.data.pairs.functions import Function
from understudy.formats.chat import Conversation, Message, Provenance, conversation_id

TITLES = {"python": "Python", "javascript": "JavaScript", "typescript": "TypeScript", "go": "Go", "java": "Java"}


class Origin(NamedTuple):
    """The document, or the commit, that a pair is made from."""

    document: str  # its id in the corpus
    repo: str
    path: str
    revision: str | None
    lang: str
    licenses: tuple[str, ...]


def function_conversations(function: Function, origin: Origin, kinds: Sequence[str]) -> Iterator[Conversation]:
    """The pairs of one function: docstring → function where it can stand alone, signature and docstring → body."""
    title, fence = TITLES.get(origin.lang, origin.lang), origin.lang
    if "docstring" in kinds and function.is_free:
        asked = f"Write the {title} function `{function.name}`.\n\n{function.documentation}"
        yield conversation("docstring", asked, fenced(function.whole, fence), origin, function.lines)
    if "body" in kinds:
        head = f"{function.container}\n{_indented(function.signature)}" if function.container else function.signature
        asked = f"Write the body of this {title} function.\n\n{fenced(head, fence)}"
        yield conversation("body", asked, fenced(function.body, fence), origin, function.lines)


def commit_conversation(message: str, diff: str, paths: Sequence[str], origin: Origin) -> Conversation:
    """Commit message → diff."""
    files = "\n".join(f"- {path}" for path in paths)
    asked = f"Write this change to {origin.repo} as a diff.\n\n{message}\n\nFiles:\n{files}"
    return conversation("commit", asked, fenced(diff, "diff"), origin, None)


def conversation(
    kind: str,
    asked: str,
    answered: str,
    origin: Origin,
    lines: tuple[int, int] | None,
    more: Mapping[str, Any] | None = None,
) -> Conversation:
    """One question, one answer, and where they came from."""
    messages = (Message("user", asked), Message("assistant", answered))
    provenance = Provenance(
        kind=kind,
        repo=origin.repo,
        path=origin.path,
        revision=origin.revision,
        lines=lines,
        lang=origin.lang,
        licenses=origin.licenses,
        id=conversation_id(messages),
        more={"document": origin.document, **(more or {})},
    )
    return Conversation(messages, provenance)


def fenced(code: str, language: str) -> str:
    """Code between fences that are longer than any run of backticks inside."""
    longest = max((len(run) for run in _backticks(code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def _backticks(code: str) -> Iterator[str]:
    run = ""
    for character in code + " ":
        if character == "`":
            run += character
        elif run:
            yield run
            run = ""


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line.strip() else line for line in text.split("\n"))
