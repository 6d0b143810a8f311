"""Turns tokens into text that may be shown: whole characters only, and never a part of what may become a stop string.

A token can end in the middle of a UTF-8 character, and a stop string can begin in one token and end in a later one;
both are held back until it is clear what they are.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence


class TextStream:
    """Grows by `push`, one token at a time; `is_stopped` once a stop string has appeared."""

    def __init__(self, decode_bytes: Callable[[Sequence[int]], bytes], stop: Sequence[str] = ()) -> None:
        self._decode_bytes = decode_bytes
        # A model can emit bytes that are no UTF-8 at all; those become U+FFFD, a mere beginning of a character waits.
        self._characters = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = tuple(text for text in stop if text)
        self._held = ""
        self.is_stopped = False

    def push(self, token: int) -> str:
        """The text that may be released now, often empty."""
        if self.is_stopped:
            return ""
        self._held += self._characters.decode(self._decode_bytes((token,)))
        found = [start for start in (self._held.find(stop) for stop in self._stop) if start >= 0]
        if found:
            self.is_stopped = True
            released, self._held = self._held[: min(found)], ""
            return released
        return self._release(len(self._held) - self._possible_stop())

    def finish(self) -> str:
        """What was held back in case it became a stop string; half a character is dropped."""
        return self._release(len(self._held))

    def _release(self, n_characters: int) -> str:
        released, self._held = self._held[:n_characters], self._held[n_characters:]
        return released

    def _possible_stop(self) -> int:
        """How many characters at the end could still become a stop string."""
        longest = max((len(stop) for stop in self._stop), default=1) - 1
        for length in range(min(longest, len(self._held)), 0, -1):
            tail = self._held[-length:]
            if any(stop.startswith(tail) for stop in self._stop):
                return length
        return 0
