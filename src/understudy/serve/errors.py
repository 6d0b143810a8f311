"""Errors in the form OpenAI's clients understand, so that each becomes the exception a program already catches."""

from __future__ import annotations

from starlette.responses import JSONResponse

INVALID = "invalid_request_error"
_TYPES = {404: "not_found_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}


class ApiError(Exception):
    """A request that is refused: HTTP status, what is wrong, and with which parameter."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after

    def body(self) -> dict[str, object]:
        """The error object, as it stands in a response or in a stream."""
        kind = _TYPES.get(self.status, INVALID)
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> JSONResponse:
        """The HTTP response."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return JSONResponse(self.body(), status_code=self.status, headers=headers)


def overloaded(retry_after: int = 1) -> ApiError:
    """429: the queue is full; said at once, never after waiting in it."""
    message = "the server is at its limit of requests; try again in a moment"
    return ApiError(429, message, code="overloaded", retry_after=retry_after)


def unavailable(message: str) -> ApiError:
    """503: the server is stopping, or its engine has stopped."""
    return ApiError(503, message, code="unavailable", retry_after=5)
