"""How many tokens the sources will give, before there is a corpus or a tokenizer to count them with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from understudy.plan.curves import Points, interpolated

# Share of the surveyed bytes that survives filters and exact duplicates: an assumption for a tidy source tree. One with
# vendored copies or generated code keeps less; the corpus's funnel then says how much.
KEPT_SHARE = 0.93

# Bytes a token of held-out Python under byte-level BPE tokenizers of these sizes, trained on CPython's library
# (900 files, 15 MB; held out: 200 files). A tokenizer of your own code comes within a tenth of it.
_PYTHON_BYTES_PER_TOKEN: Points = (
    (256, 1.0),
    (1_024, 2.57),
    (4_096, 3.41),
    (8_192, 3.75),
    (16_384, 4.01),
    (32_768, 4.19),
)
# Fill-in-the-middle cuts words in two, and headers and special tokens come on top: about this share more tokens.
_REARRANGEMENT_SHARE = 0.04

# Bytes a token against Python's, at equal vocabulary. Not measured: a judgement of how wordy each language is, with
# long words above 1, dense punctuation and numbers below. The tokenizer's report has the true ones.
AGAINST_PYTHON = {
    "c": 0.88, "c++": 0.92, "c-sharp": 1.08, "css": 0.82, "go": 0.90, "html": 0.88, "java": 1.10, "javascript": 0.95,
    "json": 0.72, "kotlin": 1.05, "markdown": 1.08, "php": 1.00, "ruby": 0.92, "rust": 0.95, "shell": 0.85, "sql": 0.90,
    "swift": 1.02, "toml": 0.80, "typescript": 1.00, "yaml": 0.85,
}  # fmt: skip
_UNKNOWN_LANGUAGE = 0.90


@dataclass(frozen=True, slots=True)
class TokenEstimate:
    """Tokens that one pass over the training split will hold, and the numbers behind them."""

    size_bytes: int
    training_bytes: int
    bytes_per_token: float
    unique_tokens: int


def estimate_tokens(size_bytes_by_language: Mapping[str, int], vocabulary: int, valid: float) -> TokenEstimate:
    """The expected tokens of the training split, from the sources' bytes by language and the vocabulary's size."""
    size_bytes = sum(size_bytes_by_language.values())
    kept = KEPT_SHARE * (1.0 - valid)
    tokens = sum(
        size * kept / bytes_per_token(language, vocabulary) for language, size in size_bytes_by_language.items()
    )
    mean = size_bytes * kept / tokens if tokens else bytes_per_token("python", vocabulary)
    return TokenEstimate(size_bytes, int(size_bytes * kept), round(mean, 3), int(tokens))


def bytes_per_token(language: str, vocabulary: int) -> float:
    """Bytes of source text a training token stands for, expected for a language and a vocabulary size."""
    python = interpolated(_PYTHON_BYTES_PER_TOKEN, vocabulary) * (1.0 - _REARRANGEMENT_SHARE)
    return python * (1.0 if language == "python" else AGAINST_PYTHON.get(language, _UNKNOWN_LANGUAGE))
