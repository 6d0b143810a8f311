from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.errors import InputDataError
from understudy.formats.chat import (
    Conversation,
    Message,
    Provenance,
    conversation_id,
    parse_line,
    read_conversations,
    write_line,
)

USER, ASSISTANT = {"role": "user", "content": "add"}, {"role": "assistant", "content": "a + b"}
SOURCE = {"kind": "body", "repo": "r", "path": "a.py", "revision": None, "lines": [3, 9], "lang": "python"}
SOURCE |= {"licenses": ["MIT"], "id": "00"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: bool(text.strip()))


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3), st.booleans(), TEXT)
def test_what_is_written_is_read_back(turns: list[tuple[str, str]], has_system: bool, path: str) -> None:
    messages = [Message("system", "be brief")] if has_system else []
    for question, answer in turns:
        messages += [Message("user", question), Message("assistant", answer)]
    provenance = Provenance(
        "body", "r", path, "abc", (1, 2), "go", ("MIT",), conversation_id(messages), {"verdict": "x"}
    )
    conversation = Conversation(tuple(messages), provenance)
    line = write_line(conversation)
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert parse_line(line, "here") == conversation


def test_the_same_words_have_the_same_id_and_others_another() -> None:
    one = (Message("user", "a"), Message("assistant", "b"))
    assert conversation_id(one) == conversation_id(list(one))
    assert conversation_id(one) != conversation_id((Message("user", "ab"), Message("assistant", "")))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[1]", "is not an object with `messages`"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ({}, "`messages` is not a list of turns"),
        ({"messages": []}, "`messages` is not a list of turns"),
        ({"messages": [USER]}, "the turns are user"),
        ({"messages": [ASSISTANT, USER]}, "the turns are assistant, user"),
        ({"messages": [USER, USER, ASSISTANT, ASSISTANT]}, "the turns are user, user"),
        ({"messages": [USER, ASSISTANT, 3]}, "message 3 is not an object"),
        ({"messages": [USER, {"role": "bot", "content": "x"}]}, "message 2: the role is 'bot'"),
        ({"messages": [USER, {"role": "assistant", "content": "  "}]}, "message 2: `content` is not a text"),
        ({"messages": [USER, {"role": "assistant", "content": None}]}, "message 2: `content` is not a text"),
        ({"messages": [USER, {"role": "assistant", "content": "\ud800"}]}, "lone surrogate"),
        ({"messages": [USER, ASSISTANT], "provenence": {}}, "there is no key 'provenence'"),
        ({"messages": [USER, ASSISTANT | {"name": "x"}]}, "there is no key 'name'"),
        ({"messages": [USER, ASSISTANT], "provenance": []}, "provenance is not an object"),
        ({"messages": [USER, ASSISTANT], "provenance": SOURCE | {"lines": [9, 3]}}, "`lines` is not the first"),
        ({"messages": [USER, ASSISTANT], "provenance": SOURCE | {"licenses": "MIT"}}, "`licenses` is not a list"),
        ({"messages": [USER, ASSISTANT], "provenance": SOURCE | {"repo": None}}, "`repo` is not a text"),
    ],
)
def test_a_wrong_line_is_refused_with_its_number(tmp_path: Path, value: Any, message: str) -> None:
    file = tmp_path / "pairs.jsonl"
    good = json.dumps({"messages": [USER, ASSISTANT], "provenance": SOURCE})
    file.write_text(f"{good}\n\n{value if isinstance(value, str) else json.dumps(value)}\n")
    found = read_conversations(file)
    assert next(found).messages[0].content == "add"
    with pytest.raises(InputDataError, match=r"pairs\.jsonl, line 3") as caught:
        next(found)
    assert message in caught.value.message


def test_bytes_that_are_no_text_are_named_by_their_place(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_bytes(b'{"messages": "\xff"}\n')
    with pytest.raises(InputDataError, match=r"line 1 is not UTF-8 text \(byte 14\)"):
        list(read_conversations(file))


def test_a_file_that_is_not_there_is_an_error_of_the_data(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="cannot be read"):
        list(read_conversations(tmp_path / "none.jsonl"))
