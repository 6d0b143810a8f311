"""How a prompt is laid out: the one truth for training, evaluation and serving.

    [<|file_sep|>path\\n] prefix                                                            left to right
    [<|file_sep|>path\\n] <|fim_prefix|> prefix <|fim_suffix|> suffix <|fim_middle|>        fill in the middle

The packer writes pieces with the same functions (`header_tokens`, `fim.fim_prompt`), so a request's prompt is the
beginning of what the model saw for the same cut. Where it joins the files of a repository, other files stand before:

    <|repo_name|>name\\n <|file_sep|>path\\n text  <|file_sep|>path\\n text  …  and then one of the two above

What is too long is cut, at the level of tokens and at the far ends: the prefix loses its left, the suffix its right.
Where a line starts (ends) within the next `LINE_SEARCH_TOKENS` of the cut, the cut moves there, because training pieces
start and end with whole lines too.
"""

from __future__ import annotations

from collections.abc import Sequence

from understudy.core.engine import Prompt
from understudy.core.errors import UsageError
from understudy.formats.fim import N_FIM_TOKENS, fim_prompt
from understudy.formats.special_tokens import END, FILE_SEP, REPO_NAME, SPECIAL_IDS
from understudy.formats.tokenizer import Tokenizer
from understudy.formats.usage import ModelUsage

SUFFIX_SHARE = 0.25  # of the room for text, when prefix and suffix both have more than fits
HEADER_SHARE = 0.25  # a header longer than this share of the context is left out
SMALLEST_PROMPT_SHARE = 0.25  # of the context; when max_tokens asks for more than the rest, the completion is shorter
LINE_SEARCH_TOKENS = 32
# Characters kept for each token of room before encoding, so that a prompt of 10 MB costs no more than one of 10 kB.
# Code has 3 to 4 a token; where runs of blanks have more, the prompt ends up shorter than it could be.
CHARACTERS_PER_TOKEN = 24


def prompt_ids(tokenizer: Tokenizer, prompt: Prompt, context: int, max_tokens: int, usage: ModelUsage) -> list[int]:
    """The tokens of a prompt, cut so that `max_tokens` more fit into `context`; never empty, never longer than that.

    When `max_tokens` leaves less than a quarter of the context, the prompt still gets that quarter. Raises UsageError
    for a suffix if the model was trained without fill-in-the-middle; a long prompt is cut, never refused.
    """
    room = max(context - max_tokens, int(context * SMALLEST_PROMPT_SHARE), 1)
    header = _header(tokenizer, prompt.path, usage, room // 2)
    room -= len(header)
    if prompt.suffix is None:
        ids = header + _end_of(tokenizer, prompt.prefix, room)
        return ids or [SPECIAL_IDS[END]]
    if usage.fim_mode is None:
        raise UsageError(f"the model {usage.name} was trained without fill-in-the-middle", "leave the suffix out")
    return header + _fim(tokenizer, prompt.prefix, prompt.suffix, room, usage)


def header_tokens(tokenizer: Tokenizer, path: str) -> list[int]:
    """The header of a file: its path inside the repository, with forward slashes, on one line."""
    line = " ".join(path.replace("\\", "/").lstrip("/").split("\n"))
    return [SPECIAL_IDS[FILE_SEP], *tokenizer.encode(f"{line}\n")]


def repository_header_tokens(tokenizer: Tokenizer, name: str) -> list[int]:
    """The header of a repository: its name, on one line."""
    return [SPECIAL_IDS[REPO_NAME], *tokenizer.encode(f"{' '.join(name.split())}\n")]


def fitting_repository_header(tokenizer: Tokenizer, name: str, context: int) -> list[int]:
    """The header, or nothing when it would take more than its share of the context."""
    if len(name) > context * CHARACTERS_PER_TOKEN:
        return []
    header = repository_header_tokens(tokenizer, name)
    return header if len(header) <= int(context * HEADER_SHARE) else []


def fitting_header(tokenizer: Tokenizer, path: str, context: int) -> list[int]:
    """The header, or nothing when it would take more than its share of the context."""
    if len(path) > context * CHARACTERS_PER_TOKEN:
        return []
    header = header_tokens(tokenizer, path)
    return header if len(header) <= int(context * HEADER_SHARE) else []


def _header(tokenizer: Tokenizer, path: str | None, usage: ModelUsage, room: int) -> list[int]:
    if not path or usage.header is None:
        return []
    header = fitting_header(tokenizer, path, usage.context)
    return header if len(header) <= room else []


def _fim(tokenizer: Tokenizer, prefix: str, suffix: str, room: int, usage: ModelUsage) -> list[int]:
    mode = usage.fim_mode or "psm"
    room -= N_FIM_TOKENS
    if room <= 0:  # a context of a few tokens: the cursor's place is all that fits
        return _end_of(tokenizer, prefix, max(room + N_FIM_TOKENS, 1)) or [SPECIAL_IDS[END]]
    suffix_room = max(int(room * SUFFIX_SHARE), room - _n_tokens_at_most(tokenizer, prefix, room))
    suffix_ids = _start_of(tokenizer, suffix, suffix_room)
    prefix_ids = _end_of(tokenizer, prefix, room - len(suffix_ids))
    return fim_prompt(mode, prefix_ids, suffix_ids)


def _n_tokens_at_most(tokenizer: Tokenizer, text: str, room: int) -> int:
    return min(room, len(tokenizer.encode(text[-room * CHARACTERS_PER_TOKEN :])))


def _end_of(tokenizer: Tokenizer, text: str, room: int) -> list[int]:
    """The last tokens of `text` that fit, from the start of a line if one is near."""
    if room <= 0:
        return []
    kept = text[-room * CHARACTERS_PER_TOKEN :]
    ids = tokenizer.encode(kept)
    if len(ids) <= room and len(kept) == len(text):
        return ids
    ids = ids[-room:]
    line_ends = _line_ends(tokenizer, ids[: min(LINE_SEARCH_TOKENS, room // 4)])
    return ids[line_ends[0] :] if line_ends else ids


def _start_of(tokenizer: Tokenizer, text: str, room: int) -> list[int]:
    """The first tokens of `text` that fit, up to the end of a line if one is near."""
    if room <= 0:
        return []
    kept = text[: room * CHARACTERS_PER_TOKEN]
    ids = tokenizer.encode(kept)
    if len(ids) <= room and len(kept) == len(text):
        return ids
    ids = ids[:room]
    near = min(LINE_SEARCH_TOKENS, room // 4)
    line_ends = _line_ends(tokenizer, ids[len(ids) - near :])
    return ids[: len(ids) - near + line_ends[-1]] if line_ends else ids


def _line_ends(tokenizer: Tokenizer, ids: Sequence[int]) -> list[int]:
    """The places in `ids` right behind a token that ends a line."""
    return [place + 1 for place, index in enumerate(ids) if tokenizer.decode_bytes([index]).endswith(b"\n")]
