"""The main job through the real command: every stage, nothing twice, only what changed, stop and continue."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from small_project import command, environment, write_project

STAGES = ["plan", "data", "tokenizer", "tokens", "train", "eval"]


def what_ran(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Stages that `up --json` made, not found."""
    return [stage["stage"] for stage in json.loads(done.stdout)["stages"] if stage["seconds"] > 0]


def test_up_ends_with_scores_completions_report_and_next_commands(finished: Path) -> None:
    out = (finished / "stdout.txt").read_text()
    for wanted in (
        "bits",
        "truth",
        "model",
        "fill-in-the-middle",
        "report:",
        "understudy complete",
        "understudy serve",
    ):
        assert wanted in out, wanted
    assert (finished / ".understudy" / "reports" / "small.html").exists()
    narration = (finished / "stderr.txt").read_text()
    assert [line.split()[0] for line in narration.splitlines() if line.endswith("started")] == STAGES
    assert "\x1b" not in out + narration


def test_a_second_up_finds_everything_done(project: Path, understudy) -> None:
    done = understudy("up", "recipe.yaml")
    assert done.stderr.count("done before") == len(STAGES)
    assert "everything was there already" in done.stdout


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("eval.samples=13", ["eval"]),
        ("serve.port=9999", []),
        ("train.0.learning_rate=1e-3", ["plan", "train", "eval"]),
        ("train.0.fim.rate=0.25", ["plan", "tokens", "train", "eval"]),
        ("tokenizer.train.vocabulary=500", ["plan", "tokenizer", "tokens", "train", "eval"]),
        ("data.filters.max_line_length=500", ["data", "tokenizer", "tokens", "train", "eval"]),
    ],
)
def test_a_change_reruns_its_stage_and_what_follows(
    project: Path, understudy, change: str, expected: list[str]
) -> None:
    done = understudy("up", "recipe.yaml", "--dry-run", "--json", "--set", change)
    assert [step["stage"] for step in json.loads(done.stdout) if not step["done"]] == expected


def test_a_changed_setting_makes_only_what_it_must(project: Path, understudy) -> None:
    assert what_ran(understudy("up", "recipe.yaml", "--json", "--set", "eval.samples=13")) == ["eval"]


def test_a_changed_file_runs_the_data_again(project: Path, understudy) -> None:
    file = next((project / "code").glob("*.py"))
    file.write_text(file.read_text() + "\n\ndef added():\n    return 1\n")
    done = understudy("up", "recipe.yaml", "--dry-run", "--json")
    assert [step["stage"] for step in json.loads(done.stdout) if not step["done"]] == STAGES


def test_from_and_until_bound_the_walk(project: Path, understudy) -> None:
    assert what_ran(understudy("up", "recipe.yaml", "--json", "--from", "tokens", "--until", "tokens")) == ["tokens"]
    assert "no such stage" in understudy("up", "recipe.yaml", "--until", "tokns", code=2).stderr
    assert "comes after" in understudy("up", "recipe.yaml", "--from", "eval", "--until", "data", code=2).stderr


def test_one_stage_makes_only_what_it_needs(tmp_path: Path, understudy) -> None:
    write_project(tmp_path, ["abc", "ast", "bisect", "cmd", "copy", "csv", "shlex", "heapq", "queue"])
    understudy("tokenizer", "recipe.yaml", "--quiet")
    assert sorted(folder.name for folder in (tmp_path / ".understudy" / "store").iterdir()) == ["corpus", "tokenizer"]


def test_runs_show_and_lineage_tell_where_a_model_came_from(project: Path, understudy) -> None:
    assert "small" in understudy("runs").stdout
    listed = json.loads(understudy("runs", "--json").stdout)
    assert {artifact["kind"] for artifact in listed["artifacts"]} == {
        "plan",
        "corpus",
        "tokenizer",
        "tokens",
        "model",
        "scores",
    }
    model = next(artifact["id"] for artifact in listed["artifacts"] if artifact["kind"] == "model")
    assert "model.safetensors" in understudy("show", model).stdout
    tree = understudy("lineage", model).stdout
    assert all(kind in tree for kind in ("model-", "tokens-", "tokenizer-", "corpus-", "plan-", "sources"))
    assert "report:" in understudy("show", model, "--open").stdout


def test_gc_keeps_what_the_newest_scores_need(project: Path, understudy) -> None:
    understudy("up", "recipe.yaml", "--set", "eval.samples=13", "--quiet")
    would = json.loads(understudy("gc", "--json").stdout)
    assert [Path(folder).name.split("-")[0] for folder in would["folders"]] == ["scores"]
    assert would["deleted"] is False
    understudy("gc", "--yes")
    assert json.loads(understudy("gc", "--json").stdout)["folders"] == []
    assert "done before" in understudy("up", "recipe.yaml", "--set", "eval.samples=13").stderr


def test_recipe_show_names_the_origin_of_every_value(project: Path, understudy) -> None:
    rows = json.loads(understudy("recipe", "show", "recipe.yaml", "--json", "--set", "seed=3").stdout)
    assert rows["seed"] == {"value": "3", "origin": "--set"}
    assert rows["train.0.context"]["origin"] == "line 9"
    assert rows["offline"]["origin"] == "default"
    derived = json.loads(understudy("recipe", "show", "recipe.yaml", "--json").stdout)["train.0.learning_rate"]
    assert derived["origin"].startswith("derived: plan-")


def test_complete_answers_text_json_suffix_and_stdin(project: Path, understudy) -> None:
    assert understudy("complete", "def main(", "--max-tokens", 4).stdout.endswith("\n")
    answer = json.loads(understudy("complete", "-", "--json", "--max-tokens", 4, stdin="import os\n").stdout)
    assert answer["n_tokens"] <= 4
    assert answer["finish_reason"] in ("stop", "length")
    filled = json.loads(understudy("complete", "x = ", "--suffix", "\n", "--json", "--max-tokens", 4).stdout)
    assert filled["n_prompt_tokens"] > answer["n_prompt_tokens"] - 20
    long_prompt = json.loads(understudy("complete", "-", "--json", "--max-tokens", 4, stdin="a = 1\n" * 5000).stdout)
    assert long_prompt["n_prompt_tokens"] <= 64


def test_the_python_interface_does_the_same(project: Path) -> None:
    from understudy import api
    from understudy.core.paths import Project

    steps = api.run(project / "recipe.yaml", project=Project(project))
    assert [step.stage for step in steps] == STAGES
    assert api.plan(project / "recipe.yaml", project=Project(project))["choice"]["layers"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_while_training_saves_and_the_same_command_continues(
    finished: Path, tmp_path: Path, understudy, number: int
) -> None:
    recipe = write_project(tmp_path)
    shutil.copytree(finished / ".understudy" / "store", tmp_path / ".understudy" / "store")
    slow = ["--set", "train.0.tokens=400k"]
    process = subprocess.Popen(
        command("up", recipe, *slow),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not list((tmp_path / ".understudy" / "work").glob("model-*/**/*.safetensors")):
        time.sleep(0.02)
    process.send_signal(number)
    _, narration = process.communicate(timeout=120)
    assert process.returncode == 130, narration
    assert "same command" in narration
    done = understudy("up", recipe, *slow)
    assert "going on from step" in done.stderr
    undisturbed = tmp_path / "undisturbed"
    understudy("up", write_project(undisturbed), *slow, "--project", undisturbed)
    assert weights(tmp_path, newest=True) == weights(undisturbed, newest=True)


def weights(project: Path, newest: bool = False) -> str:
    manifests = sorted(
        (project / ".understudy" / "store" / "model").glob("*/artifact.json"), key=lambda f: f.stat().st_mtime
    )
    return json.loads(manifests[-1 if newest else 0].read_text())["files"]["model.safetensors"]["xxh3_128"]
