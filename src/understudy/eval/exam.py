"""One sitting of an exam: who is examined, on which files, what is already answered, and the way to ask for more.

All text is generated through `core.engine.Engine`, in groups of fixed composition. A killed run repeats a group whole
or not at all, because a group of another size may round differently and so choose another token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from understudy.core.artifact import SCRATCH
from understudy.core.engine import Engine, Prompt, Sampling
from understudy.core.errors import Interrupted
from understudy.core.recipe import Eval
from understudy.core.tracking import Events
from understudy.eval.finished import Finished, key_of
from understudy.eval.items import Item
from understudy.eval.random_weights import randomise, write_random_model
from understudy.eval.results import RANDOM_WEIGHTS
from understudy.formats.usage import ModelUsage
from understudy.model.decoder import Decoder
from understudy.model.hugging_face import read_config, read_folder

GROUP = 64  # prompts an engine gets at once; it keeps its slots full but for the last few

OpenEngine = Callable[[Path], Engine]


@dataclass
class Exam:
    """What the suites share. `open_engine` makes an engine from a model folder."""

    settings: Eval
    seed: int
    corpus: Path
    model: Path
    model_id: str
    work_dir: Path
    events: Events
    open_engine: OpenEngine
    finished: Finished
    _engines: dict[str, Engine] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    @property
    def usage(self) -> ModelUsage:
        """How the model wants its prompts laid out."""
        return ModelUsage.read(self.model)

    @property
    def context(self) -> int:
        """Tokens the model may see at once."""
        return min(self.usage.context, read_config(self.model).context)

    def decoder(self, system: str) -> Decoder:
        """The model itself, or the one with random weights, for suites that need probabilities and not text."""
        decoder = read_folder(self.model, torch.float32)
        return randomise(decoder, self.seed) if system == RANDOM_WEIGHTS else decoder

    def engine(self, system: str) -> Engine:
        """The engine of a system, opened when first asked for."""
        if system not in self._engines:
            folder = self.model
            if system == RANDOM_WEIGHTS:
                folder = write_random_model(self.model, self.work_dir / SCRATCH / RANDOM_WEIGHTS, self.seed)
            engine = self.open_engine(folder)
            self._open.callback(engine.close)
            self._engines[system] = engine
        return self._engines[system]

    def close(self) -> None:
        """Close the engines."""
        self._engines.clear()
        self._open.close()

    def key(self, system: str, *parts: object) -> str:
        """The key of an answer: who, and what was asked."""
        return key_of(self.model_id, self.seed, system, *parts)

    def check_stop(self) -> None:
        """Raises Interrupted when the person asked to stop; what is answered so far is kept."""
        if self.events.should_stop:
            raise Interrupted("eval stopped; the answers so far are kept", "run the same command to continue")

    def complete(self, system: str, items: Sequence[Item]) -> list[str]:
        """The system's greedy completion of each item, from the cache where it was answered before."""
        answers: dict[str, str] = {}
        for sampling, group in _groups(items, self.settings.max_tokens):
            self.events.progress(f"completing with {system}", len(answers), len(items), "items")
            self.check_stop()
            answers.update(zip((item.task_id for item in group), self._complete(system, group, sampling), strict=True))
        self.events.progress(f"completing with {system}", len(answers), len(items), "items")
        return [answers[item.task_id] for item in items]

    def _complete(self, system: str, group: Sequence[Item], sampling: Sampling) -> list[str]:
        prompts = [Prompt(item.prefix, item.suffix, item.path) for item in group]
        asked = key_of(asdict(sampling), [asdict(prompt) for prompt in prompts])
        keys = [self.key(system, asked, place) for place in range(len(group))]
        if any(self.finished.get(key) is None for key in keys):
            texts = [completion.text for completion in self.engine(system).complete(prompts, sampling)]
            self.finished.add(dict(zip(keys, texts, strict=True)))
        return [str(self.finished.get(key)) for key in keys]


def _groups(items: Sequence[Item], max_tokens: int) -> Iterator[tuple[Sampling, list[Item]]]:
    """Items asked together: equal sampling, similar length."""
    for stop in (("\n",), ()):
        alike = [item for item in items if (item.task != "lines") == bool(stop)]
        alike.sort(key=lambda item: (len(item.prefix) + len(item.suffix or ""), item.task_id))
        for start in range(0, len(alike), GROUP):
            yield Sampling(max_tokens=max_tokens, stop=stop), alike[start : start + GROUP]
