"""The command `understudy`. Each verb is one function in the file named after what it does.

run.py: up, plan, data, tokenizer, tokens, train, eval · look.py: runs, show, lineage, gc · use.py: complete, serve
recipe.py: recipe show, schema, check · doctor.py: doctor · session.py: the options every verb has
"""

from __future__ import annotations

from understudy.cli.main import main

__all__ = ["main"]
