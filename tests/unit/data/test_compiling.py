"""Where compiled code is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import numba
from understudy.data import compiling
print(compiling.cache_folder())
double = compiling.compiled("int64(int64)")({function})
print(double(21), numba.config.CACHE_DIR == {before!r})
"""
FUNCTION = "def f(x):\n    return 2 * x\n"


def run(tmp_path: Path, before: str = "", **environment: str) -> list[str]:
    (tmp_path / "twice.py").write_text(FUNCTION)
    code = "import twice" + CODE.format(function="twice.f", before=before)
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=kept | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split("\n")


@pytest.mark.skipif(sys.platform != "linux", reason="the place differs from system to system")
def test_compiled_code_is_kept_in_the_users_cache_and_other_users_of_numba_keep_their_own(tmp_path: Path) -> None:
    told = run(tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert told[:2] == [str(tmp_path / "cache" / "understudy" / "compiled"), "42 True"]
    assert list((tmp_path / "cache").rglob("*.nbc"))


def test_the_variable_of_numba_is_obeyed(tmp_path: Path) -> None:
    there = str(tmp_path / "there")
    assert run(tmp_path, before=there, NUMBA_CACHE_DIR=there, HOME=str(tmp_path))[:2] == [there, "42 True"]
    assert list(Path(there).rglob("*.nbc"))


@pytest.mark.skipif(sys.platform == "win32", reason="a file as the home folder")
def test_without_a_writable_cache_it_compiles_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = run(tmp_path, XDG_CACHE_HOME=str(tmp_path / "file"), HOME=str(tmp_path / "file"))
    assert told[:2] == ["None", "42 True"]
