"""Text that makes a careless pattern try every way to fail: no step takes longer for it than for its length.

Each bait is repeated to the size of a file, in one line and in many that no filter finds too long, and every step sees
it, whatever the steps before thought of it. Parsers have their own bombs (test_steps.py, test_parse_check.py).
"""

from __future__ import annotations

import time
from functools import lru_cache

import pyarrow as pa
import pytest

from understudy.core.recipe import Recipe
from understudy.data.compute.crew import ROW_SECONDS
from understudy.data.documents import Placed, with_columns, working_batch
from understudy.data.listing import Entry
from understudy.data.sources.reading import raw_id
from understudy.data.steps import Step, late_steps_of, make_step, steps_of

BAIT = (
    "a", "aB3", "eyJ", "eyJhbGciOiJ9.", "-----BEGIN RSA PRIVATE KEY-----\n", "-----BEGIN ", "@", "a@", "a@b.", "@a.b",
    "1", "1.", "1.2.3.", ":", "::", ":1", "1:", "/", "\\", "'", '"', "'''", '"""', " ", "\t", "\n", "\r", "=",
    "password=", "password = '", "(", "[", "{", "<", "<a ", "<!--", "/*", "*/", "//", "#", "http://a:b",
    "postgres://u:p@", "AKIA", "ghp_", "-", "_", ".", "%", "\\x41", "\\u0041", "0x41, ", "\u00e9", "\u200b", "\u202e",
    "<<<<<<< ", "<<<<<<< a\n", "=======\n", "def ", "print ", "print '", "`", "{{", "$", "${", "Copyright ",
    "SPDX-License-Identifier: ", "SPDX-License-Identifier: (MIT OR ", "generated ", "DO NOT EDIT ", "coding: ",
    "# -*- coding:", "data:image/png;base64,", "%matplotlib\n", "api_key: ", 'secret:"', "Bearer ", "A" * 39 + " ",
)  # fmt: skip
LANGUAGES = {"python": "a.py", "javascript": "a.js", "html": "a.html", "c": "a.c"}
NEVER_TWICE = 9.0  # four times the text may take so many times as long: a square would be 16 times
LEAST_SECONDS = 0.25  # what is faster is not worth a ratio
EVERYTHING = {
    "python2": "separate",
    "filters": {"visible_text_fraction": 0.1, "min_comment_fraction": 0.0001, "max_characters": 10**9},
}


@lru_cache
def steps() -> list[Step]:
    """All steps that work on decoded text, parsers last."""
    recipe = Recipe.model_validate({"name": "t", "data": EVERYTHING})
    settings = [*steps_of(recipe), *late_steps_of(recipe)]
    return [make_step(setting) for setting in settings if setting.name not in ("read", "decode")]


def bait(text: str, n_bytes: int, in_lines: bool) -> str:
    whole = text * (n_bytes // len(text.encode()))
    return "\n".join(whole[at : at + 80] for at in range(0, len(whole), 80)) if in_lines else whole


def seconds(step: Step, text: str, lang: str) -> float:
    """CPU time of one step on one file that no step has found anything against."""
    raw = text.encode()
    entry = Entry("r", LANGUAGES[lang], lang, len(raw), "0", raw_id(raw), "", "")
    batch = with_columns(working_batch("archive", [Placed(entry, raw)]), {"content": pa.array([text], pa.string())})
    started = time.thread_time()
    (row,) = step(batch).to_pylist()
    assert row["content"] is not None
    return time.thread_time() - started


@pytest.mark.parametrize("in_lines", [False, True], ids=["in one line", "in many lines"])
def test_bait_is_worked_off_in_a_small_part_of_the_time_that_a_file_may_take(in_lines: bool) -> None:
    slow = {}
    for number, text in enumerate(BAIT):
        lang = list(LANGUAGES)[number % 4]
        took = {step.name: seconds(step, bait(text, 60_000, in_lines), lang) for step in steps()[:-1]}
        slow |= {(text, lang, name): spent for name, spent in took.items() if spent > ROW_SECONDS / 3}
    assert not slow


@pytest.mark.torture
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("in_lines", [False, True], ids=["in one line", "in many lines"])
def test_four_times_the_bait_takes_about_four_times_as_long(in_lines: bool, lang: str) -> None:
    wrong = {}
    for text in BAIT:
        for step in steps():
            large = min(seconds(step, bait(text, 400_000, in_lines), lang) for _ in range(2))
            if large > LEAST_SECONDS:
                small = min(seconds(step, bait(text, 100_000, in_lines), lang) for _ in range(3))
                if large > NEVER_TWICE * small:
                    wrong[text, step.name] = (small, large)
    assert not wrong
