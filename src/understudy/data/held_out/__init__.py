"""Held-out functions with the tests that call them: what an exam on one's own code can run.

python_calls     what a file defines, what its tests call
marking          which of them are held out ─▶ held_out.jsonl
"""

from __future__ import annotations

from understudy.data.held_out.marking import is_test, write_held_out

__all__ = ["is_test", "write_held_out"]
