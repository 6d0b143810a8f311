"""Understudy: train, measure, serve and keep improving a code-completion model that knows your lines.

How to read it. The stages, in the order data meets them; each folder's `stage.py` draws its own way:

    plan ─▶ data ─▶ tokenizer (stage, then pack_stage: the tokens) ─▶ train ─▶ eval ─▶ serve

They never import each other: each reads artifacts, which are folders with an id, and writes one. Below them stands what
they share, above them what runs them:

    core       the contracts: recipe, artifact, stage, events, engine; no torch
    formats    what training and serving must agree on: special tokens, fill-in-the-middle, prompt, shards, corpus
    model      the decoder: config (one dial), decoder, training path, Hugging Face folders
    engines    text from a model
    pipeline   the graph: runs what is missing, in order
    report     the HTML page of a run
    api        what the faces call;  cli  the command

Importing this package does no work. From Python, start at `understudy.api`: `plan`, `run`, `engine`.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
