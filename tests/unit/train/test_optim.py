"""The optimizers: AdamW is torch's, Muon's updates are orthogonal, and the state survives a checkpoint."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from understudy.model.config import DecoderConfig, dial
from understudy.model.decoder import Decoder
from understudy.model.initial import random_decoder
from understudy.train.muon import orthogonal
from understudy.train.optim import AdamW, Optimizer, OptimizerSettings
from understudy.train.weights import MasterWeights

CONFIG = dial(2, 100, 32, hidden=32)
TIED = dataclasses.replace(CONFIG, tied=True)


def learn(weights: MasterWeights, decoder: Decoder) -> None:
    """One backward pass on fixed tokens."""
    weights.zero_gradients()
    tokens = torch.randint(0, 100, (2, 20), generator=torch.Generator().manual_seed(1))
    logits = decoder(tokens[:, :-1]).float()
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()  # type: ignore[no-untyped-call]


def test_adamw_is_that_of_torch() -> None:
    generator = torch.Generator().manual_seed(1)
    ours = {"w": torch.randn(5, 7, generator=generator)}
    theirs = ours["w"].clone().requires_grad_()
    rule = AdamW(ours, 0.01, 0.1, (0.9, 0.95), 1e-8)
    reference = torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1, betas=(0.9, 0.95), eps=1e-8)
    for _ in range(5):
        theirs.grad = torch.randn(5, 7, generator=generator)
        rule.step({"w": theirs.grad}, 1.0)
        reference.step()
    torch.testing.assert_close(ours["w"], theirs.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 16, 64), (1, 8, 300)])
def test_orthogonal_brings_every_singular_value_near_one(shape: tuple[int, ...]) -> None:
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape, generator=torch.Generator().manual_seed(1))))
    assert 0.7 < float(values.min()) <= float(values.max()) < 1.3


def test_orthogonal_of_nothing_is_nothing() -> None:
    assert float(orthogonal(torch.zeros(1, 4, 8)).abs().max()) == 0.0


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_saved_state_continues_exactly(kind: str) -> None:
    settings = OptimizerSettings(kind, 0.02, 0.1)  # type: ignore[arg-type]
    saved: dict[str, torch.Tensor] = {}
    finals = []
    for is_resumed in (False, True):
        decoder = random_decoder(CONFIG, 1)
        weights = MasterWeights(decoder, torch.bfloat16)
        optimizer = Optimizer(weights, CONFIG, settings)
        if is_resumed:
            weights.load(saved)
            optimizer.load(saved)
        for step in range(1 if is_resumed else 0, 3):
            learn(weights, decoder)
            optimizer.step(1.0)
            if step == 0:
                saved = {name: t.clone() for name, t in {**weights.state(), **optimizer.state()}.items()}
        finals.append({name: t.clone() for name, t in {**weights.state(), **optimizer.state()}.items()})
    assert finals[0].keys() == finals[1].keys()
    assert all(torch.equal(tensor, finals[1][name]) for name, tensor in finals[0].items())


@pytest.mark.parametrize("config", [CONFIG, TIED])
@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_every_weight_is_moved_by_exactly_one_rule(kind: str, config: DecoderConfig) -> None:
    weights = MasterWeights(random_decoder(config, 1), torch.float32)
    optimizer = Optimizer(weights, config, OptimizerSettings(kind, 0.02, 0.1))  # type: ignore[arg-type]
    ruled = [name for rule in optimizer.rules for name in rule.masters]  # type: ignore[attr-defined]
    assert sorted(ruled) == sorted(weights.masters)


def test_masters_collect_gradients_of_several_backward_passes_in_fp32() -> None:
    decoder = random_decoder(TIED, 1)
    weights = MasterWeights(decoder, torch.bfloat16)
    learn(weights, decoder)
    once = weights.gradients["embedding.weight"].clone()
    assert float(once.abs().max()) > 0
    tokens = torch.randint(0, 100, (2, 20), generator=torch.Generator().manual_seed(1))
    logits = decoder(tokens[:, :-1]).float()
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(weights.gradients["embedding.weight"], 2 * once)
    assert weights.gradients["embedding.weight"].dtype == torch.float32
    assert all(parameter.grad is None for parameter in decoder.parameters())
    assert decoder.head.weight is decoder.embedding.weight  # tied still, after the change of type
