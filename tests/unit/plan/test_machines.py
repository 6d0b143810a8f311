from __future__ import annotations

from dataclasses import replace

import pytest

from understudy.core.errors import RecipeError
from understudy.plan.machines import (
    GPUS,
    Measurement,
    TrainingMachine,
    expected_utilisation,
    find_gpu,
    named_machine,
)


def test_a_gpu_is_found_in_any_case() -> None:
    assert find_gpu("H100") == GPUS["h100"]


def test_an_unknown_gpu_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(RecipeError) as caught:
        find_gpu("a100-80")
    assert "did you mean a100-80gb?" in (caught.value.hint or "")


def test_utilisation_grows_with_size_and_stays_below_what_was_published() -> None:
    sizes = [1e5, 1e6, 1e7, 1e8, 3e8, 1e9, 1e12]
    shares = [expected_utilisation(size) for size in sizes]
    assert shares == sorted(shares)
    assert shares[-1] == 0.45


def test_your_price_replaces_the_tables() -> None:
    assert named_machine(GPUS["h100"], 8, 1.99).usd_per_hour == 1.99
    assert named_machine(GPUS["h100"], 8, None).usd_per_hour == GPUS["h100"].usd_per_hour


def test_bf16_is_chosen_only_where_it_is_faster(laptop: TrainingMachine) -> None:
    old = replace(laptop, ceiling_flops_per_second={"bfloat16": 0.1e12, "float32": 0.2e12})
    assert laptop.best_precision() == "bf16"
    assert old.best_precision() == "fp32"


def test_a_probe_corrects_the_usual_share_for_every_size(laptop: TrainingMachine) -> None:
    usual = laptop.usual_share(10**6, 1e7)
    probe = Measurement(2, 128, 8192, 512, 4, "bf16", 1e7, 1000.0, usual / 2)
    timed = replace(laptop, measurements=(probe,))
    assert timed.share_of_ceiling(10**6, 1e7, "bf16") == usual / 2
    assert timed.share_of_ceiling(10**6, 3e7, "bf16") == pytest.approx(laptop.usual_share(10**6, 3e7) / 2)
    assert timed.share_of_ceiling(10**6, 1e7, "fp32") == usual


def test_no_probe_makes_a_share_above_one(laptop: TrainingMachine) -> None:
    timed = replace(laptop, measurements=(Measurement(1, 64, 8192, 512, 4, "bf16", 3e6, 1.0, 0.9),))
    assert timed.share_of_ceiling(10**9, 1e12, "bf16") == 1.0
