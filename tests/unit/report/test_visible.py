"""Text from data: escaped, and nothing in it hides."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from understudy.report.visible import HIDDEN, visible_code, visible_text


def test_hidden_characters_are_shown_by_their_number() -> None:
    assert visible_text("a\u202eb\u200bc\u00a0d") == "a⟨U+202E⟩b⟨U+200B⟩c⟨U+00A0⟩d"


def test_tabs_line_ends_and_letters_of_every_script_stay() -> None:
    text = "\tdef f(x):\n    return 'größe שלום 数 🦆'"
    assert visible_text(text) == text


def test_windows_line_ends_become_plain_ones() -> None:
    assert visible_text("a\r\nb\rc") == "a\nb⟨U+000D⟩c"


def test_half_a_surrogate_pair_can_be_written_as_utf_8() -> None:
    assert visible_text("\ud800").encode() == "⟨U+D800⟩".encode()


def test_code_is_escaped_and_its_hidden_characters_are_tags() -> None:
    shown = visible_code("<script>'\"&\u2066")
    assert str(shown).startswith("&lt;script&gt;&#39;&#34;&amp;<span ")
    assert "U+2066</span>" in shown


@given(st.text(alphabet=st.characters()))
def test_nothing_hidden_and_no_tag_survives(text: str) -> None:
    shown = str(visible_code(text))
    assert HIDDEN.search(shown) is None
    assert "<" not in shown.replace('<span class="hidden-character" title="hidden character">', "").replace(
        "</span>", ""
    )
    shown.encode()
