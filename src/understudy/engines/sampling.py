"""Chooses the next token from its scores. Each request has its own random numbers: its neighbours do not matter.

Letters: v vocabulary.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from understudy.core.engine import Sampling

Scores = npt.NDArray[np.float32]


class Chooser:
    """The choice of one request's tokens; the same seed and scores give the same tokens."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        seed = None if sampling.seed is None else sampling.seed % 2**64
        self._random = np.random.default_rng(seed)

    @property
    def is_greedy(self) -> bool:
        """Whether the best token is always taken."""
        return self._sampling.temperature <= 0.0

    def choose(self, scores_v: Scores) -> int:
        """The next token: the best one when greedy, else drawn by inverse transform, one random number a token."""
        if self.is_greedy:
            return int(scores_v.argmax())
        ids, weights = candidates(scores_v, self._sampling)
        cumulative = weights.cumsum()
        drawn = int(np.searchsorted(cumulative, self._random.random() * cumulative[-1], side="right"))
        return int(ids[min(drawn, len(ids) - 1)])


def candidates(scores_v: Scores, sampling: Sampling) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The tokens that may be drawn, best first, and their weights (not normalised).

    Temperature first, then top-k, then top-p (nucleus sampling, Holtzman et al. 2019: the fewest best tokens whose
    probabilities add up to at least top_p), as in transformers.
    """
    ids = _best_first(scores_v, sampling.top_k)
    with np.errstate(over="ignore"):  # a temperature near zero sends all but the best to minus infinity, as it should
        scaled = (scores_v[ids].astype(np.float64) - float(scores_v[ids[0]])) / sampling.temperature
    weights = np.exp(scaled)
    if sampling.top_p < 1.0:
        cumulative = weights.cumsum()
        n_kept = int(np.searchsorted(cumulative, sampling.top_p * cumulative[-1])) + 1
        ids, weights = ids[:n_kept], weights[:n_kept]
    return ids, weights


def _best_first(scores_v: Scores, top_k: int | None) -> npt.NDArray[np.int64]:
    if top_k is not None and top_k < len(scores_v):
        best = np.argpartition(-scores_v, top_k - 1)[:top_k]
        best.sort()  # equal scores keep the order of their ids, whatever the partition did
        return best[np.argsort(-scores_v[best], kind="stable")]
    return np.argsort(-scores_v, kind="stable")
