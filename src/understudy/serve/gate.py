"""What is checked before a request is looked at: the Host and Origin headers, and the size and speed of the body.

A page in the user's browser can send requests to localhost. Checking Host stops DNS rebinding (the attacker's name
resolves to 127.0.0.1), checking Origin stops other sites' scripts. Neither is a login: that is for a proxy in front.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from understudy.serve.errors import ApiError

MAX_BODY_BYTES = 4_000_000  # a context of 32k tokens is about 130 kB of code, and 64 prompts of it still fit
BODY_SECONDS = 10.0  # a body that trickles in slower than this is an attack or a dead line
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
ANY_ADDRESS = frozenset({"0.0.0.0", "::", ""})


def allowed_names(host: str) -> frozenset[str] | None:
    """Host names that requests may carry; `None`, any, once the person has bound the server to all addresses."""
    return None if host in ANY_ADDRESS else LOCAL_NAMES | {host.lower()}


class Gate:
    """ASGI middleware: refuses requests that were not meant for this server."""

    def __init__(self, app: ASGIApp, names: Collection[str] | None) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal.response()(scope, receive, send)

    def _refusal(self, headers: Headers) -> ApiError | None:
        if self._names is None:
            return None
        if _name(f"//{headers.get('host', '')}") not in self._names:
            return ApiError(403, "the Host header names another machine; use localhost", code="host_not_allowed")
        origin = headers.get("origin")
        if origin is not None and _name(origin) not in self._names:
            return ApiError(403, "requests from other sites are not allowed", code="origin_not_allowed")
        return None


def _name(url: str) -> str | None:
    try:
        name = urlsplit(url).hostname
    except ValueError:  # "[::1" and the like
        return None
    return None if name is None else name.rstrip(".")


async def read_body(request: Request) -> bytes:
    """The whole body; `ApiError` 413 as soon as it is too large, 408 when it is too slow, 400 when it breaks off."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > MAX_BODY_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(request)
    except TimeoutError:
        raise ApiError(408, f"the body did not arrive within {BODY_SECONDS:.0f} seconds") from None
    except ClientDisconnect:
        raise ApiError(400, "the body broke off") from None


async def _read(request: Request) -> bytes:
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > MAX_BODY_BYTES:
            raise _too_large()
    return bytes(parts)


def _too_large() -> ApiError:
    return ApiError(413, f"the body is larger than {MAX_BODY_BYTES} bytes", code="body_too_large")
