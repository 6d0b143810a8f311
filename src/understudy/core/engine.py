"""The one way to generate text. Evaluation, serving, the command line and reinforcement learning all go through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

FinishReason = Literal["stop", "length", "abort"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen. Temperature 0 is greedy; `None` means off."""

    max_tokens: int = 64
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What stands before the cursor, and behind it where known: a suffix asks for fill-in-the-middle."""

    prefix: str
    suffix: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt to complete; `id` is what `abort` takes."""

    id: str
    prompt: Prompt
    sampling: Sampling


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed completion; the last one carries the reason it ended and the prompt's length in tokens."""

    text: str
    token_ids: tuple[int, ...]
    finish_reason: FinishReason | None = None
    n_prompt_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole completion. `logprob` sums its tokens' natural-log probabilities, where the engine knows them."""

    text: str
    token_ids: tuple[int, ...]
    finish_reason: FinishReason
    n_prompt_tokens: int
    logprob: float | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do: `context` and `vocabulary` in tokens."""

    name: str
    context: int
    vocabulary: int
    fim: bool
    logprobs: bool = False


class Engine(Protocol):
    """Generates text. Stop strings never appear in the text; UTF-8 is never cut in half."""

    def submit(self, request: Request) -> Iterator[Chunk]:
        """Chunks of one completion as they are made. Thread-safe."""

    def abort(self, request_id: str) -> None:
        """Stop a request; it costs no compute after the current step."""

    def complete(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Completion]:
        """Completions in the order of the prompts, batched."""

    def stats(self) -> dict[str, Any]:
        """Counts and gauges: running, waiting, tokens so far."""

    def capabilities(self) -> Capabilities:
        """What this engine can do."""

    def close(self) -> None:
        """Free the model and the worker."""
