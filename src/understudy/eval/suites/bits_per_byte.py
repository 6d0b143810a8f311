"""bits-per-byte: how many bits the model needs for a byte of held-out code, read plainly from left to right.

Files are cut into windows as long as the model's context, each starting in the middle of the one before. A token is
scored once, in the first window that holds it, so that all but a file's first tokens have half a context before them.
Windows are drawn at random until SAMPLE_BYTES are scored. A file's first token has nothing before it and is charged as
if all tokens were equally likely. Special tokens are neither shown nor scored, so tokenizers can be compared.
"""

from __future__ import annotations

import lzma
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from understudy.eval.documents import held_out
from understudy.eval.exam import Exam
from understudy.eval.results import MODEL, RANDOM_WEIGHTS, SuiteResult, measured, not_measured, too_few_files
from understudy.eval.statistics import MIN_CLUSTERS, generator, ratio_interval
from understudy.formats.corpus import Document
from understudy.formats.tokenizer import Tokenizer
from understudy.model.decoder import Decoder

SAMPLE_BYTES = 50_000  # 3 s for 5M parameters on two cores; how many files are held out matters more to the interval
MAX_FILES = 2000
MAX_FILE_BYTES = 8_000_000  # of files opened, all together: a hundred times what is scored
WINDOWS_PER_BATCH = 8
RANDOM_WINDOWS = 8  # random weights cost near log2(vocabulary) per token everywhere; a few windows show it
COMPRESSED_BYTES = 65_536  # of each file, for the compressor's line

RULE = (
    "Windows of the model's context, half of it overlap, drawn at random until "
    f"{SAMPLE_BYTES:,} bytes are scored; each token once; -log2 of its probability, summed, over the bytes of text; "
    "special tokens neither shown nor scored; a file's first token is charged log2(vocabulary). "
    f"LZMA: the first {COMPRESSED_BYTES:,} bytes of each of these files, compressed by itself. "
    f"Random weights: the first {RANDOM_WINDOWS} of these windows. Intervals: 95 %, resampled by file."
)
LZMA_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one file's tokens, of which those from `first_scored` on count."""

    document: Document
    number: int
    tokens: NDArray[np.int64]
    first_scored: int
    n_bytes: int


def bits_per_byte(exam: Exam) -> SuiteResult:
    """Bits per byte overall and by language, beside random weights and a compressor."""
    random = generator(exam.seed, "bits-per-byte")
    documents = held_out(exam.corpus, random, MAX_FILES, MAX_FILE_BYTES)
    tokenizer = Tokenizer.load(exam.model)
    windows = _draw(_all_windows(documents, tokenizer, exam.context), random)
    n_files = len({window.document.id for window in windows})
    if n_files < MIN_CLUSTERS:
        return SuiteResult(RULE, not_measured(too_few_files(n_files)))
    bits = _measure(exam, MODEL, windows)
    overall = _interval(exam, windows, bits)
    scores = {
        "overall": overall,
        "by_language": _by_language(exam, windows, bits),
        "reference": _references(exam, windows),
        "n_bytes": sum(window.n_bytes for window in windows),
        "context": exam.context,
    }
    return SuiteResult(RULE, scores, metrics={"bits_per_byte": overall["value"]})


def _all_windows(documents: Sequence[Document], tokenizer: Tokenizer, context: int) -> list[Window]:
    windows: list[Window] = []
    token_bytes = tokenizer.token_bytes
    for document in documents:
        tokens = np.array(tokenizer.encode(document.content), np.int64)
        windows.extend(cut_windows(document, tokens, token_bytes, context))
    return windows


def cut_windows(
    document: Document, tokens: NDArray[np.int64], token_bytes: NDArray[np.int64], context: int
) -> list[Window]:
    """The windows of one file; each of its tokens is scored in exactly one of them."""
    windows = []
    stride = max(1, context // 2)
    scored = 0
    for number, start in enumerate(range(0, max(1, len(tokens)), stride)):
        part = tokens[start : start + context]
        fresh = part[scored - start :]
        if len(fresh):
            windows.append(Window(document, number, part, scored - start, int(token_bytes[fresh].sum())))
        scored = start + len(part)
        if scored >= len(tokens):
            break
    return windows


def _draw(windows: Sequence[Window], random: np.random.Generator) -> list[Window]:
    """Windows in random order until SAMPLE_BYTES are reached; every window has the same chance."""
    drawn: list[Window] = []
    n_bytes = 0
    for position in random.permutation(len(windows)):
        if n_bytes >= SAMPLE_BYTES:
            break
        if windows[position].n_bytes > 0:
            drawn.append(windows[position])
            n_bytes += windows[position].n_bytes
    return drawn


def _measure(exam: Exam, system: str, windows: Sequence[Window]) -> list[float]:
    """Bits that each window's scored tokens cost the system, from the cache where measured before."""
    decoder: Decoder | None = None
    bits: list[float] = []
    for start in range(0, len(windows), WINDOWS_PER_BATCH):
        exam.events.progress(f"reading with {system}", start, len(windows), "windows")
        exam.check_stop()
        batch = windows[start : start + WINDOWS_PER_BATCH]
        key = exam.key(system, "bits", exam.context, [(w.document.id, w.number) for w in batch])
        if exam.finished.get(key) is None:
            decoder = decoder or exam.decoder(system)
            exam.finished.add({key: window_bits(decoder, batch)})
        bits.extend(exam.finished.get(key))
    exam.events.progress(f"reading with {system}", len(windows), len(windows), "windows")
    return bits


@torch.inference_mode()
def window_bits(decoder: Decoder, windows: Sequence[Window]) -> list[float]:
    """For each window, -log2 of the probability of its scored tokens. Shorter windows are padded behind their end."""
    longest = max(2, *(len(window.tokens) for window in windows))
    tokens_bt = torch.zeros(len(windows), longest, dtype=torch.int64)
    for row, window in enumerate(windows):
        tokens_bt[row, : len(window.tokens)] = torch.from_numpy(window.tokens)
    hidden_btd = decoder.hidden(tokens_bt[:, :-1])
    bits = []
    for row, window in enumerate(windows):
        first, end = max(1, window.first_scored), len(window.tokens)
        logits_tv = decoder.logits(hidden_btd[row, first - 1 : end - 1]).float()
        nats = F.cross_entropy(logits_tv, tokens_bt[row, first:end], reduction="sum") if end > first else 0.0
        start_bits = math.log2(decoder.config.vocabulary) if window.first_scored == 0 else 0.0
        bits.append(float(nats) / math.log(2) + start_bits)
    return bits


def _interval(exam: Exam, windows: Sequence[Window], bits: Sequence[float]) -> dict[str, Any]:
    files = [window.document.id for window in windows]
    return measured(ratio_interval(bits, [w.n_bytes for w in windows], files, exam.seed), len(set(files)))


def _by_language(exam: Exam, windows: Sequence[Window], bits: Sequence[float]) -> dict[str, Any]:
    found = {}
    for language in sorted({window.document.lang for window in windows}):
        chosen = [place for place, window in enumerate(windows) if window.document.lang == language]
        found[language] = _interval(exam, [windows[place] for place in chosen], [bits[place] for place in chosen])
    return found


def _references(exam: Exam, windows: Sequence[Window]) -> dict[str, Any]:
    """What needs no trained model: random weights, if the recipe asks for them, and LZMA on each file by itself."""
    references = {"lzma": _compressor(exam, windows)}
    if RANDOM_WEIGHTS in exam.settings.baselines:
        few = windows[:RANDOM_WINDOWS]
        references[RANDOM_WEIGHTS] = _interval(exam, few, _measure(exam, RANDOM_WEIGHTS, few))
    return references


def _compressor(exam: Exam, windows: Sequence[Window]) -> dict[str, Any]:
    documents = {window.document.id: window.document for window in windows}
    texts = {
        name: document.content.encode("utf-8", "surrogatepass")[:COMPRESSED_BYTES]
        for name, document in documents.items()
    }
    bits = [8.0 * len(lzma.compress(text, lzma.FORMAT_RAW, filters=LZMA_FILTERS)) for text in texts.values()]
    sizes = [len(text) for text in texts.values()]
    return measured(ratio_interval(bits, sizes, list(texts), exam.seed), len(texts))
