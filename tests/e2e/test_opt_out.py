"""Licences and opt-out down the whole river: what a model was trained on, what was built from an unwanted file."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

Understudy = Callable[..., subprocess.CompletedProcess[str]]


def test_a_model_tells_the_licences_of_what_it_was_trained_on(understudy: Understudy, project: Path) -> None:
    model = json.loads(understudy("show", "model", "--json").stdout)
    usage = json.loads((Path(model["path"]) / "understudy.json").read_text())
    corpus = json.loads(understudy("show", "corpus", "--json").stdout)
    summary = json.loads((Path(corpus["path"]) / "licenses.json").read_text())
    trained = {name: counts["size_bytes_train"] for name, counts in summary["by_license"].items()}
    assert usage["licenses"] == trained
    assert sum(trained.values()) == corpus["metrics"]["size_bytes_train"]
    assert "PSF-2.0" in trained  # the standard library's abc.py and a few others say so themselves
    shown = understudy("show", "model").stdout
    assert "licences of its code" in shown and "PSF-2.0" in shown


def test_what_was_built_from_a_listed_file_is_found_down_to_the_scores(understudy: Understudy, project: Path) -> None:
    (project / "opt-out.txt").write_text("code:heapq.py\n")
    found = json.loads(understudy("data", "opted-out", "opt-out.txt", "--json").stdout)
    assert [(item["n_files"], item["n_trained"] + item["n_held_out"]) for item in found["corpora"]] == [(1, 1)]
    assert found["corpora"][0]["files"][0]["path"] == "heapq.py"
    assert [item["kind"] for item in found["descendants"]] == ["tokenizer", "tokens", "model", "scores"]
    told = understudy("data", "opted-out", "opt-out.txt").stdout
    assert all(item["id"] in told for item in [*found["corpora"], *found["descendants"]])
    assert "code/heapq.py" in told


def test_after_a_run_without_it_nothing_new_is_built_from_it(understudy: Understudy, project: Path) -> None:
    (project / "opt-out.yaml").write_text("- {repository: code, path: heapq.py, reason: by request}\n")
    understudy("data", "recipe.yaml", "--set", "data.opt_out=opt-out.yaml")
    found = json.loads(understudy("data", "opted-out", "opt-out.yaml", "--json").stdout)
    assert len(found["corpora"]) == 1 and len(found["untouched"]) == 1


def test_a_list_that_nothing_was_built_from_says_so(understudy: Understudy, project: Path) -> None:
    (project / "none.txt").write_text("somebody/else\n")
    assert "nothing was built" in understudy("data", "opted-out", "none.txt").stdout
    recipe = (project / "recipe.yaml").read_text()
    (project / "with.yaml").write_text(recipe.replace("data:\n", "data:\n  opt_out: none.txt\n"))
    assert json.loads(understudy("data", "opted-out", "with.yaml", "--json").stdout)["corpora"] == []
    understudy("data", "opted-out", "recipe.yaml", code=2)
    understudy("data", "opted-out", "missing.txt", code=4)
