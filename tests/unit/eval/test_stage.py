from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.eval.conftest import write_corpus

from understudy.core.artifact import Artifact
from understudy.core.errors import Interrupted
from understudy.core.paths import Project, read_json, write_json
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import Events, silent
from understudy.engines.local import LocalEngine
from understudy.eval.stage import STAGE
from understudy.eval.tables import tables
from understudy.formats.corpus import Document

FILES = ("scores.json", "samples.jsonl", "showcase.json")


def recipe(**settings: Any) -> Recipe:
    values = {"samples": 10, "max_tokens": 12, **settings}
    return Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": "."}]}, "eval": values})


def run(corpus: Path, model: Path, work_dir: Path, events: Events | None = None, **settings: Any) -> dict[str, Any]:
    artifacts = {
        kind: Artifact(kind, f"{kind}-1", path, (), {}, {}) for kind, path in (("corpus", corpus), ("model", model))
    }
    work_dir.mkdir(parents=True, exist_ok=True)
    return STAGE.run(recipe(**settings), Inputs(artifacts, Project(work_dir)), work_dir, events or silent())


def contents(work_dir: Path) -> dict[str, bytes]:
    return {name: (work_dir / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def undisturbed(corpus: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    work_dir = tmp_path_factory.mktemp("scores") / "undisturbed"
    metrics = run(corpus, tiny_model, work_dir)
    write_json(work_dir / "metrics.json", metrics)
    yield work_dir


def intervals(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "value" in value:
            yield value
        else:
            for part in value.values():
                yield from intervals(part)


def test_every_score_has_an_interval_around_it(undisturbed: Path) -> None:
    found = list(intervals(read_json(undisturbed / "scores.json")["suites"]))
    assert len(found) > 20
    for interval in found:
        assert interval["low"] <= interval["value"] <= interval["high"]
        assert interval["n_files"] >= 2
        assert interval["smallest_difference"] >= 0


def test_both_modes_are_scored_for_the_model_and_the_baselines(undisturbed: Path) -> None:
    suite = read_json(undisturbed / "scores.json")["suites"]["own-code"]
    assert set(suite) == {"left-to-right", "fill-in-the-middle"}
    for systems in suite.values():
        assert set(systems) == {"model", "random-weights", "nearest-line"}
        assert systems["model"]["exact_match"]["n_items"] == 10
        similarity = {name: systems[name]["edit_similarity"]["value"] for name in ("model", "nearest-line")}
        difference = systems["nearest-line"]["difference"]["edit_similarity"]["value"]
        assert difference == pytest.approx(similarity["model"] - similarity["nearest-line"])


def test_the_metrics_name_what_was_measured(undisturbed: Path) -> None:
    metrics = read_json(undisturbed / "metrics.json")
    assert metrics["bits_per_byte"] > 1
    for mode in ("left-to-right", "fill-in-the-middle"):
        for system in ("", "random-weights.", "nearest-line."):
            for measure in ("exact_match", "edit_similarity"):
                assert 0 <= metrics[f"own-code.{mode}.{system}{measure}"] <= 1


def test_samples_can_be_judged_again(undisturbed: Path) -> None:
    samples = [json.loads(line) for line in (undisturbed / "samples.jsonl").read_text().splitlines()]
    assert len(samples) == 20
    assert len({sample["task_id"] for sample in samples}) == 20
    for sample in samples:
        for answer in sample["systems"].values():
            assert answer["completion"].count("\n") <= sample["truth"].count("\n")


def test_the_first_three_shown_completions_hold_both_modes_and_the_rule_is_told(undisturbed: Path) -> None:
    shown = read_json(undisturbed / "showcase.json")
    assert "quartile" in shown["rule"]
    assert {item["mode"] for item in shown["items"][:3]} == {"left-to-right", "fill-in-the-middle"}
    assert len(shown["items"]) == 6


def test_the_tables_hold_every_system_with_its_interval(undisturbed: Path) -> None:
    found = tables(read_json(undisturbed / "scores.json"))
    assert [title for title, _, _ in found] == [
        "Bits per byte of held-out code (less is better)",
        "Own code, left-to-right",
        "Own code, fill-in-the-middle",
    ]
    for _, columns, rows in found:
        assert all(len(row) == len(columns) for row in rows)
        assert rows[0][0] == "model"


def test_a_run_stopped_anywhere_goes_on_to_identical_files_and_repeats_nothing(
    corpus: Path, tiny_model: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    complete = LocalEngine.complete

    def counted(self: LocalEngine, prompts: Any, sampling: Any) -> Any:
        asked.extend(f"{id(self)}{prompt}{sampling}" for prompt in prompts)
        return complete(self, prompts, sampling)

    monkeypatch.setattr(LocalEngine, "complete", counted)
    n_runs = 0
    while True:
        n_runs += 1
        events = silent()
        events.sinks = (StopAfter(events, n_records=3),)
        try:
            run(corpus, tiny_model, tmp_path, events)
            break
        except Interrupted:
            tear(tmp_path / "scratch" / "finished.jsonl")
    assert n_runs > 3
    assert contents(tmp_path) == contents(undisturbed)
    asked.clear()
    run(corpus, tiny_model, tmp_path)
    assert asked == []
    assert contents(tmp_path) == contents(undisturbed)


class StopAfter:
    """Asks for a stop after some progress beyond what the last run reached, as a kill at any moment would."""

    reached = 0

    def __init__(self, events: Events, n_records: int) -> None:
        self.events, self.left = events, StopAfter.reached + n_records
        StopAfter.reached += n_records

    def __call__(self, record: dict[str, Any]) -> None:
        self.left -= 1
        if self.left <= 0:
            self.events.stop.set()


def tear(path: Path) -> None:
    """Leave half a record at the end, as a kill while writing does."""
    if path.exists():
        path.write_bytes(path.read_bytes() + b'{"key": "torn", "ans')


@pytest.mark.parametrize("n_files", [0, 1])
def test_too_few_held_out_files_are_said_and_not_an_error(
    held_out_files: list[Document], tiny_model: Path, tmp_path: Path, n_files: int
) -> None:
    corpus = write_corpus(tmp_path / "corpus", held_out_files[:n_files], held_out_files[3:])
    assert run(corpus, tiny_model, tmp_path / "work") == {"summary": "nothing could be measured"}
    scores = read_json(tmp_path / "work" / "scores.json")
    assert "needs two" in scores["suites"]["bits-per-byte"]["not_measured"]
    assert "fewer than two" in scores["suites"]["own-code"]["left-to-right"]["not_measured"]
    assert read_json(tmp_path / "work" / "showcase.json")["items"] == []
    assert all(rows[0][0] == "not measured" for _, _, rows in tables(scores))


def test_files_with_nothing_to_ask_are_measured_where_they_can_be(tiny_model: Path, tmp_path: Path) -> None:
    documents = [
        Document(f"id{n}", "repo", f"{n}.py", "python", text) for n, text in enumerate(["x\n", "y\n", "", "\n"])
    ]
    metrics = run(write_corpus(tmp_path / "corpus", documents, []), tiny_model, tmp_path / "work")
    assert set(metrics) == {"summary", "bits_per_byte"}


def test_a_model_without_fill_in_the_middle_is_asked_from_the_left_only(
    corpus: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    usage = read_json(model / "understudy.json")
    write_json(model / "understudy.json", {**usage, "fim_mode": None})
    metrics = run(corpus, model, tmp_path / "work", suites=["own-code"], baselines=[], samples=4)
    assert metrics["summary"].startswith("left-to-right")
    assert set(metrics) - {"summary"} == {
        "own-code.left-to-right.exact_match",
        "own-code.left-to-right.edit_similarity",
    }
    scores = read_json(tmp_path / "work" / "scores.json")
    assert "without fill-in-the-middle" in scores["suites"]["own-code"]["fill-in-the-middle"]["not_measured"]
    assert len(read_json(tmp_path / "work" / "showcase.json")["items"]) == 3
