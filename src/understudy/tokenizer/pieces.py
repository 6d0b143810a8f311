"""Cuts a document into pieces that fit a row, and lays each out as tokens.

document ──cut at line ends──▶ texts ──▶ [header] text [end]                  left to right, the end on the last piece
                                     └─▶ [header] prefix/suffix/middle end    fill in the middle, for the recipe's share

FIM is applied to each piece by itself, after the cut: a split never loses a part at a row's border ("context-level" FIM
in Bavarian et al. 2022, who found it better than splitting whole documents and cutting the result). All random draws
of a document come from the seed and its own id, so neither the order of documents nor the number of workers matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from understudy.formats.corpus import Document
from understudy.formats.fim import N_FIM_TOKENS, draw_mode, fim_tokens, split
from understudy.formats.prompt import fitting_header
from understudy.formats.shard_writer import Piece
from understudy.formats.shards import LAYOUTS
from understudy.formats.special_tokens import END, SPECIAL_IDS
from understudy.formats.tokenizer import Tokenizer
from understudy.formats.usage import FimMode

HEADER_RATE = 0.5  # share of training pieces that start with their file's path
# Encoding three parts takes a few tokens more than encoding the whole, because each cut may break a token in pieces.
# On the standard library 1.7 more on average and more than 6 in one piece of 800, which is then cut shorter.
FIM_SLACK_TOKENS = 6
FIM_TRIES = 3  # how often a split piece that is too long is cut shorter before it stays left to right


@dataclass(frozen=True, slots=True)
class PieceSettings:
    """How documents become pieces. Validation uses no header and no split, so that nothing in it is random."""

    context: int
    seed: int
    fim_rate: float
    spm_share: float
    header_rate: float = HEADER_RATE

    @property
    def capacity(self) -> int:
        """Tokens in a row: one more than the context, since inputs and targets are shifted by one."""
        return self.context + 1


@dataclass(slots=True)
class TokenizedText:
    """A document's bytes and where each of its tokens ends in them."""

    raw: bytes
    token_ends: npt.NDArray[np.int64]

    @classmethod
    def of(cls, tokenizer: Tokenizer, content: str) -> TokenizedText:
        """The text with its tokens' places."""
        return cls(content.encode(), np.cumsum(tokenizer.token_bytes[tokenizer.encode_array(content)]))

    def cut(self, start: int, room: int) -> int:
        """Where a piece that starts at byte `start` and may have `room` tokens ends: behind a line where possible."""
        first = int(np.searchsorted(self.token_ends, start, side="right"))
        if first + room >= len(self.token_ends):
            return len(self.raw)
        end = int(self.token_ends[first + room - 1])
        line_end = self.raw.rfind(b"\n", start, end) + 1
        return line_end if line_end > start else self._character_border(start, end)

    def _character_border(self, start: int, end: int) -> int:
        """The nearest start of a character at or before `end`; the next one if that would leave the piece empty."""
        border = end
        while border > start and self._is_inside(border):
            border -= 1
        if border > start:
            return border
        border = start + 1
        while border < len(self.raw) and self._is_inside(border):
            border += 1
        return border

    def _is_inside(self, place: int) -> bool:
        return self.raw[place] & 0xC0 == 0x80


def pieces_of(
    tokenizer: Tokenizer, number: int, document: Document, settings: PieceSettings, copy: int = 0
) -> Iterator[Piece]:
    """The pieces of a document, the `number`-th of its split; their texts joined are the document's content.

    Further copies of it have other headers and splits.
    """
    if not document.content:
        return
    rng = generator(settings.seed, document.id, *([copy] if copy else []))
    text = TokenizedText.of(tokenizer, document.content)
    header = fitting_header(tokenizer, document.path, settings.context)
    start = 0
    while start < len(text.raw):
        piece_header = header if rng.random() < settings.header_rate else []
        mode = draw_mode(rng, settings.fim_rate, settings.spm_share)
        laid_out = _lay_out(tokenizer, text, start, piece_header, mode, rng, settings)
        yield _piece(tokenizer, number, laid_out, laid_out.end - start)
        start = laid_out.end


@dataclass(frozen=True, slots=True)
class _LaidOut:
    tokens: list[int]
    end: int  # byte of the document where the piece's text ends
    mode: FimMode | None


def _lay_out(
    tokenizer: Tokenizer,
    text: TokenizedText,
    start: int,
    header: list[int],
    mode: FimMode | None,
    rng: np.random.Generator,
    settings: PieceSettings,
) -> _LaidOut:
    """The tokens of the piece that starts at `start`, cut shorter until they fit a row."""
    room = settings.capacity - len(header) - 1 - (N_FIM_TOKENS + FIM_SLACK_TOKENS if mode else 0)
    tries = 0
    while True:
        end = text.cut(start, max(room, 1))
        content = text.raw[start:end].decode()
        if mode is None:
            tokens = header + tokenizer.encode(content)
        else:
            tokens = header + fim_tokens(tokenizer, split(rng, content, mode))
        if mode is not None or end == len(text.raw):
            tokens.append(SPECIAL_IDS[END])
        excess = len(tokens) - settings.capacity
        if excess <= 0:
            return _LaidOut(tokens, end, mode)
        tries += 1
        room = max(room - excess, room // 2 if room < excess else 1)
        if mode is not None and tries == FIM_TRIES:
            mode = None


def _piece(tokenizer: Tokenizer, number: int, laid_out: _LaidOut, n_bytes: int) -> Piece:
    tokens = np.array(laid_out.tokens, dtype=np.uint32)
    layout = LAYOUTS.index(laid_out.mode or "left-to-right")
    n_scored_bytes = n_bytes - int(tokenizer.token_bytes[tokens[0]])
    return Piece(tokens, number, layout, n_bytes, n_scored_bytes)


def generator(seed: int, identifier: str, *more: int) -> np.random.Generator:
    """The draws that belong to a document, whatever else is in the corpus."""
    return np.random.Generator(np.random.PCG64([seed, *_words(identifier), *more]))


def _words(identifier: str) -> list[int]:
    """A document's id as 32-bit numbers to seed with."""
    raw = identifier.encode()
    return [int.from_bytes(raw[place : place + 4], "little") for place in range(0, len(raw), 4)]
