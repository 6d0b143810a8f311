from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.eval.random_weights import randomise, write_random_model
from understudy.eval.suites.bits_per_byte import cut_windows, window_bits
from understudy.formats.corpus import Document
from understudy.formats.tokenizer import Tokenizer
from understudy.model.hugging_face import read_config, read_folder

DOCUMENT = Document("id", "repo", "a.py", "python", "def f(self):\n    return self.x  # é\n" * 3)


@pytest.mark.parametrize("n_tokens", [1, 2, 7, 8, 9, 12, 13, 100])
@pytest.mark.parametrize("context", [1, 2, 8])
def test_every_token_is_scored_once_with_half_a_context_before_it(n_tokens: int, context: int) -> None:
    tokens = np.arange(n_tokens)
    windows = cut_windows(DOCUMENT, tokens, np.full(n_tokens, 3), context)
    scored = np.concatenate([window.tokens[window.first_scored :] for window in windows])
    assert np.array_equal(scored, tokens)
    assert sum(window.n_bytes for window in windows) == 3 * n_tokens
    assert all(len(window.tokens) <= context for window in windows)
    assert all(window.first_scored >= context // 2 for window in windows[1:])


def test_an_empty_file_has_no_windows() -> None:
    assert cut_windows(DOCUMENT, np.zeros(0, np.int64), np.zeros(10, np.int64), 8) == []


def test_bits_are_minus_log2_of_what_the_plain_decoder_says(tiny_model: Path) -> None:
    decoder, tokenizer = read_folder(tiny_model), Tokenizer.load(tiny_model)
    tokens = np.array(tokenizer.encode(DOCUMENT.content))
    (window,) = cut_windows(DOCUMENT, tokens, tokenizer.token_bytes, 256)
    with torch.no_grad():
        logprobs = decoder(torch.from_numpy(tokens)[None])[0].double().log_softmax(-1)
    nats = -sum(float(logprobs[place, token]) for place, token in enumerate(tokens[1:]))
    expected = nats / math.log(2) + math.log2(decoder.config.vocabulary)
    assert window_bits(decoder, [window]) == pytest.approx([expected], rel=1e-5)
    assert window.n_bytes == len(DOCUMENT.content.encode())


def test_windows_cost_the_same_alone_and_in_a_batch(tiny_model: Path) -> None:
    decoder, tokenizer = read_folder(tiny_model), Tokenizer.load(tiny_model)
    tokens = np.array(tokenizer.encode(DOCUMENT.content))
    windows = cut_windows(DOCUMENT, tokens, tokenizer.token_bytes, 20)
    windows += cut_windows(DOCUMENT, tokens[:1], tokenizer.token_bytes, 20)
    alone = [window_bits(decoder, [window])[0] for window in windows]
    assert window_bits(decoder, windows) == pytest.approx(alone, rel=1e-5)


def test_a_model_without_knowledge_pays_the_logarithm_of_its_vocabulary(tiny_model: Path) -> None:
    decoder, tokenizer = read_folder(tiny_model), Tokenizer.load(tiny_model)
    with torch.no_grad():
        decoder.head.weight.zero_()
    tokens = np.array(tokenizer.encode(DOCUMENT.content))
    windows = cut_windows(DOCUMENT, tokens, tokenizer.token_bytes, 16)
    assert sum(window_bits(decoder, windows)) == pytest.approx(len(tokens) * math.log2(decoder.config.vocabulary))


def test_random_weights_have_the_shape_and_the_spread_but_not_the_values(tiny_model: Path, tmp_path: Path) -> None:
    folder = write_random_model(tiny_model, tmp_path / "random", seed=3)
    assert read_config(folder) == read_config(tiny_model)
    ours, theirs = read_folder(tiny_model), read_folder(folder)
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert mine.shape == other.shape
        if mine.dim() == 2:
            assert float(other.detach().std()) == pytest.approx(float(mine.detach().std()), rel=0.1), name
            assert not torch.equal(mine, other)
    again = randomise(read_folder(tiny_model), 3)
    assert all(torch.equal(a, b) for a, b in zip(theirs.parameters(), again.parameters(), strict=True))
