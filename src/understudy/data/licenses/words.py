"""A licence's text as hashed word triples: what stays when it is re-wrapped, commented or re-punctuated."""

from __future__ import annotations

import re
from zlib import crc32

import numpy as np

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
# Spellings that SPDX's matching guidelines call equal, as far as they occur in licences people use.
EQUAL = {"licence": "license", "licences": "licenses", "licenced": "licensed", "sublicence": "sublicense"}
MARKUP = re.compile(r"<[a-zA-Z/][^<>]{0,200}>|&(?:amp|quot|lt|gt|nbsp|copy);")
GRAM = 3


def words_of(text: str) -> list[str]:
    """The words in lower case, without punctuation, comment signs and HTML tags."""
    return [EQUAL.get(word, word) for word in WORD.findall(MARKUP.sub(" ", text).lower())]


def grams_of(words: list[str]) -> np.ndarray:
    """A 32-bit hash for each three consecutive words, by the position of the first."""
    hashes = [crc32(" ".join(words[at : at + GRAM]).encode()) for at in range(len(words) - GRAM + 1)]
    return np.array(hashes, np.uint32)
