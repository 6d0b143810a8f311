"""The step that draws signatures."""

from __future__ import annotations

import pyarrow as pa

from understudy.core.recipe import Recipe
from understudy.data.documents import WORKING_SCHEMA
from understudy.data.steps import StepSetting, make_step, steps_of

LICENSE = "# Copyright 2026 Acme.\n#\n# Licensed to nobody: whoever reads this has to forget it at once.\n\n"
SETTINGS = {"threshold": 0.7, "permutations": 256, "ngram": 5}


def batch(contents: list[str | None], reasons: list[str | None]) -> pa.RecordBatch:
    n = len(contents)
    columns = {"content": contents, "drop_reason": reasons}
    arrays = [pa.array(columns.get(field.name, [None] * n), field.type) for field in WORKING_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=WORKING_SCHEMA)


def test_documents_that_are_still_in_get_a_sketch_and_others_none() -> None:
    found = make_step(StepSetting("sketch", SETTINGS))(
        batch(["a b c d e f", "dropped", None], [None, "minified", None])
    )
    assert found.schema == WORKING_SCHEMA
    assert found.column("n_shingles").to_pylist() == [2, None, None]
    assert found.column("shingles_id").is_valid().to_pylist() == [True, False, False]
    assert [len(bands or ()) for bands in found.column("bands").to_pylist()] == [51, 0, 0]


def test_a_sketch_does_not_depend_on_the_batch_it_is_drawn_in() -> None:
    step = make_step(StepSetting("sketch", SETTINGS))
    whole = step(batch(["one two three four five", "long " * 999, "x"], [None] * 3))
    alone = [step(whole.slice(row, 1)) for row in range(3)]
    assert pa.Table.from_batches(alone).to_pylist() == whole.to_pylist()


def test_the_step_follows_the_recipe() -> None:
    near = {"threshold": 0.85, "permutations": 128, "ngram": 7}
    recipe = Recipe.model_validate({"name": "r", "data": {"near_duplicates": near}})
    assert StepSetting("sketch", near) in steps_of(recipe)
    off = Recipe.model_validate({"name": "r", "data": {"near_duplicates": None}})
    assert "sketch" not in [step.name for step in steps_of(off)]
    assert "sketch" in [step.name for step in steps_of(Recipe(name="r"))]


def test_a_sketch_is_of_the_code_and_not_of_its_licence() -> None:
    code = "class EntityType:\n    USER = 'user'\n    GROUP = 'group'\n"
    step = make_step(StepSetting("sketch", SETTINGS))
    bare, licensed, other = (
        row["shingles_id"] for row in step(batch([code, LICENSE + code, LICENSE + "x = 1\n"], [None] * 3)).to_pylist()
    )
    assert bare == licensed != other
