"""The official client against a real server: what it sends is understood, what it gets back it understands."""

from __future__ import annotations

import threading

import openai
import pytest
from tests.unit.serve.conftest import Running, Start

PROMPT = "def f(self):\n"


def test_a_completion_comes_back_whole(server: Running) -> None:
    answer = server.client.completions.create(model="tiny", prompt=PROMPT, max_tokens=8)
    assert answer.object == "text_completion"
    assert answer.model == "tiny"
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].text
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (6, 8, 14)


def test_a_suffix_changes_the_prompt_into_fill_in_the_middle(server: Running) -> None:
    plain = server.client.completions.create(model="tiny", prompt=PROMPT, max_tokens=8)
    middle = server.client.completions.create(model="tiny", prompt=PROMPT, suffix="return", max_tokens=8)
    assert plain.usage is not None
    assert middle.usage is not None
    assert middle.usage.prompt_tokens == plain.usage.prompt_tokens + 3 + 1  # the three marks, and "return"
    assert middle.choices[0].text != plain.choices[0].text


def test_a_path_is_accepted_and_read(server: Running) -> None:
    plain = server.client.completions.create(model="tiny", prompt=PROMPT, max_tokens=4)
    named = server.client.completions.create(model="tiny", prompt=PROMPT, max_tokens=4, extra_body={"path": "a/b.py"})
    assert plain.usage is not None
    assert named.usage is not None
    assert named.usage.prompt_tokens == plain.usage.prompt_tokens + 8  # the mark, six letters, the line's end


def test_a_stream_carries_the_same_text_and_usage_in_pieces(server: Running) -> None:
    whole = server.client.completions.create(model="tiny", prompt=PROMPT, max_tokens=20)
    stream = server.client.completions.create(
        model="tiny", prompt=PROMPT, max_tokens=20, stream=True, stream_options={"include_usage": True}
    )
    pieces = list(stream)
    assert len(pieces) > 5
    assert "".join(choice.text for piece in pieces for choice in piece.choices) == whole.choices[0].text
    assert [choice.finish_reason for choice in pieces[-2].choices] == ["length"]
    assert pieces[-1].usage == whole.usage
    assert {piece.id for piece in pieces} == {pieces[0].id}


def test_stop_strings_end_the_text_before_them(server: Running) -> None:
    whole = server.client.completions.create(model="tiny", prompt=PROMPT, max_tokens=30).choices[0].text
    for stop in (whole[5:7], [whole[5:7], "never in it"]):
        choice = server.client.completions.create(model="tiny", prompt=PROMPT, max_tokens=30, stop=stop).choices[0]
        assert choice.text == whole[: whole.find(whole[5:7])]
        assert choice.finish_reason == "stop"


def test_several_prompts_and_several_choices_come_back_in_order(server: Running) -> None:
    both = server.client.completions.create(
        model="tiny", prompt=["x = 1\n", PROMPT], n=2, max_tokens=6, temperature=0.9, seed=3
    )
    assert [choice.index for choice in both.choices] == [0, 1, 2, 3]
    alone = server.client.completions.create(model="tiny", prompt=PROMPT, n=2, max_tokens=6, temperature=0.9, seed=3)
    assert [c.text for c in both.choices[2:]] == [c.text for c in alone.choices]
    assert alone.choices[0].text != alone.choices[1].text


def test_token_ids_are_read_as_the_text_they_stand_for(server: Running) -> None:
    ids = server.engine._tokenizer.encode(PROMPT)
    by_ids = server.client.completions.create(model="tiny", prompt=ids, max_tokens=6)
    by_text = server.client.completions.create(model="tiny", prompt=PROMPT, max_tokens=6)
    assert by_ids.choices[0].text == by_text.choices[0].text


def test_echo_repeats_the_prompt(server: Running) -> None:
    plain = server.client.completions.create(model="tiny", prompt=PROMPT, max_tokens=6).choices[0].text
    for stream in (False, True):
        answer = server.client.completions.create(model="tiny", prompt=PROMPT, max_tokens=6, echo=True, stream=stream)
        pieces = [answer] if isinstance(answer, openai.types.Completion) else list(answer)
        assert "".join(c.text for p in pieces for c in p.choices) == PROMPT + plain


def test_two_streams_run_at_the_same_time_without_mixing(server: Running) -> None:
    def read(prompt: str) -> str:
        stream = server.client.completions.create(model="tiny", prompt=prompt, max_tokens=80, stream=True)
        return "".join(piece.choices[0].text for piece in stream)

    prompts = [PROMPT, "class A:\n    x = "]
    expected = [read(prompt) for prompt in prompts]
    got: dict[str, str] = {}
    threads = [threading.Thread(target=lambda p=prompt: got.update({p: read(p)})) for prompt in prompts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [got[prompt] for prompt in prompts] == expected


def test_models_are_listed_and_described(server: Running) -> None:
    assert [model.id for model in server.client.models.list()] == ["tiny"]
    assert server.client.models.retrieve("tiny").id == "tiny"


def test_errors_become_the_clients_exceptions(server: Running) -> None:
    create = server.client.completions.create
    with pytest.raises(openai.NotFoundError, match="there is no model 'gpt-4'") as not_found:
        create(model="gpt-4", prompt=PROMPT)
    assert not_found.value.code == "model_not_found"
    assert not_found.value.param == "model"
    with pytest.raises(openai.NotFoundError):
        server.client.models.retrieve("../../etc/passwd")
    with pytest.raises(openai.UnprocessableEntityError, match="temperature"):
        create(model="tiny", prompt=PROMPT, temperature=-1)
    with pytest.raises(openai.BadRequestError, match="logprobs is not supported"):
        create(model="tiny", prompt=PROMPT, logprobs=3)


def test_a_full_queue_is_answered_at_once_with_429_and_retry_after(start: Start) -> None:
    small = start(n_slots=1, queue=1)
    client = small.client
    with small.engine._wake:  # holds the worker still, so that the two stay where they are
        streams = [client.completions.create(model="tiny", prompt=PROMPT, max_tokens=9, stream=True) for _ in range(2)]
        with pytest.raises(openai.RateLimitError) as refused:
            client.completions.create(model="tiny", prompt=PROMPT)
    assert refused.value.response.headers["retry-after"] == "1"
    for stream in streams:
        assert list(stream)[-1].choices[0].finish_reason == "length"
    assert client.completions.create(model="tiny", prompt=PROMPT, max_tokens=1).choices
