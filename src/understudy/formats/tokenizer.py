"""Text to token ids and back: tiktoken's speed, the ids of `tokenizer.json`.

Why the two agree: in a vocabulary where every token was made by one merge, a token's rank in tiktoken is that merge's
rank in Hugging Face. Both apply the lowest rank first, leftmost first; and inside a stretch of text that ends up as one
token nothing merged across its borders, so its merges ran exactly as they do on the token alone, down to the one pair
that the merge names. `tokenizer.bpe.merges_of` drops any token for which this would not hold; the tests compare ids on
the whole standard library and on random Unicode.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tiktoken

from understudy.core.errors import InputDataError
from understudy.core.hardware import n_cores
from understudy.formats.special_tokens import SPECIAL_IDS, SPECIAL_TOKENS
from understudy.formats.tokenizer_file import GROUPED_PATTERN, TOKENIZER_FILE, read_tokens

TokenIds = npt.NDArray[np.uint32]

# tiktoken's regular expressions give up (and end the thread) after a million steps back, which only a run of blanks
# longer than that can need. Such a text takes the slow road.
LONGEST_RUN = 250_000
MOST_THREADS = 8
_RUN = re.compile(r"\s+")


def has_long_run(text: str) -> bool:
    """True when the text holds a run of blanks that tiktoken's and rustbpe's regular expressions would not survive."""
    return len(text) >= LONGEST_RUN and any(run.end() - run.start() >= LONGEST_RUN for run in _RUN.finditer(text))


class Tokenizer:
    """Text to ids and ids to text. Thread-safe, and encodes without holding Python's lock."""

    def __init__(self, folder: Path, tokens: Sequence[bytes]) -> None:
        self.folder = folder
        self.vocabulary = len(SPECIAL_TOKENS) + len(tokens)
        self.special: Mapping[str, int] = SPECIAL_IDS
        ranks = {token: len(SPECIAL_TOKENS) + rank for rank, token in enumerate(tokens)}
        self._encoding = tiktoken.Encoding(
            "understudy", pat_str=GROUPED_PATTERN, mergeable_ranks=ranks, special_tokens=dict(SPECIAL_IDS)
        )
        self._bytes = [text.encode() for text in SPECIAL_TOKENS] + list(tokens)
        self._slow: Any = None
        lengths = [0] * len(SPECIAL_TOKENS) + [len(token) for token in tokens]
        self.token_bytes: npt.NDArray[np.int64] = np.array(lengths, dtype=np.int64)
        """Bytes of text that each id stands for; special tokens stand for none."""

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """The tokenizer in a tokenizer's or a model's folder. Raises InputDataError when it is missing or foreign."""
        return cls(folder, read_tokens(folder / TOKENIZER_FILE))

    def encode(self, text: str) -> list[int]:
        """The ids of `text`, all of it plain text. Raises InputDataError for text that has no UTF-8 form."""
        self._check(text)
        if has_long_run(text):
            return self._encode_slowly(text)
        ids: list[int] = self._encoding.encode_ordinary(text)
        return ids

    def encode_array(self, text: str) -> TokenIds:
        """`encode` as an array."""
        return np.array(self.encode(text), dtype=np.uint32)

    def encode_batch(self, texts: Sequence[str]) -> list[TokenIds]:
        """The ids of each text, encoded in parallel."""
        with ThreadPoolExecutor(min(n_cores(), MOST_THREADS)) as threads:
            return list(threads.map(self.encode_array, texts))

    def decode(self, ids: Sequence[int] | TokenIds) -> str:
        """The text of `ids`; bytes that are no whole UTF-8 character become U+FFFD, special tokens their spelling."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Sequence[int] | TokenIds) -> bytes:
        """The bytes of `ids`. Raises InputDataError for an id outside the vocabulary."""
        if len(ids) and not 0 <= min(ids) <= max(ids) < self.vocabulary:
            outside = next(int(index) for index in ids if not 0 <= index < self.vocabulary)
            raise InputDataError(f"token id {outside} is outside the vocabulary of {self.vocabulary}")
        return b"".join([self._bytes[index] for index in ids])

    def _encode_slowly(self, text: str) -> list[int]:
        if self._slow is None:
            import tokenizers

            self._slow = tokenizers.Tokenizer.from_file(str(self.folder / TOKENIZER_FILE))
            self._slow.encode_special_tokens = True  # their spelling in source text is plain text
        ids: list[int] = self._slow.encode(text, add_special_tokens=False).ids
        return ids

    @staticmethod
    def _check(text: str) -> None:
        if text.isascii():
            return
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputDataError(
                f"the text holds a lone surrogate (U+{ord(text[error.start]):04X}) at character {error.start}",
                "decode the file as UTF-8, or with errors='replace'",
            ) from error
