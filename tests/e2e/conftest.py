"""The real command, run as a person would run it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from small_project import command, environment, write_project

Understudy = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def understudy(tmp_path: Path) -> Understudy:
    """Runs the command in `tmp_path` and returns what it printed; `code` is the exit status that must come."""

    def run(
        *arguments: object, code: int = 0, stdin: str | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command(*arguments),
            capture_output=True,
            text=True,
            cwd=cwd or tmp_path,
            env=environment(),
            input=stdin,
            check=False,
            timeout=300,
        )
        assert done.returncode == code, f"exit {done.returncode}, wanted {code}\n{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the small recipe has run to its end. Read only: copy it to change it."""
    folder = tmp_path_factory.mktemp("finished")
    recipe = write_project(folder)
    done = subprocess.run(
        command("up", recipe), capture_output=True, text=True, cwd=folder, env=environment(), check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    (folder / "stdout.txt").write_text(done.stdout)
    (folder / "stderr.txt").write_text(done.stderr)
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A writable copy of the finished project, as the working folder of `understudy`."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path
