"""Text from data, made safe to look at. HTML escaping is jinja's; this is about characters that hide or reorder code.

A right-to-left override or a zero-width space in a source file can make a completion look like the truth when it is
not (https://trojansource.codes). Such characters are shown by their number.
"""

from __future__ import annotations

import re

from markupsafe import Markup, escape

# Control, bidi and format characters, blanks that are no plain space, halves of surrogate pairs, tags.
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    "\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def visible_text(text: str) -> str:
    """The text with every hidden character replaced by its number, as in `⟨U+202E⟩`; line ends become \\n."""
    return HIDDEN.sub(lambda found: f"⟨{_number(found[0])}⟩", _one_line_end(text))


def visible_code(text: str) -> Markup:
    """The text as HTML, each hidden character a small tag with its number."""
    parts: list[str] = []
    position = 0
    text = _one_line_end(text)
    for found in HIDDEN.finditer(text):
        parts.append(str(escape(text[position : found.start()])))
        parts.append(f'<span class="hidden-character" title="hidden character">{_number(found[0])}</span>')
        position = found.end()
    parts.append(str(escape(text[position:])))
    return Markup("".join(parts))


def finalize(value: object) -> object:
    """What jinja calls on every value it prints: strings from data pass through `visible_text`, markup stays."""
    if value is None:
        return ""
    return visible_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n")


def _number(character: str) -> str:
    return f"U+{ord(character):04X}"
