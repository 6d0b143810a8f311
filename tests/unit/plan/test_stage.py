from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from understudy.core.errors import InputDataError, ResourceError
from understudy.core.paths import Project
from understudy.core.stage import Inputs, Survey
from understudy.core.tracking import silent
from understudy.plan.stage import STAGE

TINY: dict[str, Any] = {
    "phase": {"context": 64, "tokens": 40_960, "batch_tokens": 1024, "precision": "fp32", "compile": False},
    "model": {"scratch": {"layers": 1, "hidden": 32}},
    "tokenizer": {"train": {"vocabulary": 600}},
}


@pytest.fixture(autouse=True)
def short_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    from understudy.model import throughput

    monkeypatch.setattr(throughput, "STEP_SECONDS", 0.05)
    monkeypatch.setattr(throughput, "CEILING_SECONDS", 0.05)


def test_the_stage_measures_this_machine_and_writes_the_whole_plan(
    tmp_path: Path, make_recipe: Any, survey: Survey
) -> None:
    metrics = STAGE.run(make_recipe(**TINY), Inputs({}, Project(tmp_path), survey), tmp_path / "work", silent())
    plan = json.loads((tmp_path / "work" / "plan.json").read_text())
    assert set(plan) == {"choice", "machine", "predicted", "data", "budget", "warnings", "reasons"}
    assert plan["choice"]["tokens"] == 40_960 == metrics["tokens"]
    assert plan["machine"]["share_is_measured"]
    assert set(plan["machine"]["ceiling_flops_per_second"]) == {"bfloat16", "float32"}
    assert set(metrics) >= {"parameters", "predicted_seconds", "predicted_peak_memory_bytes", "expected_loss"}
    assert "parameters" in metrics["summary"]


def test_a_second_plan_reads_the_measurements_and_is_equal(
    tmp_path: Path, make_recipe: Any, survey: Survey, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, inputs = make_recipe(**TINY), Inputs({}, Project(tmp_path), survey)
    STAGE.run(recipe, inputs, tmp_path / "first", silent())
    monkeypatch.setattr("understudy.model.throughput.measure_step", None)
    monkeypatch.setattr("understudy.model.throughput.matmul_ceiling", None)
    STAGE.run(recipe, inputs, tmp_path / "second", silent())
    assert (tmp_path / "first" / "plan.json").read_bytes() == (tmp_path / "second" / "plan.json").read_bytes()


def test_a_damaged_measurement_is_made_again(tmp_path: Path, make_recipe: Any, survey: Survey) -> None:
    recipe, inputs = make_recipe(**TINY), Inputs({}, Project(tmp_path), survey)
    STAGE.run(recipe, inputs, tmp_path / "first", silent())
    for path in (tmp_path / ".understudy" / "cache" / "probe").iterdir():
        path.write_text("{")
    STAGE.run(recipe, inputs, tmp_path / "second", silent())
    assert (tmp_path / "second" / "plan.json").exists()


def test_too_large_a_model_is_refused_before_anything_is_measured(
    tmp_path: Path, make_recipe: Any, survey: Survey
) -> None:
    recipe = make_recipe(model={"scratch": {"parameters": "900B"}})
    with pytest.raises(ResourceError):
        STAGE.run(recipe, Inputs({}, Project(tmp_path), survey), tmp_path / "work", silent())
    assert not (tmp_path / ".understudy" / "cache").exists()


def test_a_named_gpu_is_planned_for_without_measuring(tmp_path: Path, make_recipe: Any, survey: Survey) -> None:
    recipe = make_recipe(budget={"usd": 5, "gpu": "h100"})
    metrics = STAGE.run(recipe, Inputs({}, Project(tmp_path), survey), tmp_path / "work", silent())
    assert metrics["parameters"] > 0
    assert not (tmp_path / ".understudy" / "cache").exists()


def test_no_survey_is_an_error_that_says_so(tmp_path: Path, make_recipe: Any) -> None:
    with pytest.raises(InputDataError):
        STAGE.run(make_recipe(), Inputs({}, Project(tmp_path)), tmp_path, silent())
