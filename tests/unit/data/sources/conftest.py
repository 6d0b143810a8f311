"""What is tested here is how sources are read; no processes are needed for the steps after that."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def without_processes(in_this_process: None) -> None:
    """A second less for each corpus."""
