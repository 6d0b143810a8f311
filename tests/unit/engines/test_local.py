from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from understudy.core.engine import Chunk, Prompt, Request, Sampling
from understudy.core.errors import InputDataError, ResourceError
from understudy.engines import open_engine
from understudy.engines.local import LocalEngine, Precision
from understudy.formats.prompt import prompt_ids
from understudy.formats.tokenizer import Tokenizer
from understudy.formats.usage import ModelUsage
from understudy.model.hugging_face import read_folder

PROMPTS = [Prompt("def f(self):\n"), Prompt("x = 1\n" * 30), Prompt(""), Prompt("if x:", suffix="\nelse: pass")]


@pytest.fixture
def engine(tiny_model: Path) -> Iterator[LocalEngine]:
    with open_engine(tiny_model, n_slots=3, precision="fp32", threads=1) as engine:
        yield engine


def read(engine: LocalEngine, name: str, prompt: Prompt, sampling: Sampling) -> tuple[str, Chunk]:
    chunks = list(engine.submit(Request(name, prompt, sampling)))
    return "".join(chunk.text for chunk in chunks), chunks[-1]


def wait_until_idle(engine: LocalEngine) -> None:
    deadline = time.monotonic() + 10
    while engine.stats()["n_running"] or engine.stats()["n_waiting"]:
        assert time.monotonic() < deadline, engine.stats()
        time.sleep(0.001)


def test_greedy_tokens_are_those_of_the_plain_decoder(engine: LocalEngine, tiny_model: Path) -> None:
    decoder, tokenizer = read_folder(tiny_model), Tokenizer.load(tiny_model)
    for prompt, completion in zip(PROMPTS, engine.complete(PROMPTS, Sampling(max_tokens=12)), strict=True):
        ids = prompt_ids(tokenizer, prompt, 256, 12, ModelUsage.read(tiny_model))
        assert completion.n_prompt_tokens == len(ids)
        logprob = 0.0
        with torch.no_grad():
            for token in completion.token_ids:
                scores = decoder(torch.tensor([ids]))[0, -1].log_softmax(-1)
                assert int(scores.argmax()) == token
                logprob += float(scores[token])
                ids.append(token)
        assert completion.logprob == pytest.approx(logprob, rel=1e-4)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "auto"])
def test_every_precision_makes_a_batch_of_completions(tiny_model: Path, precision: Precision) -> None:
    with open_engine(tiny_model, n_slots=3, precision=precision, threads=1) as engine:
        completions = engine.complete(PROMPTS, Sampling(max_tokens=12))
        assert engine.complete(PROMPTS, Sampling(max_tokens=12)) == completions
    assert all(completion.token_ids for completion in completions)


def test_more_prompts_than_slots_all_come_back_in_order_and_the_same_twice(engine: LocalEngine) -> None:
    prompts = [Prompt(f"def f{i}(self):\n" * (i % 5)) for i in range(11)]
    sampling = Sampling(max_tokens=9, temperature=0.8, seed=3)
    first = engine.complete(prompts, sampling)
    assert engine.complete(prompts, sampling) == first
    assert [completion.n_prompt_tokens for completion in first] == [max(1, 7 * (i % 5)) for i in range(11)]


def test_a_request_gives_the_same_alone_and_in_company(engine: LocalEngine) -> None:
    sampling = Sampling(max_tokens=20, temperature=0.7, seed=1)
    alone = [read(engine, f"a{i}", prompt, sampling)[0] for i, prompt in enumerate(PROMPTS)]
    together: dict[int, str] = {}

    def run(i: int) -> None:
        together[i] = read(engine, f"t{i}", PROMPTS[i], sampling)[0]

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(PROMPTS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[i] for i in range(len(PROMPTS))] == alone


def test_a_stop_string_ends_the_text_before_it(engine: LocalEngine) -> None:
    whole, last = read(engine, "a", PROMPTS[0], Sampling(max_tokens=30))
    assert last.finish_reason == "length"
    stop = whole[10:12]
    text, last = read(engine, "b", PROMPTS[0], Sampling(max_tokens=30, stop=(stop,)))
    assert last.finish_reason == "stop"
    assert text == whole[: whole.find(stop)]


def test_a_prompt_longer_than_the_context_is_cut_and_the_completion_bounded(engine: LocalEngine) -> None:
    [completion] = engine.complete([Prompt("y = 2\n" * 10_000, suffix="z" * 10_000)], Sampling(max_tokens=10_000))
    assert completion.n_prompt_tokens + len(completion.token_ids) <= 256
    assert completion.finish_reason == "length"


def test_a_longer_version_of_the_last_prompt_reuses_what_was_read(engine: LocalEngine) -> None:
    sampling = Sampling(max_tokens=5)
    start = "import os\n" * 5
    read(engine, "a", Prompt(start), sampling)
    reused, _ = read(engine, "b", Prompt(start + "class A"), sampling)
    assert engine.stats()["n_reused_tokens"] >= 40
    [fresh] = engine.complete([Prompt(start + "class A")], sampling)
    assert reused == fresh.text


def test_an_aborted_request_frees_its_slot_and_leaves_the_others_alone(engine: LocalEngine) -> None:
    expected, _ = read(engine, "a", PROMPTS[0], Sampling(max_tokens=60))
    doomed = engine.submit(Request("doomed", PROMPTS[1], Sampling(max_tokens=200)))
    survivor = engine.submit(Request("survivor", PROMPTS[0], Sampling(max_tokens=60)))
    next(doomed)
    engine.abort("doomed")
    assert list(doomed)[-1].finish_reason == "abort"
    assert "".join(chunk.text for chunk in survivor) == expected
    wait_until_idle(engine)
    assert engine.stats()["n_aborted"] == 1


def test_dropping_the_iterator_stops_the_work(engine: LocalEngine) -> None:
    chunks = engine.submit(Request("a", PROMPTS[0], Sampling(max_tokens=200)))
    next(chunks)
    del chunks
    wait_until_idle(engine)
    assert engine.stats()["n_completion_tokens"] < 200


def test_a_waiting_request_can_be_aborted(engine: LocalEngine) -> None:
    running = [engine.submit(Request(str(i), PROMPTS[0], Sampling(max_tokens=200))) for i in range(3)]
    waiting = engine.submit(Request("waiting", PROMPTS[0], Sampling(max_tokens=200)))
    engine.abort("waiting")
    assert [chunk.finish_reason for chunk in waiting] == ["abort"]
    assert [list(chunks)[-1].finish_reason for chunks in running] == ["length"] * 3


def test_closing_ends_what_runs_and_refuses_what_comes(tiny_model: Path) -> None:
    engine = open_engine(tiny_model, n_slots=1)
    chunks = engine.submit(Request("a", PROMPTS[0], Sampling(max_tokens=200)))
    next(chunks)
    engine.close()
    assert list(chunks)[-1].finish_reason == "abort"
    with pytest.raises(ResourceError, match="closed"):
        engine.submit(Request("b", PROMPTS[0], Sampling()))


def test_a_failing_model_tells_everybody_instead_of_hanging(engine: LocalEngine) -> None:
    with torch.no_grad():
        engine._decoder.layers[0].mlp.down = torch.nn.Linear(1, 1)  # breaks inside the next step
    with pytest.raises(ResourceError, match="engine has stopped"):
        engine.complete(PROMPTS, Sampling())
    with pytest.raises(ResourceError, match="engine has stopped"):
        engine.submit(Request("b", PROMPTS[0], Sampling()))
    assert not engine.stats()["is_alive"]


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputDataError):
        open_engine(tmp_path)
