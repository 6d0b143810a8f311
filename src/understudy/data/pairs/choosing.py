"""Which of all pairs are kept: no two nearly the same, no repository more than its share, the sample by hash.

Everything is decided by the pairs' own ids, so neither the order they come in nor another pair's absence moves them
more than it must. Memory: about half a kilobyte for each pair found, besides which only the file on disk grows.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import xxhash

N_HASHES = 64
BAND = (
    4  # hashes in a band: two answers with half of their runs in common meet in one of the 16 with 64 %, ¾ with 99.7 %
)
NEARLY_THE_SAME = 0.8  # share of equal hashes, an estimate of the Jaccard similarity with a deviation of 0.05
RUN = 4  # words in a run
MOST_OF_A_REPOSITORY = 10_000  # of one kind, where no limit asks for less
_MULTIPLIERS = np.random.default_rng(20).integers(1, 2**63, N_HASHES, np.uint64) | np.uint64(1)
_ADDENDS = np.random.default_rng(21).integers(0, 2**63, N_HASHES, np.uint64)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the choice needs to know of a pair; the pair itself lies in a file, as its `number`-th line."""

    number: int
    id: str
    kind: str
    repo: str
    sketch: bytes


@dataclass(slots=True)
class Choice:
    """The numbers of the pairs that are kept, and why the others are not."""

    numbers: set[int] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)


def sketch(answer: str, name: str = "") -> bytes:
    """A MinHash signature of the runs of words in an answer; what only differs in its own name is the same."""
    words = re.findall(r"\w+|[^\w\s]", answer.replace(name, "_") if name else answer)
    runs = {" ".join(words[place : place + RUN]) for place in range(max(1, len(words) - RUN + 1))}
    hashes = np.fromiter((xxhash.xxh3_64_intdigest(run.encode()) for run in runs), np.uint64, len(runs))
    mixed = hashes[:, None] * _MULTIPLIERS + _ADDENDS
    signature: npt.NDArray[np.uint32] = (mixed >> np.uint64(32)).astype(np.uint32).min(axis=0)
    return signature.tobytes()


def choose(candidates: Sequence[Candidate], limit: int | None) -> Choice:
    """Which candidates are kept."""
    choice = Choice()
    by_hash = sorted(candidates, key=lambda candidate: (candidate.id, candidate.number))
    apart = _apart(by_hash, choice.left_out)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for candidate in apart:
        groups[candidate.kind, candidate.repo].append(candidate.number)
    for group, share in _shares(groups, limit).items():
        choice.numbers.update(groups[group][:share])
        left = len(groups[group]) - share
        choice.left_out["over-the-share-of-its-repository" if limit is None else "over-the-limit"] += left
    choice.left_out = +choice.left_out
    return choice


def _apart(candidates: Iterable[Candidate], left_out: Counter[str]) -> list[Candidate]:
    """The candidates without those that are nearly the same as one of the same kind that comes before."""
    kept: list[Candidate] = []
    bands: dict[tuple[str, int, bytes], list[npt.NDArray[np.uint32]]] = defaultdict(list)
    seen: set[str] = set()
    for candidate in candidates:
        signature = np.frombuffer(candidate.sketch, np.uint32)
        keys = [
            (candidate.kind, place, signature[place : place + BAND].tobytes()) for place in range(0, N_HASHES, BAND)
        ]
        if candidate.id in seen:
            left_out["identical"] += 1
        elif any(_is_near(signature, other) for key in keys for other in bands.get(key, ())):
            left_out["nearly-identical"] += 1
        else:
            kept.append(candidate)
            seen.add(candidate.id)
            for key in keys:
                bands[key].append(signature)
    return kept


def _is_near(one: npt.NDArray[np.uint32], other: npt.NDArray[np.uint32]) -> bool:
    return float((one == other).mean()) >= NEARLY_THE_SAME


def _shares(groups: dict[tuple[str, str], list[int]], limit: int | None) -> dict[tuple[str, str], int]:
    """How many of each group of (kind, repository) are kept: even shares by kind, then by repository."""
    sizes = {group: min(len(numbers), MOST_OF_A_REPOSITORY) for group, numbers in groups.items()}
    if limit is None:
        return sizes
    by_kind: Counter[str] = Counter()
    for (kind, _), size in sizes.items():
        by_kind[kind] += size
    shares: dict[tuple[str, str], int] = {}
    for kind, room in even_shares(dict(by_kind), limit).items():
        mine = {repo: size for (other, repo), size in sizes.items() if other == kind}
        shares |= {(kind, repo): share for repo, share in even_shares(mine, room).items()}
    return shares


def even_shares(sizes: dict[str, int], total: int) -> dict[str, int]:
    """How much each may take so that all together take `total`, as evenly as their sizes allow."""
    shares, left = {}, total
    waiting = sorted(sizes, key=lambda name: (sizes[name], name))
    for place, name in enumerate(waiting):
        shares[name] = min(sizes[name], left // (len(waiting) - place))
        left -= shares[name]
    return shares
