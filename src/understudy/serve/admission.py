"""Who may enter: a bound on the work in flight. What does not fit is refused at once instead of waiting in line.

An unbounded queue turns overload into timeouts for everybody; a short one keeps the latency of what was admitted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from understudy.serve.errors import ApiError, overloaded, unavailable


class Admission:
    """Counts completions in flight, running or waiting. Used from the event loop's thread only, hence no lock."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.n_in_flight = 0
        self.n_admitted = 0
        self.n_refused = 0
        self.is_draining = False

    @contextmanager
    def admit(self, n_completions: int) -> Iterator[None]:
        """Holds room for `n_completions`; 429 when there is none now, 422 when there never will be."""
        self._check(n_completions)
        self.n_in_flight += n_completions
        self.n_admitted += n_completions
        try:
            yield
        finally:
            self.n_in_flight -= n_completions

    def _check(self, n_completions: int) -> None:
        if self.is_draining:
            raise unavailable("the server is stopping")
        if n_completions > self.limit:
            message = f"one request may ask for at most {self.limit} completions (prompts x n), not {n_completions}"
            raise ApiError(422, message, param="prompt")
        if self.n_in_flight + n_completions > self.limit:
            self.n_refused += n_completions
            raise overloaded()
