"""Every command, Python block and recipe of README and docs is run, against a small project of the same shape."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_project import MODULES, RECIPE, environment, write_project

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("[gc]*/*.md"))]
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SERVED_SECONDS = 60


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a reader has after `make demo`, made small: recipes/demo.yaml on a few files, already run."""
    folder = tmp_path_factory.mktemp("reader")
    write_project(folder / "recipes", MODULES)
    (folder / "recipes" / "recipe.yaml").unlink()
    for name in ("demo", "laptop"):
        (folder / "recipes" / f"{name}.yaml").write_text(RECIPE.replace("name: small", f"name: {name}"))
    shutil.copytree(folder / "recipes" / "code", folder / "my-code")
    run(f"{sys.executable} -m understudy up recipes/demo.yaml --quiet", folder)
    return folder


def run(line: str, folder: Path) -> None:
    command = re.sub(r"^understudy\b|(?<=[|&] )understudy\b", f"{shlex.quote(sys.executable)} -m understudy", line)
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, f"{line}\nexit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def serve_and_stop(line: str, folder: Path) -> None:
    """A server is started as shown, must say it is ready, and ends with Ctrl-C."""
    words = [sys.executable, "-m", *shlex.split(line, comments=True), "--port", "0"]
    process = subprocess.Popen(words, cwd=folder, env=environment(), stderr=subprocess.PIPE)
    assert process.stderr is not None
    os.set_blocking(process.stderr.fileno(), False)
    narration, deadline = "", time.monotonic() + SERVED_SECONDS
    while "http://127.0.0.1:" not in narration and process.poll() is None and time.monotonic() < deadline:
        narration += (process.stderr.read() or b"").decode()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    assert "http://127.0.0.1:" in narration, narration


def blocks(page: Path, language: str) -> list[tuple[str, str]]:
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [(options, text) for name, options, text in found if name == language]


def lines(text: str) -> list[str]:
    """Commands of a block, with continued lines joined and comments dropped."""
    joined = text.replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def test_a_block_that_is_not_run_says_why() -> None:
    silent = [
        f"{page.name}: {options}"
        for page in PAGES
        for options, _ in blocks(page, "bash")
        if options.strip() == "not-run"
    ]
    assert silent == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_run(page: Path, place: Path) -> None:
    for options, text in blocks(page, "bash"):
        if "not-run:" in options:
            continue
        for line in lines(text):
            if line.startswith("make "):
                # The targets themselves run in CI and in the demo's own test; here they must exist.
                assert (
                    subprocess.run(
                        ["make", "-n", *line.split()[1:2]], cwd=ROOT, capture_output=True, check=False
                    ).returncode
                    == 0
                ), line
            elif line.startswith("understudy serve"):
                serve_and_stop(line, place)
            else:
                run(line, place)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page: Path, place: Path) -> None:
    for options, text in blocks(page, "python"):
        if "not-run:" in options:
            continue
        done = subprocess.run(
            [sys.executable, "-c", text], cwd=place, env=environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_recipes_of_a_page_are_valid(page: Path) -> None:
    from understudy.core.recipe_file import parse_recipe

    for _, text in blocks(page, "yaml"):
        assert parse_recipe(text if re.search(r"^name:", text, re.MULTILINE) else f"name: shown\n{text}").recipe


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in [*PAGES, *(ROOT / "docs").rglob("*.md"), ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} → {target}")
    assert broken == []


def test_the_recipes_that_ship_are_valid() -> None:
    from understudy.core.recipe_file import load_recipe

    names = {load_recipe(path).recipe.name for path in sorted((ROOT / "recipes").glob("*.yaml"))}
    assert {"demo", "laptop"} <= names


def test_the_reference_is_what_the_code_says() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import generate
    finally:
        sys.path.pop(0)
    stale = [
        name
        for name, text in generate.pages().items()
        if (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8") != text
    ]
    assert stale == [], "run `make docs`"
