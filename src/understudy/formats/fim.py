"""Fill in the middle: where a text is cut, and how the three parts are laid out as tokens.

    text ──cut──▶ prefix · middle · suffix ──lay out──▶ PSM: <fim_prefix> prefix <fim_suffix> suffix <fim_middle> middle
                                                        SPM: <fim_prefix><fim_suffix> suffix <fim_middle> prefix middle

After Bavarian et al. 2022, "Efficient Training of Language Models to Fill in the Middle" (arXiv 2207.14255): the cuts
are between characters, not tokens (a model trained on token or line cuts alone fails when the cursor stands inside a
word), PSM and SPM are mixed (SPM in the form they call SPMv2), and each part is encoded on its
own, so that the model meets the half tokens an editor makes.

We differ in where the cuts fall. Theirs are uniform over the text, so that a middle is a third of the document on
average and starts anywhere. An editor asks for the rest of a line or for a few lines. So only part of our cuts are
uniform (they teach long middles and odd places); the rest imitate an editor's, as `SPANS` says. No share was tuned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from understudy.formats.special_tokens import FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX, SPECIAL_IDS
from understudy.formats.tokenizer import Tokenizer
from understudy.formats.usage import FimMode

Span = Literal["uniform", "rest-of-line", "lines"]
SPANS: tuple[tuple[Span, float], ...] = (("uniform", 0.4), ("rest-of-line", 0.3), ("lines", 0.3))
MOST_LINES = 8  # a whole-lines middle has 1 to 8 lines, each count half as likely as the one before
PLACES_TRIED = 4  # how often to look for a line that is not blank before settling for a uniform cut
N_FIM_TOKENS = 3


@dataclass(frozen=True, slots=True)
class FimSplit:
    """A text in three parts: `prefix + middle + suffix` is the text. `mode` says how they are laid out."""

    prefix: str
    middle: str
    suffix: str
    mode: FimMode


class Middle(NamedTuple):
    """Where a middle starts and ends, in characters. Only a uniform one may be empty."""

    start: int
    end: int


def draw_mode(rng: np.random.Generator, rate: float, spm: float) -> FimMode | None:
    """Whether a text is split (with probability `rate`) and how it is then laid out (`spm`: the share suffix first)."""
    fim_draw, mode_draw = rng.random(2)
    if fim_draw >= rate:
        return None
    return "spm" if mode_draw < spm else "psm"


def split(rng: np.random.Generator, text: str, mode: FimMode) -> FimSplit:
    """The text cut at a random middle."""
    start, end = middle_span(rng, text)
    return FimSplit(text[:start], text[start:end], text[end:], mode)


def middle_span(rng: np.random.Generator, text: str) -> Middle:
    """Where a random middle of `text` lies."""
    kind = _draw_kind(rng)
    if kind != "uniform":
        middle = _editor_middle(rng, text, n_lines=_draw_n_lines(rng) if kind == "lines" else 1)
        if middle is not None:
            return middle
    first, second = sorted(int(cut) for cut in rng.integers(0, len(text) + 1, size=2))
    return Middle(first, second)


def _draw_kind(rng: np.random.Generator) -> Span:
    draw = rng.random()
    for kind, share in SPANS:
        draw -= share
        if draw < 0:
            return kind
    return "uniform"  # the shares' sum may fall short of one by rounding


def _draw_n_lines(rng: np.random.Generator) -> int:
    return min(int(rng.geometric(0.5)), MOST_LINES)


def _editor_middle(rng: np.random.Generator, text: str, n_lines: int) -> Middle | None:
    """From a cursor in a line that is not blank to the end of that line or of one of the next; None if none is found.

    Half of the cursors stand at the line's first letter (a line just indented), half anywhere later in the line.
    """
    if not text:
        return None
    for place in rng.integers(0, len(text), size=PLACES_TRIED):
        line_start = text.rfind("\n", 0, int(place)) + 1
        line_end = _line_end(text, line_start)
        line = text[line_start:line_end]
        indentation = len(line) - len(line.lstrip())
        if indentation == len(line):
            continue
        at_first_letter = rng.random() < 0.5
        cursor = line_start + (indentation if at_first_letter else int(rng.integers(indentation, len(line))))
        for _ in range(n_lines - 1):
            if line_end == len(text):
                break
            line_end = _line_end(text, line_end + 1)
        return Middle(cursor, line_end)
    return None


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def psm_prompt(prefix_ids: Sequence[int], suffix_ids: Sequence[int]) -> list[int]:
    """All that stands before the middle, prefix first."""
    ids = SPECIAL_IDS
    return [ids[FIM_PREFIX], *prefix_ids, ids[FIM_SUFFIX], *suffix_ids, ids[FIM_MIDDLE]]


def spm_prompt(prefix_ids: Sequence[int], suffix_ids: Sequence[int]) -> list[int]:
    """All that stands before the middle, suffix first; the prefix runs into the middle without a mark."""
    ids = SPECIAL_IDS
    return [ids[FIM_PREFIX], ids[FIM_SUFFIX], *suffix_ids, ids[FIM_MIDDLE], *prefix_ids]


def fim_prompt(mode: FimMode, prefix_ids: Sequence[int], suffix_ids: Sequence[int]) -> list[int]:
    """All that stands before the middle in a split of this mode."""
    return (psm_prompt if mode == "psm" else spm_prompt)(prefix_ids, suffix_ids)


def fim_tokens(tokenizer: Tokenizer, split: FimSplit) -> list[int]:
    """The tokens of a split, up to and without the end token."""
    prompt = fim_prompt(split.mode, tokenizer.encode(split.prefix), tokenizer.encode(split.suffix))
    return prompt + tokenizer.encode(split.middle)
