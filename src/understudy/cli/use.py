"""Verbs that use a model: `complete` one text, `serve` an API."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from understudy.cli.session import RecipePath, Session, verb

ModelName = Annotated[str, typer.Option("--model", metavar="ID", help="A model's id, prefix, folder, or latest.")]


@verb
def complete(
    session: Session,
    prompt: Annotated[
        str, typer.Argument(help="The text before the cursor; - reads it from stdin.", show_default=False)
    ],
    suffix: Annotated[str | None, typer.Option(help="The text behind the cursor: asks for fill-in-the-middle.")] = None,
    path: Annotated[str | None, typer.Option(help="The file's name, which tells the model the language.")] = None,
    model: ModelName = "latest",
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest completion.")] = 64,
    temperature: Annotated[float, typer.Option(min=0.0, max=5.0, help="0 takes the likeliest token.")] = 0.0,
    seed: Annotated[int | None, typer.Option(help="Makes sampling repeatable.")] = None,
    stop: Annotated[list[str] | None, typer.Option(help="End before this text. Repeatable.")] = None,
) -> None:
    r"""Complete a piece of code with a model.

    Examples:\n
      understudy complete "def read_lines(path):"\n
      understudy complete "def area(r):\n    return " --suffix "\n\nprint(area(2))" --max-tokens 16\n
      head -20 script.py | understudy complete - --json
    """
    from understudy import api
    from understudy.core.engine import Prompt, Sampling

    prefix = _stdin_text() if prompt == "-" else _unescape(prompt)
    engine = api.engine(model, project=session.project)
    try:
        sampling = Sampling(
            max_tokens=max_tokens, temperature=temperature, seed=seed, stop=tuple(map(_unescape, stop or ()))
        )
        completion = engine.complete([Prompt(prefix, None if suffix is None else _unescape(suffix), path)], sampling)[0]
        name = engine.capabilities().name
    finally:
        engine.close()
    if session.as_json:
        session.answer(
            {
                "completion": completion.text,
                "finish_reason": completion.finish_reason,
                "n_prompt_tokens": completion.n_prompt_tokens,
                "n_tokens": len(completion.token_ids),
                "logprob": completion.logprob,
                "engine": name,
            }
        )
    else:
        sys.stdout.write(completion.text + "\n")


@verb
def serve(
    session: Session,
    recipe: RecipePath = Path("recipes/demo.yaml"),
    model: ModelName = "",
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Instead of the recipe's.")] = None,
) -> None:
    """Serve the recipe's model through OpenAI's API.

    For editors and clients: /v1/completions (with suffix and streaming), /v1/models, /health. Listens on 127.0.0.1
    unless the recipe says otherwise. Makes what is missing first.

    Examples:\n
      understudy serve recipes/demo.yaml\n
      understudy serve recipes/demo.yaml --port 9000 --model model-1f2e
    """
    from understudy import api

    if port is not None:
        session.overrides.append(f"serve.port={port}")
    with session.events(recipe) as events:
        api.serve(recipe, model or None, overrides=session.overrides, project=session.project, events=events)


def _stdin_text() -> str:
    """All of stdin, whatever the locale, and its line ends as they are."""
    from understudy.core.errors import InputDataError

    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InputDataError(
            f"stdin is not UTF-8 text (byte {error.start})", "iconv -f LATIN1 -t UTF-8 FILE | understudy complete -"
        ) from None


def _unescape(text: str) -> str:
    r"""`\n` and `\t` typed on a command line mean a new line and a tab."""
    with contextlib.suppress(UnicodeDecodeError):  # a locale that knows ASCII only has left the bytes undecoded
        text = os.fsencode(text).decode()
    return text.replace("\\n", "\n").replace("\\t", "\t")
