"""Finds the licences whose text stands in a file, in the order they stand there.

words ─▶ hashed triples ─▶ licences of which nearly all triples are there ─▶ the best one, taken out ─▶ the next best …

A licence counts only where its words stand together, so a file with ten licences gives ten, and one that merely talks
about licences gives none.
"""

from __future__ import annotations

import base64
import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from understudy.data.licenses.words import GRAM, grams_of, words_of

# Measured on the licence files of 50 sdists (docs/decisions): people rename holders and drop a clause's half, which
# costs up to a tenth of the triples; the next licence of the same family lacks a quarter.
LEAST_SHARE = 0.85
SHORT_GRAMS, LEAST_SHARE_SHORT = 40, 0.97
MISSING_WEIGHT = 10.0  # a triple that is missing speaks against a licence more than one that is there speaks for it
SLACK = 1.3  # a copy may be so much longer than the words that all copies share…
SLACK_WORDS = 80  # … and carry names and copyright lines
MOST_LICENSES = 64


class TextMatch(NamedTuple):
    """One licence found in a text: its SPDX id, how much of it is there, and where, in words."""

    id: str
    share: float
    start: int
    end: int
    is_exception: bool


class _Index(NamedTuple):
    """All fingerprints in one sorted array, and whose each triple is."""

    names: list[str]
    n_words: list[int]
    sizes: np.ndarray
    one_in: list[float]
    is_exception: list[bool]
    usual: list[np.ndarray]
    grams: np.ndarray
    owners: np.ndarray


class _Window(NamedTuple):
    """Where in the text most of one licence's triples stand together."""

    share: float
    score: float
    start: int
    end: int


def licenses_in(text: str) -> list[TextMatch]:
    """The licences in a text, by their place in it. Time: about five milliseconds for ten kilobytes."""
    grams = grams_of(words_of(text))
    index = _index()
    hits = _hits(index, grams)
    found: list[TextMatch] = []
    while hits and len(found) < MOST_LICENSES:
        windows = {owner: _window(index, owner, grams, at) for owner, at in hits.items()}
        windows = {owner: window for owner, window in windows.items() if _is_enough(index, owner, window.share)}
        if not windows:
            break
        best = max(windows, key=lambda owner: (windows[owner].score, windows[owner].share, index.names[owner]))
        window = windows[best]
        name, is_exception = index.names[best], index.is_exception[best]
        found.append(TextMatch(name, round(window.share, 3), window.start, window.end, is_exception))
        hits = {owner: at[(at < window.start) | (at >= window.end)] for owner, at in hits.items() if owner in windows}
    return sorted(found, key=lambda match: match.start)


@cache
def _index() -> _Index:
    text = files("understudy.data.licenses").joinpath("fingerprints.json").read_text()
    entries = sorted(json.loads(text)["licenses"].items())
    arrays = [_unpacked(entry["grams"]) for _, entry in entries]
    grams = np.concatenate(arrays)
    owners = np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])
    order = np.argsort(grams, kind="stable")
    return _Index(
        names=[name for name, _ in entries],
        n_words=[entry["n_words"] for _, entry in entries],
        sizes=np.array([len(array) for array in arrays]),
        one_in=[entry["n_grams"] / len(array) for (_, entry), array in zip(entries, arrays, strict=True)],
        is_exception=[entry["exception"] for _, entry in entries],
        usual=[_unpacked(entry["usual"]) for _, entry in entries],
        grams=grams[order],
        owners=owners[order],
    )


def _unpacked(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<u4")


def _hits(index: _Index, grams: np.ndarray) -> dict[int, np.ndarray]:
    """For each licence of which enough triples are in the text: their positions."""
    first = np.searchsorted(index.grams, grams, "left")
    count = np.searchsorted(index.grams, grams, "right") - first
    position = np.repeat(np.arange(len(grams)), count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    owner = index.owners[np.repeat(first, count) + within]
    once = np.unique(owner.astype(np.uint64) << np.uint64(32) | grams[position])
    n_once = np.bincount((once >> np.uint64(32)).astype(np.int64), minlength=len(index.names))
    candidates = np.flatnonzero(n_once >= LEAST_SHARE * index.sizes)
    return {int(candidate): position[owner == candidate] for candidate in candidates}


def _window(index: _Index, owner: int, grams: np.ndarray, at: np.ndarray) -> _Window:
    """The stretch of about the licence's length with most of its triples, each counted once."""
    longest = index.n_words[owner] * SLACK + SLACK_WORDS
    counts: dict[int, int] = {}
    best, best_count, best_span, left = (0, 0), 0, 0, 0
    positions, values = at.tolist(), grams[at].tolist()
    for right, position in enumerate(positions):
        counts[values[right]] = counts.get(values[right], 0) + 1
        while position - positions[left] > longest or (left < right and counts[values[left]] > 1):
            counts[values[left]] -= 1
            if not counts[values[left]]:
                del counts[values[left]]
            left += 1
        span = position - positions[left]
        if len(counts) > best_count or (len(counts) == best_count and span < best_span):
            best, best_count, best_span = (positions[left], position + GRAM), len(counts), span
    missing = int(index.sizes[owner]) - best_count
    usual = int(np.isin(index.usual[owner], grams[best[0] : best[1]]).sum())
    score = (best_count - MISSING_WEIGHT * missing) * index.one_in[owner] + usual
    return _Window(best_count / int(index.sizes[owner]), score, *best)


def _is_enough(index: _Index, owner: int, share: float) -> bool:
    return share >= (LEAST_SHARE_SHORT if index.sizes[owner] < SHORT_GRAMS else LEAST_SHARE)
