from __future__ import annotations

import json
from typing import Any

from understudy.core.stage import Survey
from understudy.plan.alternatives import make_plan
from understudy.plan.machines import TrainingMachine, find_gpu, named_machine
from understudy.plan.tables import summary, tables


def test_a_plan_survives_the_way_through_json(make_recipe: Any, survey: Survey, laptop: TrainingMachine) -> None:
    values = make_plan(make_recipe(budget={"minutes": 4}), survey, laptop).to_json()
    assert json.loads(json.dumps(values)) == values


def test_the_tables_say_what_is_trained_what_it_takes_and_why(
    make_recipe: Any, survey: Survey, laptop: TrainingMachine
) -> None:
    plan = make_plan(make_recipe(budget={"minutes": 4}), survey, laptop)
    found = tables(plan.to_json())
    assert [table.title for table in found][:4] == ["What is trained", "What it takes", "Memory at the peak", "Why"]
    assert all(len(row) == len(table.columns) for table in found for row in table.rows)
    assert len(found[3].rows) == len(plan.reasons)


def test_money_is_shown_only_where_there_is_a_price(make_recipe: Any, survey: Survey, laptop: TrainingMachine) -> None:
    rented = named_machine(find_gpu("h100"), 1, None)
    here = tables(make_plan(make_recipe(budget={"minutes": 4}), survey, laptop).to_json())
    there = tables(make_plan(make_recipe(budget={"usd": 5, "gpu": "h100"}), survey, rented).to_json())
    assert "money" not in dict(here[1].rows)
    assert "money" in dict(there[1].rows)
    assert there[-1].title == "Warnings"


def test_the_summary_is_one_line(make_recipe: Any, survey: Survey, laptop: TrainingMachine) -> None:
    text = summary(make_plan(make_recipe(budget={"minutes": 4}), survey, laptop).to_json())
    assert "\n" not in text
    assert "parameters" in text
