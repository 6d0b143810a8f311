"""SIGKILL at random moments of `up`, in every stage: the next `up` finishes with the very same files."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from small_project import command, environment, write_project

STAGES = {
    "plan": "plan",
    "data": "corpus",
    "tokenizer": "tokenizer",
    "tokens": "tokens",
    "train": "model",
    "eval": "scores",
}
# Files that hold times, which no two runs share; everything else must be equal to the byte.
TIMED = {"artifact.json", "lineage.json", "training.jsonl", "training.json", "plan.json", "README.md"}


def started(project: Path, run_names: set[str], stage: str) -> bool:
    """Whether the run that was not there before has begun this stage."""
    for file in (project / ".understudy" / "runs").glob("*/events.jsonl"):
        if file.parent.name not in run_names:
            for line in file.read_text(errors="replace").splitlines():
                if f'"stage": "{stage}"' in line and '"stage_started"' in line:
                    return True
    return False


def kill_in(project: Path, recipe: Path, stage: str, delay_seconds: float) -> bool:
    """Start `up --from stage`, kill its whole process group so long after the stage began; False if it was faster."""
    earlier = {folder.name for folder in (project / ".understudy" / "runs").glob("*")}
    process = subprocess.Popen(
        command("up", recipe, "--from", stage, "--until", stage),
        cwd=project,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while process.poll() is None and not started(project, earlier, stage):
            time.sleep(0.005)
        time.sleep(delay_seconds)
        was_running = process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
        process.wait()
    return was_running


def files(project: Path, kind: str) -> dict[str, str]:
    """Hashes of an artifact's files that carry no times."""
    (manifest,) = (project / ".understudy" / "store" / kind).glob("*/artifact.json")
    listed = json.loads(manifest.read_text())["files"]
    return {name: entry["xxh3_128"] for name, entry in listed.items() if Path(name).name not in TIMED}


def seconds_by_stage(project: Path) -> dict[str, float]:
    return {
        stage: json.loads(manifest.read_text())["made_by"]["seconds"]
        for stage, kind in STAGES.items()
        for manifest in (project / ".understudy" / "store" / kind).glob("*/artifact.json")
    }


def torment(finished: Path, folder: Path, seed: int, kills_per_stage: int) -> None:
    chance = random.Random(seed)
    seconds = seconds_by_stage(finished)
    recipe = write_project(folder)
    killed = dict.fromkeys(STAGES, 0)
    for stage in STAGES:
        for _ in range(kills_per_stage):
            killed[stage] += kill_in(folder, recipe, stage, chance.random() * seconds[stage])
        done = subprocess.run(
            command("up", recipe, "--until", stage),
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"after killing {stage}: {done.stderr}"
    assert sum(killed.values()) >= 0.8 * kills_per_stage * len(STAGES), f"too few kills hit a running stage: {killed}"
    for kind in STAGES.values():
        assert files(folder, kind) == files(finished, kind), f"{kind} differs after the kills"
    scores = {
        place: json.loads(next((place / ".understudy/store/scores").glob("*/scores.json")).read_text())
        for place in (folder, finished)
    }
    assert scores[folder] == scores[finished]


def test_twenty_four_kills_over_all_stages_change_nothing(finished: Path, tmp_path: Path) -> None:
    torment(finished, tmp_path, seed=1, kills_per_stage=4)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(10))
def test_many_kills_over_all_stages_change_nothing(finished: Path, tmp_path: Path, seed: int) -> None:
    torment(finished, tmp_path, seed=seed, kills_per_stage=25)
