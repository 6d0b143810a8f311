"""The tokenizer stage: learns how text becomes tokens.

    corpus ──sample──▶ text ──bpe──▶ tokenizer.json, tokenizer_config.json ──bytes_per_token──▶ report.json

A few seconds of work, so a killed run starts it again from nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from understudy.core.paths import empty_folder, write_json
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs, Metrics, Stage
from understudy.core.tracking import Events
from understudy.formats.special_tokens import SPECIAL_TOKENS
from understudy.formats.tokenizer_file import PRE_TOKENIZER, write_tokenizer
from understudy.tokenizer.bpe import learn
from understudy.tokenizer.bytes_per_token import bytes_per_token
from understudy.tokenizer.sample import sample_chunks

REPORT_FILE = "report.json"


def run(recipe: Recipe, inputs: Inputs, work_dir: Path, events: Events) -> Metrics:
    """Learn a vocabulary from the corpus's training split and write it with its report; returns the metrics.

    When the text is too small for the vocabulary asked for, the tokenizer is smaller, with a warning: the model follows
    the tokenizer's size, so nothing is wasted.
    """
    empty_folder(work_dir)
    corpus, wanted = inputs["corpus"].path, recipe.tokenizer.train
    texts = sample_chunks(corpus, recipe.seed, wanted.sample_bytes, events)
    learned = learn(texts, wanted.vocabulary)
    write_tokenizer(work_dir, learned.tokens, learned.merges)
    size = len(learned.tokens) + len(SPECIAL_TOKENS)
    if size < wanted.vocabulary:
        events.warning(
            f"the text has only {size:,} different tokens, {wanted.vocabulary:,} were asked for",
            f"add sources, or set tokenizer.train.vocabulary to {size}",
        )
    report = bytes_per_token(corpus, work_dir, learned.tokens) | {"pre_tokenizer": PRE_TOKENIZER}
    write_json(work_dir / REPORT_FILE, report)
    _show(report, events)
    rate = report["overall"][str(size)]
    where = "held-out code" if report["measured_on"] == "valid" else "training code"
    return {
        "summary": f"{size:,} tokens; one stands for {rate:.2f} bytes of {where}",
        "vocabulary": size,
        "bytes_per_token": rate,
    }


def _show(report: dict[str, Any], events: Events) -> None:
    sizes = list(report["overall"])
    rows = [
        [language, *values.values()]
        for language, values in [*report["bytes_per_token"].items(), ("all", report["overall"])]
    ]
    events.table(f"bytes per token ({report['measured_on']} split)", ["language", *sizes], rows)


STAGE = Stage(
    name="tokenizer",
    kind="tokenizer",
    version="1",
    reads=("seed", "tokenizer"),
    needs=("corpus",),
    run=run,
)
