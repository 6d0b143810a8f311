"""One completion while it is being made: its tokens, its text, and the queue its reader waits on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from understudy.core.engine import Chunk, Completion, FinishReason, Sampling
from understudy.engines.sampling import Chooser
from understudy.engines.text import TextStream


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the engine needs of the tokenizer: bytes of a token, ids that end a completion, how many ids are real."""

    decode_bytes: Callable[[Sequence[int]], bytes]
    ends: frozenset[int]
    size: int


@dataclass(eq=False)
class Generation:
    """A request on its way through the engine. The worker writes, one reader reads `chunks`."""

    id: str
    prompt_tokens: list[int]
    sampling: Sampling
    max_tokens: int
    vocabulary: Vocabulary
    is_reusing: bool
    tokens: list[int] = field(init=False)
    n_cached: int = 0
    logprob: float = 0.0
    is_aborted: bool = False
    is_finished: bool = False
    _n_shown: int = 0

    def __post_init__(self) -> None:
        self.tokens = list(self.prompt_tokens)
        self.chooser = Chooser(self.sampling)
        self._text = TextStream(self.vocabulary.decode_bytes, self.sampling.stop)
        self._queue: SimpleQueue[Chunk | Exception] = SimpleQueue()

    @property
    def n_unread(self) -> int:
        """Tokens that the model has not seen yet: the rest of the prompt, then always the newest one."""
        return len(self.tokens) - self.n_cached

    @property
    def new_tokens(self) -> list[int]:
        """The completion's tokens so far."""
        return self.tokens[len(self.prompt_tokens) :]

    def accept(self, token: int, logprob: float) -> None:
        """Add the chosen token and its log probability; sends its text on, and finishes when it is the last one."""
        self.tokens.append(token)
        self.logprob += logprob
        if token in self.vocabulary.ends:
            self.finish("stop")
            return
        text = self._text.push(token)
        if self._text.is_stopped:
            self.finish("stop", text)
        elif len(self.new_tokens) >= self.max_tokens:
            self.finish("length", text)
        elif text:
            self._send(text, None)

    def finish(self, reason: FinishReason, text: str = "") -> None:
        """Send the last chunk: `text`, and what was held back in case it became a stop string."""
        self.is_finished = True
        self._send(text + self._text.finish(), reason)

    def fail(self, error: Exception) -> None:
        """End it with an error, raised in the reader."""
        self.is_finished = True
        self._queue.put(error)

    def chunks(self) -> Iterator[Chunk]:
        """The chunks as they are made; the last one has a finish reason."""
        reason = None
        while reason is None:
            item = self._queue.get()
            if isinstance(item, Exception):
                raise item
            yield item
            reason = item.finish_reason

    def completion(self) -> Completion:
        """Waits for the end and gives the whole."""
        chunks = list(self.chunks())
        reason = chunks[-1].finish_reason or "abort"
        text = "".join(chunk.text for chunk in chunks)
        return Completion(text, tuple(self.new_tokens), reason, len(self.prompt_tokens), self.logprob)

    def _send(self, text: str, reason: FinishReason | None) -> None:
        ids = tuple(self.tokens[len(self.prompt_tokens) + self._n_shown :])
        self._n_shown += len(ids)
        self._queue.put(Chunk(text, ids, reason, None if reason is None else len(self.prompt_tokens)))
