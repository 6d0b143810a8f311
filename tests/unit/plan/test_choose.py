from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy.core.errors import InputDataError
from understudy.core.stage import Survey
from understudy.plan.alternatives import make_plan
from understudy.plan.choose import draft_plan
from understudy.plan.machines import Measurement, TrainingMachine, find_gpu, named_machine


def test_the_same_question_gives_the_same_plan(make_recipe: Any, survey: Survey, laptop: TrainingMachine) -> None:
    recipe = make_recipe(budget={"minutes": 4})
    assert make_plan(recipe, survey, laptop) == make_plan(recipe, survey, laptop)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    minutes=st.floats(0.5, 1e5),
    vocabulary=st.integers(300, 65_536),
    context=st.sampled_from([64, 512, 2048]),
    size_bytes=st.integers(100_000, 10**12),
    per_parameter=st.floats(1, 500),
)
def test_a_plan_that_fits_stays_within_its_budget_and_four_passes(
    make_recipe: Any,
    laptop: TrainingMachine,
    minutes: float,
    vocabulary: int,
    context: int,
    size_bytes: int,
    per_parameter: float,
) -> None:
    recipe = make_recipe(
        phase={"context": context},
        budget={"minutes": minutes, "tokens_per_parameter": per_parameter},
        tokenizer={"train": {"vocabulary": vocabulary}},
    )
    draft = draft_plan(
        recipe, Survey("", 10, size_bytes, {"python": size_bytes}, ()), replace(laptop, free_disk_bytes=None)
    )
    choice = draft.plan.choice
    assert draft.problems == ()
    assert draft.plan.predicted.seconds <= 60 * minutes
    assert choice.passes <= 4.001
    assert choice.tokens == choice.steps * choice.batch_tokens
    assert choice.batch_tokens % (choice.context * choice.micro_batch) == 0


def test_a_longer_budget_never_gives_a_smaller_model(
    make_recipe: Any, big_survey: Survey, laptop: TrainingMachine
) -> None:
    machine = replace(laptop, free_disk_bytes=None)
    sizes = [
        make_plan(make_recipe(budget={"minutes": minutes}), big_survey, machine).choice.parameters
        for minutes in (1, 10, 100, 1_000, 10_000, 100_000)
    ]
    assert sizes == sorted(sizes)
    assert sizes[-1] > sizes[0]


def test_the_plan_never_chooses_a_single_layer_by_itself(
    make_recipe: Any, survey: Survey, laptop: TrainingMachine
) -> None:
    plan = make_plan(make_recipe(budget={"minutes": 1}), survey, laptop)
    assert plan.choice.layers == 2
    assert "one layer could not repeat" in plan.reasons["model"]


def test_over_training_is_a_smaller_model_for_more_tokens(
    make_recipe: Any, big_survey: Survey, laptop: TrainingMachine
) -> None:
    machine = replace(laptop, free_disk_bytes=None)
    optimal, over = (
        make_plan(make_recipe(budget={"hours": 100, "tokens_per_parameter": ratio}), big_survey, machine).choice
        for ratio in (20, 200)
    )
    assert over.parameters < optimal.parameters
    assert over.tokens > optimal.tokens
    assert 10 < optimal.tokens_per_parameter < 40


def test_layers_and_tokens_in_the_recipe_are_taken_as_they_are(
    make_recipe: Any, survey: Survey, laptop: TrainingMachine
) -> None:
    recipe = make_recipe(
        phase={"tokens": 40_960, "batch_tokens": 1024, "context": 64, "precision": "fp32", "compile": False},
        model={"scratch": {"layers": 1, "hidden": 32}},
        tokenizer={"train": {"vocabulary": 600}},
    )
    choice = make_plan(recipe, survey, laptop).choice
    assert (choice.layers, choice.hidden, choice.tokens, choice.steps) == (1, 32, 40_960, 40)
    assert choice.precision == "fp32"


def test_what_the_recipe_fixes_does_not_depend_on_the_measured_speed(
    make_recipe: Any, survey: Survey, laptop: TrainingMachine
) -> None:
    # Two runs of one recipe on a noisy machine must train the same model.
    recipe = make_recipe(phase={"tokens": "1M"}, model={"scratch": {"layers": 2}})
    timed = (Measurement(2, 128, 8192, 512, 4, "bf16", 1e7, 100.0, share) for share in (0.1, 0.5))
    choices = [make_plan(recipe, survey, replace(laptop, measurements=(one,))).choice for one in timed]
    assert choices[0] == choices[1]


def test_parameters_in_the_recipe_give_twenty_tokens_each_without_a_budget(
    make_recipe: Any, big_survey: Survey, laptop: TrainingMachine
) -> None:
    machine = replace(laptop, free_disk_bytes=None)
    choice = make_plan(make_recipe(model={"scratch": {"parameters": "125M"}}), big_survey, machine).choice
    assert choice.parameters == pytest.approx(125e6, rel=0.1)
    assert choice.tokens_per_parameter == pytest.approx(20, rel=0.01)


def test_little_data_caps_the_tokens_at_four_passes_and_says_so(
    make_recipe: Any, survey: Survey, laptop: TrainingMachine
) -> None:
    plan = make_plan(make_recipe(model={"scratch": {"parameters": "20M"}}), survey, laptop)
    assert plan.choice.passes == pytest.approx(4, rel=0.01)
    assert "four passes" in plan.reasons["tokens"]
    assert not any("passes" in warning for warning in plan.warnings)


def test_more_passes_than_four_are_done_when_asked_and_warned_of(
    make_recipe: Any, survey: Survey, laptop: TrainingMachine
) -> None:
    recipe = make_recipe(phase={"tokens": "80M"}, model={"scratch": {"layers": 2}})
    plan = make_plan(recipe, survey, laptop)
    assert plan.choice.tokens == pytest.approx(80e6, rel=0.01)
    assert any("passes 10" in warning for warning in plan.warnings)


def test_no_budget_no_model_and_no_tokens_get_ten_minutes(
    make_recipe: Any, survey: Survey, laptop: TrainingMachine
) -> None:
    plan = make_plan(make_recipe(), survey, laptop)
    assert plan.predicted.seconds <= 600
    assert "10 min 00 s" in plan.reasons["budget"]


def test_money_buys_gpu_hours(make_recipe: Any, big_survey: Survey) -> None:
    machine = named_machine(find_gpu("h100"), 8, 2.0)
    plan = make_plan(make_recipe(budget={"usd": 500, "gpu": "h100", "gpus": 8}), big_survey, machine)
    assert plan.predicted.usd is not None
    assert 0.9 * 500 < plan.predicted.usd <= 500
    assert plan.predicted.device_hours == pytest.approx(plan.predicted.usd / 2.0)


def test_a_corpus_smaller_than_a_batch_gets_a_smaller_batch(make_recipe: Any, laptop: TrainingMachine) -> None:
    tiny = Survey("", 3, 12_000, {"python": 12_000}, ())
    plan = make_plan(make_recipe(), tiny, laptop)
    assert plan.choice.batch_tokens == plan.choice.context
    assert plan.choice.passes <= 4.001


def test_no_code_at_all_is_an_error_of_the_input(make_recipe: Any, laptop: TrainingMachine) -> None:
    with pytest.raises(InputDataError):
        make_plan(make_recipe(), Survey("", 0, 0, {}, ()), laptop)


def test_every_decision_has_a_reason_with_a_number(make_recipe: Any, survey: Survey, laptop: TrainingMachine) -> None:
    plan = make_plan(make_recipe(budget={"minutes": 4}), survey, laptop)
    assert set(plan.reasons) >= {
        "data",
        "budget",
        "model",
        "tokens",
        "speed",
        "batch",
        "learning_rate",
        "precision",
        "loss",
    }
    assert all(any(character.isdigit() for character in reason) for reason in plan.reasons.values())


def test_rows_are_shared_evenly_by_any_number_of_gpus(make_recipe: Any, big_survey: Survey) -> None:
    for gpus in (1, 3, 8, 440):
        recipe = make_recipe(phase={"context": 2048}, budget={"gpu": "a100-80gb", "gpus": gpus, "hours": 10})
        choice = make_plan(recipe, big_survey, named_machine(find_gpu("a100-80gb"), gpus, None)).choice
        assert choice.batch_tokens % (choice.context * gpus * choice.micro_batch) == 0
