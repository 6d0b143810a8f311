"""Engines make text from models. All of them are `core.engine.Engine`; nobody else generates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from understudy.engines.local import LocalEngine, Precision

__all__ = ["open_engine"]


def open_engine(
    model_folder: Path, *, n_slots: int = 16, precision: Precision = "auto", threads: int | None = None
) -> LocalEngine:
    """The engine for a model folder, loaded and ready.

    `n_slots` completions are made at the same time, more wait. `precision` is that of the weights in memory. `threads`
    is for the whole process; None leaves PyTorch's choice. Raises InputDataError when the folder is no whole model.
    """
    from understudy.engines.local import LocalEngine  # brings torch, which `--help` must not

    return LocalEngine.open(model_folder, n_slots=n_slots, precision=precision, threads=threads)
