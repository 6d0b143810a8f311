"""What `--help` shows at 80 columns: every verb in one whole line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ENVIRONMENT = os.environ | {"COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1"}


@pytest.mark.parametrize("verb", [(), ("recipe",), ("data",)])
def test_no_verb_is_described_by_half_a_sentence(verb: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "understudy", *verb, "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout
    lines = shown.partition("Commands:\n")[2].splitlines()
    assert lines
    assert [line for line in lines if line.endswith("...")] == []
