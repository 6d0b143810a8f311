"""Conversations to fine-tune on, as JSON lines: what is asked, what is answered, and where both came from.

    {"messages": [{"role": "user", "content": …}, {"role": "assistant", "content": …}], "provenance": {…}}

The first two keys of a message are those that every trainer of chat models reads. Provenance is ours: a model's answer
can be followed back to the lines it was trained on, and what must go can be found.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import xxhash

from understudy.core.errors import InputDataError

Role = Literal["system", "user", "assistant"]
ROLES = get_args(Role)
LONGEST_LINE_BYTES = 16_000_000
PROVENANCE_KEYS = ("kind", "repo", "path", "revision", "lines", "lang", "licenses", "id")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a conversation came from. `lines` are the first and the last; `id` is the hash of its messages.

    `more` holds what only some kinds have: an engine's name, a prompt's hash, the verdict of a test.
    """

    kind: str
    repo: str
    path: str
    revision: str | None
    lines: tuple[int, int] | None
    lang: str | None
    licenses: tuple[str, ...]
    id: str
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns in their order, the last one the assistant's."""

    messages: tuple[Message, ...]
    provenance: Provenance | None = None


def conversation_id(messages: Iterable[Message]) -> str:
    """The xxh3-128 of roles and contents, in hex."""
    turns = [[message.role, message.content] for message in messages]
    return xxhash.xxh3_128_hexdigest(json.dumps(turns, ensure_ascii=True).encode())


def write_line(conversation: Conversation) -> str:
    """A conversation as one line with its end; equal conversations give equal lines."""
    value: dict[str, Any] = {
        "messages": [{"role": message.role, "content": message.content} for message in conversation.messages]
    }
    if conversation.provenance is not None:
        value["provenance"] = _provenance_json(conversation.provenance)
    return json.dumps(value, ensure_ascii=False) + "\n"


def read_conversations(path: Path) -> Iterator[Conversation]:
    """The conversations of a file, in order. Raises InputDataError naming the line of the first that is wrong."""
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(iter(lambda: file.readline(LONGEST_LINE_BYTES + 1), b""), 1):
                if raw.strip():
                    yield parse_line(raw, f"{path}, line {number}")
    except OSError as error:
        raise InputDataError(f"{path} cannot be read: {error.strerror or error}") from None


def parse_line(raw: bytes | str, where: str) -> Conversation:
    """The conversation in one line; `where` names it in errors."""
    if len(raw) > LONGEST_LINE_BYTES:
        raise InputDataError(f"{where} is longer than {LONGEST_LINE_BYTES:,} bytes")
    try:
        value = json.loads(raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw)
    except UnicodeDecodeError as error:
        raise InputDataError(f"{where} is not UTF-8 text (byte {error.start})") from None
    except (ValueError, RecursionError) as error:
        raise InputDataError(f"{where} is not JSON: {str(error)[:200]}") from None
    if not isinstance(value, dict):
        raise InputDataError(f"{where} is not an object with `messages`")
    _check_keys(value, ("messages", "provenance"), where)
    return Conversation(_messages(value.get("messages"), where), _provenance(value.get("provenance"), where))


def _messages(values: Any, where: str) -> tuple[Message, ...]:
    if not isinstance(values, list) or not values:
        raise InputDataError(f"{where}: `messages` is not a list of turns")
    messages = tuple(_message(value, f"{where}, message {number}") for number, value in enumerate(values, 1))
    roles = [message.role for message in messages]
    turns = roles[1:] if roles[0] == "system" else roles
    if turns[::2] != ["user"] * len(turns[::2]) or turns[1::2] != ["assistant"] * len(turns[1::2]) or len(turns) % 2:
        raise InputDataError(
            f"{where}: the turns are {', '.join(roles)}", "user and assistant take turns, and the assistant is last"
        )
    return messages


def _message(value: Any, where: str) -> Message:
    if not isinstance(value, dict):
        raise InputDataError(f"{where} is not an object with `role` and `content`")
    _check_keys(value, ("role", "content"), where)
    role: Any = value.get("role")
    content = value.get("content")
    if role not in ROLES:
        raise InputDataError(f"{where}: the role is {role!r}, not one of {', '.join(ROLES)}")
    if not isinstance(content, str) or not content.strip():
        raise InputDataError(f"{where}: `content` is not a text with something in it")
    if not _is_encodable(content):
        raise InputDataError(f"{where}: `content` has a lone surrogate, which no text can hold")
    return Message(role, content)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_keys(value: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in value:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.6)
            raise InputDataError(
                f"{where}: there is no key {key!r}",
                f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}",
            )


def _provenance_json(value: Provenance) -> dict[str, Any]:
    known = {
        "kind": value.kind,
        "repo": value.repo,
        "path": value.path,
        "revision": value.revision,
        "lines": None if value.lines is None else list(value.lines),
        "lang": value.lang,
        "licenses": list(value.licenses),
        "id": value.id,
    }
    return known | dict(value.more)


def _provenance(value: Any, where: str) -> Provenance | None:
    if value is None:
        return None
    where = f"{where}, provenance"
    if not isinstance(value, dict):
        raise InputDataError(f"{where} is not an object")
    lines, licenses = value.get("lines"), value.get("licenses") or []
    if lines is not None and not (_is_list_of(lines, int) and len(lines) == 2 and 1 <= lines[0] <= lines[1]):
        raise InputDataError(f"{where}: `lines` is not the first and the last line")
    if not _is_list_of(licenses, str):
        raise InputDataError(f"{where}: `licenses` is not a list of names")
    texts: dict[str, Any] = {key: value.get(key) for key in ("kind", "repo", "path", "id")}
    for key, text in texts.items():
        if not isinstance(text, str):
            raise InputDataError(f"{where}: `{key}` is not a text")
    for key in ("revision", "lang"):
        if not isinstance(value.get(key), (str, type(None))):
            raise InputDataError(f"{where}: `{key}` is neither a text nor null")
    return Provenance(
        **texts,
        revision=value.get("revision"),
        lines=None if lines is None else (lines[0], lines[1]),
        lang=value.get("lang"),
        licenses=tuple(licenses),
        more={key: item for key, item in value.items() if key not in PROVENANCE_KEYS},
    )


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(type(item) is kind for item in value)
