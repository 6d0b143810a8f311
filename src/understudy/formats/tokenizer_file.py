"""The Hugging Face form of our tokenizer: `tokenizer.json` and `tokenizer_config.json`, written and read.

A byte-level BPE is an ordered list of byte strings: the special tokens, the 256 bytes, then one token per merge. The
rank of a merge is the id of the token it makes, so the same list drives tiktoken (which merges by the rank of the
result) and Hugging Face or llama.cpp (which merge by the rank of the pair); `formats.tokenizer` says why they agree.

Pre-tokenisation is llama.cpp's `qwen2` kind (`tokenizer.ggml.pre = qwen2`), in llama.cpp's own spelling of the regular
expression (src/llama-vocab.cpp). For code it does what we want: every digit alone; an indentation run is one piece,
its last space going to the word behind it (`       ` + ` return`); line ends stay with the punctuation before them
(`:\\n`, `)\\n`), which saves a token on most lines; words keep one leading space, tab or punctuation sign
(` name`, `.join`, `_private`). StarCoder's kind was the other candidate: it leaves line ends inside whitespace runs, so
that each depth of indentation needs its own newline token. Qwen's normalisation (NFC) is left out: text must come back
byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from understudy.core.errors import InputDataError
from understudy.core.paths import write_atomically, write_json
from understudy.formats.special_tokens import END, FIM_PAD, SPECIAL_IDS, SPECIAL_TOKENS

TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
PRE_TOKENIZER = "qwen2"  # the value a GGUF export writes to `tokenizer.ggml.pre`
_PLAIN = (
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
)
_LOOKING_AHEAD = r"\s+(?!\S)|\s+"
PATTERN = f"{_PLAIN}|{_LOOKING_AHEAD}"
# The same expression for Rust's fancy-regex (tiktoken, rustbpe): in a group of their own, the alternatives that need no
# look-ahead run as one automaton instead of one after the other, a third faster.
GROUPED_PATTERN = f"(?:{_PLAIN})|{_LOOKING_AHEAD}"
N_BYTES = 256
SMALLEST_VOCABULARY = len(SPECIAL_TOKENS) + N_BYTES


def write_tokenizer(folder: Path, tokens: Sequence[bytes], merges: Sequence[tuple[bytes, bytes]]) -> None:
    """Write both files for a BPE whose tokens (single bytes first, then one per merge) get the ids from 7 on."""
    spelled = [_spell(token) for token in tokens]
    vocabulary = SPECIAL_IDS | {text: len(SPECIAL_TOKENS) + rank for rank, text in enumerate(spelled)}
    value = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(text) | {"id": index} for text, index in SPECIAL_IDS.items()],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split",
                    "pattern": {"Regex": PATTERN},
                    "behavior": "Isolated",
                    "invert": False,
                },
                _byte_level(),
            ],
        },
        "post_processor": None,
        "decoder": _byte_level(),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": [[_spell(left), _spell(right)] for left, right in merges],
        },
    }
    write_atomically(folder / TOKENIZER_FILE, json.dumps(value, ensure_ascii=False, indent=1) + "\n")
    write_json(folder / CONFIG_FILE, _config())


def read_tokens(path: Path) -> list[bytes]:
    """The byte strings of a `tokenizer.json`, in the order of their ids after the special ones.

    Raises InputDataError when the file is not one of ours: a regular expression we do not know, other special tokens,
    ids with gaps. A foreign expression is refused rather than run: it may be made to never end.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        vocabulary: Mapping[str, int] = value["model"]["vocab"]
        pattern = value["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
        special = {str(entry["content"]): int(entry["id"]) for entry in value["added_tokens"]}
        ordered = sorted((int(index), text) for text, index in vocabulary.items() if text not in special)
        tokens = [_unspell(text) for _, text in ordered]
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise _refused(path, f"it cannot be read ({type(error).__name__}: {error})") from error
    if pattern != PATTERN:
        raise _refused(path, "its pre-tokenisation is not understudy's")
    if special != SPECIAL_IDS:
        raise _refused(path, "its special tokens are not understudy's")
    if [index for index, _ in ordered] != list(range(len(special), len(special) + len(tokens))):
        raise _refused(path, "its ids have gaps")
    if sorted(tokens[:N_BYTES]) != [bytes([byte]) for byte in range(N_BYTES)] or len(set(tokens)) != len(tokens):
        raise _refused(path, "its vocabulary is not a byte-level one")
    return tokens


def _refused(path: Path, why: str) -> InputDataError:
    return InputDataError(f"{path} cannot be used as a tokenizer: {why}", "understudy tokenizer RECIPE   (makes one)")


def _added_token(text: str) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"content": text, **flags}


def _byte_level() -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def _config() -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": None,
        "eos_token": END,
        "pad_token": FIM_PAD,
        "unk_token": None,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "added_tokens_decoder": {str(index): _added_token(text) for text, index in SPECIAL_IDS.items()},
        "understudy": {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": PRE_TOKENIZER},
    }


@lru_cache(maxsize=1)
def _letters() -> tuple[dict[int, str], dict[str, int]]:
    """GPT-2's printable letter for each byte, and back (openai/gpt-2, encoder.py `bytes_to_unicode`)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(N_BYTES) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(hidden)}
    return letters, {letter: byte for byte, letter in letters.items()}


def _spell(token: bytes) -> str:
    letters, _ = _letters()
    return "".join(letters[byte] for byte in token)


def _unspell(text: str) -> bytes:
    _, byte_of = _letters()
    return bytes(byte_of[letter] for letter in text)
