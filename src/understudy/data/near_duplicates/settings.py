"""What near-duplicates are, as numbers, and the bands that follow from them."""

from __future__ import annotations

from typing import NamedTuple

SURE = 0.999


class NearSettings(NamedTuple):
    """Two files are near-duplicates where the Jaccard similarity of their sets of `ngram` words is `threshold` or more.

    `permutations` is the length of the signature by which pairs are proposed; every proposed pair is then compared
    exactly, so it costs or saves time and a few in a thousand pairs, and never makes a wrong one.
    """

    threshold: float = 0.7
    permutations: int = 256
    ngram: int = 5


class Banding(NamedTuple):
    """How a signature is cut: `n_bands` bands of `rows` positions. Two files with one equal band are compared."""

    rows: int
    n_bands: int

    def found(self, similarity: float) -> float:
        """The probability that two files of this similarity are compared: 1 − (1 − s^rows)^n_bands."""
        return float(1 - (1 - similarity**self.rows) ** self.n_bands)


def banding(settings: NearSettings) -> Banding:
    """The longest bands by which a pair right at the threshold is still found with a probability of 0.999.

    Longer bands propose fewer pairs that are no near-duplicates after all; since proposals are verified, those cost
    time only. Where no banding is that sure (few permutations, low threshold), bands are single positions.
    """
    choices = [Banding(rows, settings.permutations // rows) for rows in range(1, settings.permutations + 1)]
    return max((choice for choice in choices if choice.found(settings.threshold) >= SURE), default=choices[0])
