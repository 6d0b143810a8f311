"""When a completion is right, and how near it is when it is not. One definition for the model and its rivals."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein


def cut_to_lines(text: str, n_lines: int) -> str:
    """At most the first `n_lines` lines of a completion: an editor offers no more than was asked for."""
    return "\n".join(text.split("\n")[:n_lines])


def same_text(text: str) -> str:
    """The text without what nobody sees: whitespace at line ends, and empty lines at the end."""
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip()


def exact_match(completion: str, truth: str) -> bool:
    """True when the completion is the truth, whitespace at line ends aside."""
    return same_text(completion) == same_text(truth)


def edit_similarity(completion: str, truth: str) -> float:
    """1 - Levenshtein distance / longer length, in characters: 1 is equal, 0 shares nothing. Two empty texts are equal.

    CodeXGLUE and CrossCodeEval report fuzzywuzzy's ratio, which counts a replacement as two edits; theirs is the higher
    number on the same completions, so the two are not to be compared.
    """
    return float(Levenshtein.normalized_similarity(same_text(completion), same_text(truth)))
