"""The HTTP application: routes, and what one completion request goes through.

gate (Host, Origin) ─▶ body within bounds ─▶ checked request ─▶ admission ─▶ engine ─▶ JSON or server-sent events
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from understudy.core.engine import Engine, Request
from understudy.core.recipe import Serve
from understudy.serve import openai
from understudy.serve.admission import Admission
from understudy.serve.errors import ApiError, unavailable
from understudy.serve.gate import Gate, allowed_names, read_body
from understudy.serve.streams import Streams, stopped_on_disconnect

logger = logging.getLogger(__name__)


def create_app(engine: Engine, model_name: str, settings: Serve, decode: openai.Decode | None = None) -> Starlette:
    """The application. `decode` turns prompts that come as token ids into text; without it they are refused."""
    service = Service(engine, model_name, settings, decode)
    app = Starlette(
        routes=[
            Route("/v1/completions", service.completions, methods=["POST"]),
            Route("/v1/models", service.models),
            Route("/v1/models/{name:path}", service.model),
            Route("/health", service.health),
            Route("/ready", service.ready),
        ],
        middleware=[Middleware(Gate, names=allowed_names(settings.host))],
        exception_handlers={ApiError: _api_error, HTTPException: _http_error, Exception: _internal_error},
    )
    app.state.admission = service.admission
    return app


class Service:
    """What the routes do."""

    def __init__(self, engine: Engine, model_name: str, settings: Serve, decode: openai.Decode | None) -> None:
        self._engine = engine
        self._model_name = model_name
        self._settings = settings
        self._decode = decode
        self._started = int(time.time())
        self._context = engine.capabilities().context
        self.admission = Admission(engine.stats().get("n_slots", 1) + settings.queue)

    async def completions(self, http: HttpRequest) -> Response:
        """`POST /v1/completions`."""
        asked = openai.read_request(await read_body(http), self._context)
        self._check_model(asked.model)
        jobs = openai.jobs(asked, min(self._settings.max_tokens, self._context), self._decode)
        if asked.suffix is not None and not self._engine.capabilities().fim:
            raise ApiError(400, "this model was not trained to fill in the middle; leave out suffix", param="suffix")
        heading = openai.Heading(f"cmpl-{uuid4().hex}", int(time.time()), self._model_name)
        requests = [Request(f"{heading.id}-{job.index}", job.prompt, job.sampling) for job in jobs]
        room = self.admission.admit(len(jobs))
        if asked.stream:
            wants_usage = asked.stream_options is not None and asked.stream_options.include_usage
            return EventStream(self._engine, heading, jobs, requests, room, wants_usage)
        with room:
            return await _whole(Streams(self._engine, requests), http.receive, heading, jobs)

    async def models(self, http: HttpRequest) -> Response:
        """`GET /v1/models`."""
        return JSONResponse({"object": "list", "data": [self._card()]})

    async def model(self, http: HttpRequest) -> Response:
        """`GET /v1/models/NAME`."""
        self._check_model(http.path_params["name"])
        return JSONResponse(self._card())

    async def health(self, http: HttpRequest) -> Response:
        """`GET /health`: is the engine alive, and how busy is it?"""
        stats = self._engine.stats()
        is_alive = stats.get("is_alive", True)
        body = {"status": "ok" if is_alive else "engine stopped", "model": self._model_name, "engine": stats}
        return JSONResponse(body, status_code=200 if is_alive else 503)

    async def ready(self, http: HttpRequest) -> Response:
        """`GET /ready`: would a request be taken now?"""
        if self.admission.is_draining:
            raise unavailable("the server is stopping")
        if not self._engine.stats().get("is_alive", True):
            raise unavailable("the engine has stopped")
        return JSONResponse({"status": "ready"})

    def _check_model(self, name: str | None) -> None:
        if name is not None and name != self._model_name:
            message = f"there is no model {name[:200]!r} here; this server has {self._model_name!r}"
            raise ApiError(404, message, param="model", code="model_not_found")

    def _card(self) -> dict[str, Any]:
        return {
            "id": self._model_name,
            "object": "model",
            "created": self._started,
            "owned_by": "understudy",
            "context": self._context,
        }


async def _whole(
    streams: Streams, receive: Receive, heading: openai.Heading, jobs: Sequence[openai.Job]
) -> JSONResponse:
    """The response once every completion has ended."""
    texts = [job.echo for job in jobs]
    reasons: list[str | None] = [None] * len(jobs)
    count = _TokenCount()
    with stopped_on_disconnect(streams, receive):
        async for place, chunk in streams:
            texts[place] += chunk.text
            reasons[place] = chunk.finish_reason
            count.add(chunk.n_prompt_tokens, len(chunk.token_ids))
    if "abort" in reasons:
        raise unavailable("the completion was stopped before its end")
    choices = [openai.choice(j.index, t, r) for j, t, r in zip(jobs, texts, reasons, strict=True)]
    return JSONResponse(heading.body(choices, count.usage()))


class _TokenCount:
    """Adds up the usage of one request."""

    def __init__(self) -> None:
        self._n_prompt = 0
        self._n_completion = 0

    def add(self, n_prompt_tokens: int | None, n_completion_tokens: int) -> None:
        self._n_prompt += n_prompt_tokens or 0
        self._n_completion += n_completion_tokens

    def usage(self) -> dict[str, int]:
        return openai.usage_counts(self._n_prompt, self._n_completion)


class EventStream(Response):
    """Server-sent events. Holds its room in the admission until the last one is sent or the client is gone."""

    def __init__(
        self,
        engine: Engine,
        heading: openai.Heading,
        jobs: Sequence[openai.Job],
        requests: Sequence[Request],
        room: AbstractContextManager[None],
        wants_usage: bool,
    ) -> None:
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(media_type="text/event-stream", headers=headers)
        del self.headers["content-length"]
        self._engine, self._heading, self._jobs, self._requests = engine, heading, jobs, requests
        self._wants_usage = wants_usage
        self._room = ExitStack()
        self._room.enter_context(room)  # entered now: a refusal must still become a status code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._room:
            streams = Streams(self._engine, self._requests)
            with stopped_on_disconnect(streams, receive):
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                async for event in self._events(streams):
                    await send({"type": "http.response.body", "body": event, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _events(self, streams: Streams) -> AsyncIterator[bytes]:
        count = _TokenCount()
        for job in self._jobs:
            if job.echo:
                yield openai.sse(self._heading.body([openai.choice(job.index, job.echo, None)]))
        try:
            async for place, chunk in streams:
                count.add(chunk.n_prompt_tokens, len(chunk.token_ids))
                if chunk.finish_reason == "abort":
                    raise unavailable("the completion was stopped before its end")
                choice = openai.choice(self._jobs[place].index, chunk.text, chunk.finish_reason)
                yield openai.sse(self._heading.body([choice]))
        except ApiError as error:  # the status line is gone already: clients read errors from the stream
            streams.abort()
            yield openai.sse(error.body())
            return
        if self._wants_usage:
            yield openai.sse(self._heading.body([], count.usage()))
        yield openai.SSE_DONE


async def _api_error(http: HttpRequest, error: Exception) -> Response:
    if isinstance(error, ApiError):
        return error.response()
    raise error


async def _http_error(http: HttpRequest, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    messages = {404: "there is nothing at this address", 405: "this address does not answer that method"}
    response = ApiError(error.status_code, messages.get(error.status_code, error.detail)).response()
    response.headers.update(error.headers or {})
    return response


async def _internal_error(http: HttpRequest, error: Exception) -> Response:
    logger.error("a request failed", exc_info=error)
    return ApiError(500, "the server met an internal error; its log says more").response()
