"""The wire format of OpenAI's `/v1/completions`: what is accepted, how it is checked, what is answered.

Checked strictly: a key we do not know is an error that names the nearest one, and a feature we do not have is refused
instead of ignored. Two fields are ours: `top_k` and `path` (the file's path, which the model saw in training).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import ErrorDetails

from understudy.core.engine import Prompt, Sampling
from understudy.core.errors import InputDataError
from understudy.serve.errors import ApiError

MAX_STOPS = 16  # OpenAI allows 4; editors send up to 10
MAX_STOP_CHARACTERS = 256
MAX_CHOICES = 8
MAX_PROMPTS = 64

Decode = Callable[[Sequence[int]], str]  # raises InputDataError for an id outside the vocabulary
TokenId = Annotated[int, Field(ge=0)]
StopText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_STOP_CHARACTERS)]
# A line break or control character in a path would forge the header line that the model reads.
PathText = Annotated[str, StringConstraints(max_length=1024, pattern=r"^[^\x00-\x1f\x7f]*$")]


class StreamOptions(BaseModel):
    """What a stream carries beside the text."""

    model_config = ConfigDict(extra="forbid", strict=True)
    include_usage: bool = False


class CompletionRequest(BaseModel):
    """The body of `POST /v1/completions`."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    prompt: str | list[str] | list[TokenId] | list[list[TokenId]]
    model: str | None = None
    suffix: str | None = None
    path: PathText | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: StopText | Annotated[list[StopText], Field(max_length=MAX_STOPS)] | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    best_of: int | None = None
    echo: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: Annotated[str, StringConstraints(max_length=512)] | None = None
    logprobs: int | bool | None = None
    logit_bias: dict[str, float] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None


def read_request(body: bytes, context: int) -> CompletionRequest:
    """The checked request; raises `ApiError` 400 for what is no JSON, 422 for a value out of bounds, naming it."""
    try:
        request = CompletionRequest.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False, include_context=False)[0]) from None
    _refuse_what_is_missing_here(request)
    if request.max_tokens is not None and request.max_tokens > context:
        message = f"max_tokens is more than the model's context of {context} tokens"
        raise ApiError(422, message, param="max_tokens")
    return request


def _refusal(error: ErrorDetails) -> ApiError:
    if error["type"] == "json_invalid" or error["type"] == "string_unicode":
        return ApiError(400, f"the body is not valid JSON: {error['msg']}")
    if not error["loc"]:
        return ApiError(400, "the body must be a JSON object")
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, CompletionRequest.model_fields, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return ApiError(422, f"unknown parameter {name[:100]!r}{hint}", param=name[:100], code="unknown_parameter")
    if name == "prompt" and error["type"] != "missing":
        kinds = "a string, a list of strings, a list of token ids, or a list of such lists"
        return ApiError(422, f"prompt must be {kinds}", param=name)
    return ApiError(422, f"{name}: {error['msg']}", param=name)


def _refuse_what_is_missing_here(request: CompletionRequest) -> None:
    unsupported = {
        "logprobs": request.logprobs is not None and request.logprobs is not False,
        "logit_bias": bool(request.logit_bias),
        "presence_penalty": bool(request.presence_penalty),
        "frequency_penalty": bool(request.frequency_penalty),
        "best_of": request.best_of is not None and request.best_of != (request.n or 1),
    }
    for name, is_asked in unsupported.items():
        if is_asked:
            raise ApiError(400, f"{name} is not supported by this server", param=name, code="unsupported_parameter")
    if request.suffix is not None and request.echo:
        raise ApiError(400, "echo cannot be combined with suffix", param="echo")


@dataclass(frozen=True, slots=True)
class Job:
    """One completion to make: its place in the response, the prompt, how to sample, what to repeat before it."""

    index: int
    prompt: Prompt
    sampling: Sampling
    echo: str


def jobs(request: CompletionRequest, max_tokens: int, decode: Decode | None) -> list[Job]:
    """Every completion that `request` asks for, n per prompt, in the order of the response's choices."""
    n = request.n or 1
    texts = _prompt_texts(request.prompt, decode)
    return [
        Job(
            index=row * n + copy,
            prompt=Prompt(text, request.suffix, request.path),
            sampling=_sampling(request, max_tokens, copy),
            echo=text if request.echo else "",
        )
        for row, text in enumerate(texts)
        for copy in range(n)
    ]


def _prompt_texts(prompt: str | list[str] | list[int] | list[list[int]], decode: Decode | None) -> list[str]:
    if isinstance(prompt, str):
        return [prompt]
    if len(prompt) == 0:
        raise ApiError(422, "prompt is an empty list", param="prompt")
    rows: Sequence[Any] = [prompt] if isinstance(prompt[0], int) else prompt
    if len(rows) > MAX_PROMPTS:
        raise ApiError(422, f"prompt holds {len(rows)} prompts; at most {MAX_PROMPTS} are allowed", param="prompt")
    return [row if isinstance(row, str) else _decoded(row, decode) for row in rows]


def _decoded(ids: Sequence[int], decode: Decode | None) -> str:
    """Token ids are read as the text they stand for, so that the prompt is laid out by the one rule there is."""
    if decode is None:
        raise ApiError(400, "this engine takes prompts as text, not as token ids", param="prompt")
    try:
        return decode(ids)
    except InputDataError:
        raise ApiError(422, "prompt holds a token id outside the model's vocabulary", param="prompt") from None


def _sampling(request: CompletionRequest, max_tokens: int, copy: int) -> Sampling:
    stop = () if request.stop is None else (request.stop,) if isinstance(request.stop, str) else tuple(request.stop)
    return Sampling(
        max_tokens=max_tokens if request.max_tokens is None else request.max_tokens,
        # Greedy unless asked otherwise (OpenAI's default is 1): the most likely line is what an editor wants.
        temperature=request.temperature or 0.0,
        top_p=1.0 if request.top_p is None else request.top_p,
        top_k=request.top_k,
        seed=None if request.seed is None else request.seed + copy,
        stop=stop,
    )


@dataclass(frozen=True, slots=True)
class Heading:
    """What all parts of one response share."""

    id: str
    created: int
    model: str

    def body(self, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> dict[str, Any]:
        """One `text_completion` object."""
        value: dict[str, Any] = {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
        }
        value["choices"] = choices
        if usage is not None:
            value["usage"] = usage
        return value


def choice(index: int, text: str, finish_reason: str | None) -> dict[str, Any]:
    """One entry of `choices`."""
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish_reason}


def usage_counts(n_prompt_tokens: int, n_completion_tokens: int) -> dict[str, int]:
    """The `usage` object."""
    total = n_prompt_tokens + n_completion_tokens
    return {"prompt_tokens": n_prompt_tokens, "completion_tokens": n_completion_tokens, "total_tokens": total}


def sse(value: object) -> bytes:
    """One server-sent event. ASCII JSON, so that no line separator inside a text can end the event early."""
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


SSE_DONE = b"data: [DONE]\n\n"
