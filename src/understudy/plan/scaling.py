"""What more parameters and more tokens are worth: the published laws, and how far to trust them at our sizes.

loss(N, D) = E + A / N^α + B / D^β      nats per token, N parameters, D tokens
D' = U + U·R*(1 − e^(−R/R*))            tokens that repeat are worth less: U unique, R passes after the first
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Hoffmann et al. 2022 ("Chinchilla", arXiv 2203.15556): at equal compute, the best loss is near 20 tokens a parameter.
TOKENS_PER_PARAMETER = 20.0
# Muennighoff et al. 2023 (arXiv 2305.16264): up to four passes cost almost nothing against fresh data.
PASSES_WITHOUT_WARNING = 4.0
# Muennighoff et al., appendix A: after this many further passes a repeated token is worth 1/e of a fresh one.
REPETITION_DECAY_PASSES = 15.387756
# Smallest models behind the fits below. Under this the law is extended, not tested.
SMALLEST_FITTED_PARAMETERS = 44_000_000


@dataclass(frozen=True, slots=True)
class LossLaw:
    """irreducible + parameters_scale / N^parameters_exponent + tokens_scale / D^tokens_exponent, in nats per token."""

    source: str
    irreducible: float
    parameters_scale: float
    parameters_exponent: float
    tokens_scale: float
    tokens_exponent: float

    def loss(self, parameters: float, tokens: float) -> float:
        """Nats per token after training `parameters` on `tokens` different tokens."""
        too_small = self.parameters_scale / math.pow(parameters, self.parameters_exponent)
        too_short = self.tokens_scale / math.pow(tokens, self.tokens_exponent)
        return self.irreducible + too_small + too_short

    def best_tokens(self, parameters: float) -> float:
        """The tokens at which this size is the best use of its compute (6·N·D held fixed)."""
        ratio = (self.tokens_exponent * self.tokens_scale) / (self.parameters_exponent * self.parameters_scale)
        return math.pow(ratio * math.pow(parameters, self.parameters_exponent), 1.0 / self.tokens_exponent)


# Approach 3 of Hoffmann et al., constants as in the paper's TeX source (the printed ones are rounded).
HOFFMANN = LossLaw("Hoffmann et al. 2022", 1.6934, 406.4, 0.3392, 410.7, 0.2849)
# The same data fitted again: the first fit had stopped early and contradicted the paper's other two approaches;
# this one agrees with them (20 tokens a parameter at Chinchilla's size). arXiv 2404.10102. It is the one we use.
BESIROGLU = LossLaw("Besiroglu et al. 2024", 1.8172, 482.01, 0.3478, 2085.43, 0.3658)

# Below the published fits: their exponents, with the three scales fitted (least squares, residuals up to 0.12 nats) to
# eight runs of 0.24M to 5.2M tokens of Python at a vocabulary of 8,192. docs/concepts/planning.md lists them.
# The published constants say 12 nats there, where 4 come: code is easier than web text, and a better optimizer helps.
SMALL_PYTHON = LossLaw("eight runs on Python, 2026", 1.85, 145.0, 0.3478, 277.9, 0.3658)


def effective_tokens(tokens: float, unique_tokens: float) -> float:
    """The number of fresh tokens that `tokens` drawn by passing over `unique_tokens` is worth (Muennighoff, eq. 5)."""
    if tokens <= unique_tokens:
        return tokens
    repetitions = tokens / unique_tokens - 1.0
    return unique_tokens * (1.0 + REPETITION_DECAY_PASSES * (1.0 - math.exp(-repetitions / REPETITION_DECAY_PASSES)))


def law_for(parameters: float) -> LossLaw:
    """The law to use at this size: the published one where it was fitted, ours below."""
    return BESIROGLU if parameters >= SMALLEST_FITTED_PARAMETERS else SMALL_PYTHON


def expected_loss(parameters: float, tokens: float, unique_tokens: float, vocabulary: int) -> float:
    """Nats per token that the law for this size expects, at most ln(vocabulary): guessing each token alike."""
    loss = law_for(parameters).loss(parameters, effective_tokens(tokens, unique_tokens))
    return min(loss, math.log(vocabulary))


def trust_in_loss(parameters: float) -> str:
    """One sentence on how far the expected loss may be believed at this size."""
    if parameters >= SMALLEST_FITTED_PARAMETERS:
        return (
            "its constants are of web text at sizes like this; on code expect a lower loss, but the same order of runs"
        )
    return (
        "its scales are fitted to eight short runs of ours on Python at 2.5M to 7M parameters, off by at most 0.12; "
        "beyond them, and for other vocabularies than 8,192, it ranks plans rather than foresees a loss"
    )
