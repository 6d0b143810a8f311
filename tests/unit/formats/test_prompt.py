from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.engine import Prompt
from understudy.core.errors import UsageError
from understudy.formats.fim import FimSplit, fim_tokens
from understudy.formats.prompt import header_tokens, prompt_ids
from understudy.formats.special_tokens import FILE_SEP, FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX, SPECIAL_IDS
from understudy.formats.tokenizer import Tokenizer
from understudy.formats.usage import FimMode, ModelUsage

PRE, SUF, MID = SPECIAL_IDS[FIM_PREFIX], SPECIAL_IDS[FIM_SUFFIX], SPECIAL_IDS[FIM_MIDDLE]
USAGE = ModelUsage(name="m", context=512)


@pytest.fixture(scope="module")
def tokenizer(library_tokenizer: Path) -> Tokenizer:
    return Tokenizer.load(library_tokenizer)


def test_a_prompt_left_to_right_is_its_header_and_its_text(tokenizer: Tokenizer) -> None:
    ids = prompt_ids(tokenizer, Prompt("def f(", path="a/b.py"), 512, 64, USAGE)
    assert ids == [SPECIAL_IDS[FILE_SEP], *tokenizer.encode("a/b.py\n"), *tokenizer.encode("def f(")]


def test_an_empty_prompt_is_the_end_token(tokenizer: Tokenizer) -> None:
    assert prompt_ids(tokenizer, Prompt(""), 512, 64, USAGE) == [0]


@pytest.mark.parametrize("mode", ["psm", "spm"])
@pytest.mark.parametrize("suffix", ["\n    return x\n", ""])
def test_a_prompt_with_a_suffix_is_the_beginning_of_the_training_layout(
    tokenizer: Tokenizer, mode: FimMode, suffix: str
) -> None:
    split = FimSplit("def f(x):\n    x = so", "rted(x)", suffix, mode)
    prompt = Prompt(split.prefix, split.suffix, "a.py")
    ids = prompt_ids(tokenizer, prompt, 512, 64, replace(USAGE, fim_mode=mode))
    trained = header_tokens(tokenizer, "a.py") + fim_tokens(tokenizer, split)
    assert trained[: len(ids)] == ids
    assert tokenizer.decode(trained[len(ids) :]) == "rted(x)"


def test_a_suffix_is_refused_by_a_model_that_cannot_use_it(tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError, match="without fill-in-the-middle"):
        prompt_ids(tokenizer, Prompt("a", "b"), 512, 64, replace(USAGE, fim_mode=None))


def test_a_model_trained_without_headers_gets_none(tokenizer: Tokenizer) -> None:
    ids = prompt_ids(tokenizer, Prompt("a", path="b.py"), 512, 64, replace(USAGE, header=None))
    assert ids == tokenizer.encode("a")


def test_a_long_prefix_loses_its_left_and_starts_with_a_line(tokenizer: Tokenizer) -> None:
    text = "".join(f"value_{n} = {n}\n" for n in range(5000)) + "last = "
    ids = prompt_ids(tokenizer, Prompt(text), 512, 64, USAGE)
    kept = tokenizer.decode(ids)
    assert 512 - 64 - 32 <= len(ids) <= 512 - 64
    assert text.endswith(kept)
    assert kept.startswith("value_")


def test_a_long_suffix_loses_its_right_and_leaves_the_prefix_its_share(tokenizer: Tokenizer) -> None:
    lines = "".join(f"value_{n} = {n}\n" for n in range(5000))
    ids = prompt_ids(tokenizer, Prompt(lines, lines), 512, 64, USAGE)
    prefix, suffix = ids[1 : ids.index(SUF)], ids[ids.index(SUF) + 1 : ids.index(MID)]
    assert lines.endswith(tokenizer.decode(prefix))
    assert lines.startswith(tokenizer.decode(suffix))
    assert tokenizer.decode(suffix).endswith("\n")
    assert 2 < len(prefix) / len(suffix) < 5
    assert len(ids) <= 512 - 64


def test_what_the_prefix_does_not_need_goes_to_the_suffix(tokenizer: Tokenizer) -> None:
    lines = "".join(f"value_{n} = {n}\n" for n in range(5000))
    ids = prompt_ids(tokenizer, Prompt("x = ", lines), 512, 64, USAGE)
    assert len(ids) > 512 - 64 - 40


def test_a_long_path_is_left_out(tokenizer: Tokenizer) -> None:
    for path in ("x/" * 400, "x" * 10**6):
        assert prompt_ids(tokenizer, Prompt("a = ", path=path), 512, 64, USAGE) == tokenizer.encode("a = ")


def test_a_path_stays_on_one_line_with_forward_slashes(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode(header_tokens(tokenizer, "/a\\b\nc.py")[1:]) == "a/b c.py\n"


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(
    prefix=text,
    suffix=st.none() | text,
    path=st.none() | st.text("ab/.", max_size=30),
    context=st.integers(1, 80),
    max_tokens=st.integers(0, 200),
    mode=st.sampled_from(["psm", "spm"]),
)
@settings(max_examples=400, deadline=None)
def test_a_prompt_is_never_empty_and_never_longer_than_its_room(
    tokenizer: Tokenizer,
    prefix: str,
    suffix: str | None,
    path: str | None,
    context: int,
    max_tokens: int,
    mode: FimMode,
) -> None:
    usage = ModelUsage(name="m", context=context, fim_mode=mode)
    ids = prompt_ids(tokenizer, Prompt(prefix, suffix, path), context, max_tokens, usage)
    assert 1 <= len(ids) <= max(context - max_tokens, context // 4, 1)


@given(prefix=text, suffix=st.none() | text)
@settings(max_examples=100, deadline=None)
def test_what_fits_is_not_cut(tokenizer: Tokenizer, prefix: str, suffix: str | None) -> None:
    ids = prompt_ids(tokenizer, Prompt(prefix, suffix), 4096, 64, USAGE)
    kept = tokenizer.decode_bytes([index for index in ids if index >= 7]).decode()
    assert kept == prefix + (suffix or "")


def test_a_prompt_of_ten_megabytes_is_cut_before_it_is_encoded(tokenizer: Tokenizer) -> None:
    assert len(prompt_ids(tokenizer, Prompt("a b\n" * 2_500_000, "c\n" * 5_000_000), 512, 64, USAGE)) <= 448
    assert prompt_ids(tokenizer, Prompt(" " * 10**7), 512, 64, USAGE)
