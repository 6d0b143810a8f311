from __future__ import annotations

from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from understudy.engines.text import TextStream

BYTES = [bytes([value]) for value in range(256)] + [b"ab", b"\xc3\xa9a", b"\n\n", b"aba"]


def decode(ids: Sequence[int]) -> bytes:
    return b"".join(BYTES[index] for index in ids)


def stream(ids: Sequence[int], stop: Sequence[str]) -> tuple[list[str], bool]:
    text = TextStream(decode, stop)
    pieces = []
    for index in ids:
        pieces.append(text.push(index))
        if text.is_stopped:
            break
    return [*pieces, text.finish()], text.is_stopped


letters = st.sampled_from("aabb\né")
stops = st.lists(st.text(letters, min_size=1, max_size=4), max_size=3)


@given(st.text(letters, max_size=30), stops)
@example("aab", ["ab"])
def test_text_ends_right_before_the_first_stop_string_however_it_is_cut(text: str, stop: list[str]) -> None:
    pieces, is_stopped = stream(list(text.encode()), stop)
    found = min((text.find(s) for s in stop if s in text), default=None)
    assert is_stopped == (found is not None)
    if found is None:
        assert "".join(pieces) == text
    else:
        ends = min(text.find(s) + len(s) for s in stop if s in text)  # seen as soon as the earliest is complete
        whole = [s for s in stop if s in text[:ends]]
        assert "".join(pieces) == text[: min(text.find(s) for s in whole)]


@given(st.lists(st.integers(0, len(BYTES) - 1), max_size=30))
def test_characters_are_never_cut_whatever_the_bytes(ids: list[int]) -> None:
    pieces, _ = stream(ids, [])
    whole = decode(ids).decode("utf-8", errors="replace")
    text = "".join(pieces)
    assert whole.startswith(text)
    assert len(whole) - len(text) <= 1  # half a character at the end is dropped


def test_the_beginning_of_a_stop_string_is_held_back_until_it_is_clear() -> None:
    text = TextStream(decode, ["ab\n"])
    assert [text.push(ord(letter)) for letter in "xab"] == ["x", "", ""]
    assert text.push(ord("c")) == "abc"
