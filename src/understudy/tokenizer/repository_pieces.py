"""Cuts a repository into pieces that fit a row: whole files where they fit, a long file at line ends as ever.

    [<|repo_name|>name\\n <|file_sep|>path\\n] text  <|file_sep|>path\\n text  …  <|file_sep|>path\\n text or FIM split

The last file of a piece is the one that may be split for fill-in-the-middle: what stands before it is what an editor
knows of the other files, and its layout is the one of a prompt for a single file (`formats.prompt`). Every piece starts
with the names or, for the share of pieces that have no header, with text, so that the model needs neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from understudy.formats.corpus import Document
from understudy.formats.fim import N_FIM_TOKENS, draw_mode, fim_tokens, split
from understudy.formats.prompt import fitting_header, fitting_repository_header, header_tokens
from understudy.formats.shard_writer import Piece
from understudy.formats.shards import LAYOUTS
from understudy.formats.special_tokens import END, SPECIAL_IDS
from understudy.formats.tokenizer import Tokenizer
from understudy.formats.usage import FimMode
from understudy.tokenizer.pieces import FIM_SLACK_TOKENS, PieceSettings, TokenizedText, generator
from understudy.tokenizer.repositories import Repository


@dataclass(frozen=True, slots=True)
class _Section:
    """A file, or a part of a long one, with the header that stands before it."""

    number: int
    document: Document
    header: list[int]
    text: str
    tokens: list[int]

    @property
    def length(self) -> int:
        return len(self.header) + len(self.tokens)


@dataclass(slots=True)
class _Open:
    """A piece that is being filled."""

    sections: list[_Section] = field(default_factory=list)
    length: int = 0

    def add(self, section: _Section) -> None:
        self.sections.append(section)
        self.length += section.length


def repository_pieces(
    tokenizer: Tokenizer, repository: Repository, settings: PieceSettings, copy: int = 0
) -> Iterator[Piece]:
    """The pieces of a repository; their texts joined are its documents' contents, in their order."""
    name = fitting_repository_header(tokenizer, repository.name, settings.context)
    room = settings.capacity - len(name) - 1 - (N_FIM_TOKENS + FIM_SLACK_TOKENS if settings.fim_rate else 0)
    piece = _Open()
    for number, document in repository.documents:
        for section in _sections(tokenizer, number, document, max(room, 1), settings.context):
            if piece.sections and piece.length + section.length > room:
                yield _piece(tokenizer, piece, name, False, settings, copy)
                piece = _Open()
            piece.add(section)
    if piece.sections:
        yield _piece(tokenizer, piece, name, True, settings, copy)


def _sections(tokenizer: Tokenizer, number: int, document: Document, room: int, context: int) -> Iterator[_Section]:
    """The document as one section, or as several that each fill a piece as far as line ends allow."""
    header = fitting_header(tokenizer, document.path, context) or header_tokens(tokenizer, "")
    text = TokenizedText.of(tokenizer, document.content)
    start = 0
    while start < len(text.raw):
        free = room - len(header)
        while True:
            end = text.cut(start, max(free, 1))
            part = text.raw[start:end].decode()
            tokens = tokenizer.encode(part)
            if len(header) + len(tokens) <= room or free <= 1:
                break
            free = max(1, free - (len(header) + len(tokens) - room))
        yield _Section(number, document, header, part, tokens)
        start = end


def _piece(
    tokenizer: Tokenizer, piece: _Open, name: list[int], is_last: bool, settings: PieceSettings, copy: int
) -> Piece:
    """The tokens of a filled piece. What it draws depends on its first file and on where that is cut."""
    first, last = piece.sections[0], piece.sections[-1]
    what = (len(first.text), len(piece.sections), *([copy] if copy else []))
    rng = generator(settings.seed, first.document.id, *what)
    has_header = rng.random() < settings.header_rate
    mode = draw_mode(rng, settings.fim_rate, settings.spm_share)
    tokens = [*name, *first.header] if has_header else []
    for place, section in enumerate(piece.sections[:-1]):
        tokens += [*(section.header if place else []), *section.tokens]
    tokens += last.header if len(piece.sections) > 1 else []
    middle = _split(tokenizer, last, mode, rng, settings.capacity - len(tokens)) if mode else None
    tokens += middle or last.tokens
    if middle is None and is_last:
        tokens.append(SPECIAL_IDS[END])
    n_bytes = sum(len(section.text.encode()) for section in piece.sections)
    array = np.array(tokens, dtype=np.uint32)
    layout = LAYOUTS.index(mode if middle and mode else "left-to-right")
    return Piece(array, first.number, layout, n_bytes, n_bytes - int(tokenizer.token_bytes[array[0]]))


def _split(
    tokenizer: Tokenizer, section: _Section, mode: FimMode, rng: np.random.Generator, room: int
) -> list[int] | None:
    """The section split for fill-in-the-middle; None where that takes more tokens than there is room for."""
    tokens = [*fim_tokens(tokenizer, split(rng, section.text, mode)), SPECIAL_IDS[END]]
    return tokens if len(tokens) <= room else None
