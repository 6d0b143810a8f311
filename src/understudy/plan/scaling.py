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


def effective_tokens(tokens: float, unique_tokens: float) -> float:
    """The number of fresh tokens that `tokens` drawn by passing over `unique_tokens` is worth (Muennighoff, eq. 5)."""
    if tokens <= unique_tokens:
        return tokens
    repetitions = tokens / unique_tokens - 1.0
    return unique_tokens * (1.0 + REPETITION_DECAY_PASSES * (1.0 - math.exp(-repetitions / REPETITION_DECAY_PASSES)))


def expected_loss(
    parameters: float, tokens: float, unique_tokens: float, vocabulary: int, law: LossLaw = BESIROGLU
) -> float:
    """Nats per token that the law expects, never above ln(vocabulary).

    A model that guesses each token alike already has ln(vocabulary). Below about 10M tokens the bare formula rises
    above that (19 nats at 1M parameters and 1M tokens), so the excess over the irreducible loss saturates there:
    excess = limit · x / (limit + x). Where the law was fitted the saturation moves the loss by under a tenth.
    """
    limit = math.log(vocabulary) - law.irreducible
    excess = law.loss(parameters, effective_tokens(tokens, unique_tokens)) - law.irreducible
    return law.irreducible + limit * excess / (limit + excess)


def trust_in_loss(parameters: float) -> str:
    """One sentence on how far the expected loss may be believed at this size."""
    if parameters >= SMALLEST_FITTED_PARAMETERS:
        return (
            "the law was fitted on web text at sizes like this; on code expect a lower loss, in the same order of runs"
        )
    times = SMALLEST_FITTED_PARAMETERS / parameters
    return (
        f"the law was fitted on web text from 44M parameters up; this model is {times:,.0f} times smaller, so the "
        "figure ranks plans, and says little about the loss you will see on code"
    )
