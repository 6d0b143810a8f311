"""Generating with the cache gives what generating without it gives, for rows that come, go and differ in length."""

from __future__ import annotations

import pytest
import torch

from understudy.core.errors import InputDataError
from understudy.model.cache import Cache
from understudy.model.config import dial
from understudy.model.decoder import Decoder
from understudy.model.initial import random_decoder


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    made = random_decoder(dial(2, 97, 64, hidden=32), 1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return made


def greedy_without_cache(decoder: Decoder, prompt: list[int], n_tokens: int) -> list[int]:
    tokens = list(prompt)
    for _ in range(n_tokens):
        with torch.no_grad():
            tokens.append(int(decoder(torch.tensor([tokens]))[0, -1].argmax()))
    return tokens[len(prompt) :]


def test_greedy_decoding_of_a_batch_of_different_lengths_equals_decoding_without_a_cache(decoder: Decoder) -> None:
    prompts = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10]]
    padded = torch.tensor([prompt + [0] * (6 - len(prompt)) for prompt in prompts])
    cache = Cache(decoder.config, batch=3)
    found: list[list[int]] = [[], [], []]
    scores = decoder.forward_cached(padded, cache, torch.tensor([3, 1, 6]))
    for _ in range(15):
        best = scores.argmax(-1)
        for row in range(3):
            found[row].append(int(best[row]))
        scores = decoder.forward_cached(best[:, None], cache)
    assert found == [greedy_without_cache(decoder, prompt, 15) for prompt in prompts]


def test_a_prompt_read_in_pieces_is_the_prompt(decoder: Decoder) -> None:
    tokens = torch.arange(20)[None]
    whole, pieces = Cache(decoder.config, 1), Cache(decoder.config, 1)
    expected = decoder.forward_cached(tokens, whole)
    for start in range(0, 20, 7):
        actual = decoder.forward_cached(tokens[:, start : start + 7], pieces)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


def test_rows_are_selected_joined_and_truncated(decoder: Decoder) -> None:
    first, second = Cache(decoder.config, 2), Cache(decoder.config, 1)
    decoder.forward_cached(torch.tensor([[1, 2, 3], [4, 5, 6]]), first)
    decoder.forward_cached(torch.tensor([[7, 8]]), second)
    joined = first.select([1]).join(second)
    joined.truncate(0, 2)  # 4 5
    scores = decoder.forward_cached(torch.tensor([[9], [9]]), joined)
    with torch.no_grad():
        expected = torch.stack((decoder(torch.tensor([[4, 5, 9]]))[0, -1], decoder(torch.tensor([[7, 8, 9]]))[0, -1]))
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-4)


def test_a_full_cache_refuses_more(decoder: Decoder) -> None:
    cache = Cache(decoder.config, 1, capacity=4)
    decoder.forward_cached(torch.tensor([[1, 2, 3]]), cache)
    with pytest.raises(InputDataError, match="5 tokens do not fit into a cache of 4"):
        decoder.forward_cached(torch.tensor([[4, 5]]), cache)
