"""First token and tokens per second of our engine, beside Hugging Face `generate` on the same folder of weights.

Both read the same random weights, get prompts of the same length, and make the same number of tokens greedily. Rounds
alternate between them, so that a busy moment hits both; each figure is the best of its rounds, which is the one least
disturbed by others on the machine. Processor time is given as well: it hardly notices them. A token of text is one
byte here: the vocabulary's size matters, its merges do not.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from clock import Spent, timed
from record import write_result

from understudy.core.engine import Prompt, Request, Sampling
from understudy.engines import open_engine
from understudy.engines.local import LocalEngine
from understudy.formats.special_tokens import END, SPECIAL_IDS
from understudy.formats.tokenizer_file import write_tokenizer
from understudy.formats.usage import ModelUsage
from understudy.model.config import DecoderConfig, dial, n_parameters
from understudy.model.hugging_face import write_folder
from understudy.model.initial import random_decoder

SHAPES = {
    "demo": dial(layers=4, vocabulary=8192, context=512, hidden=256),
    "32M": dial(layers=8, vocabulary=16384, context=512, hidden=512),
}
PROMPT_TOKENS = 384
NEW_TOKENS = 48
STREAMS = 8
ROUNDS = 3


Measure = Callable[[int], Spent]  # of a round, by its number


def cost(work: Callable[[], object]) -> Spent:
    """What `work` takes."""
    return timed(work)[0]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    threads = arguments.parse_args().threads
    measured = {
        name: {f"threads {n}": compare(config, n) for n in threads} | {"parameters": n_parameters(config).total}
        for name, config in SHAPES.items()
    }
    write_result("serving", measured, packages=("transformers",))


def compare(config: DecoderConfig, threads: int) -> dict[str, Any]:
    """All figures of one model and thread count."""
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_model(config, folder)
        start, engine = timed(lambda: open_engine(folder, threads=threads))
        systems = {"understudy": ours(engine)}
        for kind in ("bfloat16", "float32"):
            systems[f"transformers {kind}"] = theirs(folder, kind)
        best = best_seconds(systems)
        engine.close()
    gc.collect()
    return table(best) | {"understudy start s": round(start.wall, 3)}


def write_model(config: DecoderConfig, folder: Path) -> None:
    """A folder that both can load, with a tokenizer of bytes."""
    write_tokenizer(folder, [bytes([value]) for value in range(256)], [])
    decoder = random_decoder(config, seed=17)
    # A fresh head is zero: every token would score the same, and the first one ends the completion.
    torch.nn.init.normal_(decoder.head.weight, std=0.02, generator=torch.Generator().manual_seed(17))
    write_folder(decoder, folder, end_token=SPECIAL_IDS[END])
    ModelUsage(name="bench", context=config.context).write(folder)


def prompt_text(round_: int, stream: int = 0) -> str:
    """A prompt that shares nothing with those of other rounds and streams."""
    return (f"{round_:04d}.{stream:03d}:" + "x = y\n" * PROMPT_TOKENS)[:PROMPT_TOKENS]


def ours(engine: LocalEngine) -> dict[str, Measure]:
    """What is measured of our engine."""

    def read(text: str, n_tokens: int, name: str = "r") -> None:
        *_, last = engine.submit(Request(name, Prompt(text), Sampling(max_tokens=n_tokens)))
        assert last.finish_reason == "length"

    def again(round_: int) -> Spent:
        text = prompt_text(1000 + round_)
        read(text[:-4], 1)
        return cost(lambda: read(text, 1))

    def together(round_: int) -> None:
        jobs = [
            threading.Thread(target=read, args=(prompt_text(2000 + round_, i), NEW_TOKENS, str(i)))
            for i in range(STREAMS)
        ]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()

    return {
        "first token": lambda round_: cost(lambda: read(prompt_text(round_), 1)),
        "first token, known prefix": again,
        "one stream": lambda round_: cost(lambda: read(prompt_text(3000 + round_), NEW_TOKENS)),
        "eight streams": lambda round_: cost(lambda: together(round_)),
    }


def theirs(folder: Path, kind: str) -> dict[str, Measure]:
    """The same of transformers. It keeps nothing between calls, so that a known prefix is read like any other."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, kind))

    def generate(texts: list[str], n_tokens: int) -> Spent:
        ids = torch.tensor([[len(SPECIAL_IDS) + value for value in text.encode()] for text in texts])
        with torch.inference_mode():
            return cost(
                lambda: model.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    max_new_tokens=n_tokens,
                    min_new_tokens=n_tokens,
                    do_sample=False,
                    pad_token_id=0,
                )
            )

    return {
        "first token": lambda round_: generate([prompt_text(round_)], 1),
        "first token, known prefix": lambda round_: generate([prompt_text(1000 + round_)], 1),
        "one stream": lambda round_: generate([prompt_text(3000 + round_)], NEW_TOKENS),
        "eight streams": lambda round_: generate([prompt_text(2000 + round_, i) for i in range(STREAMS)], NEW_TOKENS),
    }


def best_seconds(systems: dict[str, dict[str, Measure]]) -> dict[str, dict[str, Spent]]:
    """The best of all rounds, after one that warms up."""
    best: dict[str, dict[str, Spent]] = {name: {} for name in systems}
    for round_ in range(ROUNDS + 1):
        for what in next(iter(systems.values())):
            for name, measures in systems.items():
                new = measures[what](round_)
                old = best[name].get(what, new)
                if round_ > 0:
                    best[name][what] = Spent(min(new.wall, old.wall), min(new.cpu, old.cpu))
    return best


def table(best: dict[str, dict[str, Spent]]) -> dict[str, Any]:
    """Milliseconds to the first token, tokens per second, and how many times faster ours is than the faster rival."""
    rows: dict[str, Any] = {name: figures(costs) for name, costs in best.items()}
    mine = best["understudy"]
    rivals = [costs for name, costs in best.items() if name != "understudy"]
    for kind, word in (("wall", "time"), ("cpu", "processor time")):
        rows[f"{word} of transformers' better one / ours"] = {
            what: round(min(getattr(rival[what], kind) for rival in rivals) / getattr(mine[what], kind), 2)
            for what in mine
        }
    return rows


def figures(costs: dict[str, Spent]) -> dict[str, float]:
    """Tokens per second include the reading of the prompt."""
    return {
        "first token ms": round(1000 * costs["first token"].wall, 1),
        "first token, known prefix ms": round(1000 * costs["first token, known prefix"].wall, 1),
        "one stream tokens/s": round(NEW_TOKENS / costs["one stream"].wall, 1),
        "eight streams tokens/s": round(STREAMS * NEW_TOKENS / costs["eight streams"].wall, 1),
        "one stream, tokens per processor second": round(NEW_TOKENS / costs["one stream"].cpu, 1),
        "eight streams, tokens per processor second": round(STREAMS * NEW_TOKENS / costs["eight streams"].cpu, 1),
    }


if __name__ == "__main__":
    main()
