"""Carries chunks from the engine's blocking iterators into the event loop, and stops the work when nobody listens.

    engine.submit ─(one thread per completion)─▶ queue ─▶ async for index, chunk in streams
    client gone / task cancelled ─▶ engine.abort ─▶ a last chunk with the reason "abort"

Threads are few: admission bounds the completions in flight.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from understudy.core.engine import Chunk, Engine, Request
from understudy.core.errors import InputDataError, UnderstudyError
from understudy.serve.errors import ApiError, unavailable

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Streams:
    """The completions of one HTTP request, merged; iterate for `(position, chunk)` until all have ended."""

    def __init__(self, engine: Engine, requests: Sequence[Request]) -> None:
        self._engine = engine
        self._is_aborted = False
        self._requests = list(requests)
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[tuple[int, Chunk | Exception | None]] = asyncio.Queue()
        for position, request in enumerate(self._requests):
            threading.Thread(target=self._pump, args=(position, request), daemon=True).start()

    def abort(self) -> None:
        """Stops all of them; each costs no compute after the engine's current step."""
        self._is_aborted = True
        for request in self._requests:
            self._engine.abort(request.id)

    async def __aiter__(self) -> AsyncIterator[tuple[int, Chunk]]:
        n_open = len(self._requests)
        while n_open:
            position, item = await self._queue.get()
            if item is None:
                n_open -= 1
            elif isinstance(item, InputDataError):
                raise ApiError(400, item.message) from item
            elif isinstance(item, UnderstudyError):
                raise unavailable(item.message) from item
            elif isinstance(item, Exception):
                raise item
            else:
                yield position, item

    def _pump(self, position: int, request: Request) -> None:
        try:
            chunks = self._engine.submit(request)
            if self._is_aborted:  # before the engine knew the id
                self._engine.abort(request.id)
            for chunk in chunks:
                self._post(position, chunk)
        except Exception as error:
            self._post(position, error)
        self._post(position, None)

    def _post(self, position: int, item: Chunk | Exception | None) -> None:
        # The loop is closed when the server was told to stop without waiting; then nobody is left to tell.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, (position, item))


@contextmanager
def stopped_on_disconnect(streams: Streams, receive: Receive) -> Iterator[None]:
    """While open, a client that goes away stops the streams; so does leaving early, by error or cancellation."""
    watcher = asyncio.create_task(_abort_on_disconnect(streams, receive))
    try:
        yield
    except BaseException:
        streams.abort()
        raise
    finally:
        watcher.cancel()


async def _abort_on_disconnect(streams: Streams, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    streams.abort()
