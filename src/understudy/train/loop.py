"""The loop. One step: read rows, forward and backward, clip, move the weights, write it down.

    batch = f(seed, step) ─▶ loss ─▶ gradient ─▶ optimizer ─▶ log        every so often: validate, checkpoint

All that changes over the run is in the weights, the optimizer and `Progress`; a checkpoint is those three, and nothing
else is needed to go on bit for bit as if nothing had happened.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from understudy.core.errors import InputDataError, Interrupted, UnderstudyError
from understudy.core.tracking import Events
from understudy.core.units import duration_text
from understudy.model.checkpoint import Checkpoint
from understudy.model.config import training_flops_per_token
from understudy.model.training_path import TrainingPath, peak_bytes
from understudy.train import pace
from understudy.train.batches import Batches
from understudy.train.objectives import next_token_step
from understudy.train.optim import Optimizer
from understudy.train.record import Outcome, TrainingLog
from understudy.train.schedule import factor
from understudy.train.settings import Settings, differences
from understudy.train.validation import Validation
from understudy.train.weights import MasterWeights

MOST_SKIPPED_IN_A_ROW = 8
LINES_IN_LOG = 1000

Save = Callable[[int, dict[str, torch.Tensor], dict[str, Any]], object]


@dataclass
class Progress:
    """How far the run has come: the part of its state that is not tensors. `seconds` counts work, not pauses."""

    step: int = 0
    total_steps: int = 0
    seconds: float = 0.0
    n_resumed: int = 0
    n_skipped_steps: int = 0
    n_skipped_in_a_row: int = 0
    peak_memory_bytes: int = 0
    loss: float | None = None
    valid_bits_per_byte: float | None = None
    validated_step: int = 0
    next_look_at_pace: int = 0
    shortened: dict[str, Any] | None = None


@dataclass
class Training:
    """One run, from wherever it stands to its end."""

    settings: Settings
    path: TrainingPath
    batches: Batches
    weights: MasterWeights
    optimizer: Optimizer
    validation: Validation
    log: TrainingLog
    events: Events
    save: Save
    budget_seconds: float | None
    ceiling_flops_per_second: float | None
    started: float
    progress: Progress
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=32))
    _saved_at: float = field(default_factory=time.monotonic)

    def run(self) -> Outcome:
        """Train to the end. Raises Interrupted, with everything saved, when asked to stop."""
        while self.progress.step < self.progress.total_steps:
            begun = time.monotonic()
            rate, norm = self._take_step()
            self._count(time.monotonic() - begun)
            self._report(rate, norm)
            if self._is_due(self.settings.validate_every):
                self._validate()
            self._keep_pace()
            self._keep_safe()
        if self.progress.validated_step != self.progress.step:
            self._validate()
        self.checkpoint()
        return self._outcome()

    def _take_step(self) -> tuple[float, float]:
        """One step of the optimizer; the factor of the learning rate and the norm of the gradient."""
        step = self.progress.step
        rate = factor(self.settings.phase.schedule, step, self.progress.total_steps)
        self.weights.zero_gradients()
        loss = next_token_step(self.path, self.batches.step(step))
        norm = self.weights.gradient_norm()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            self._skip(loss, norm)
            return rate, norm
        clip = self.settings.phase.clip
        if clip is not None and norm > clip:
            self.weights.scale_gradients(clip / norm)
        self.optimizer.step(rate)
        self.progress.loss, self.progress.n_skipped_in_a_row = loss, 0
        return rate, norm

    def _skip(self, loss: float, norm: float) -> None:
        """The rule for a loss or gradient that is not a number: leave the weights as they are; give up after eight."""
        progress = self.progress
        progress.n_skipped_steps += 1
        progress.n_skipped_in_a_row += 1
        self.events.warning(f"step {progress.step + 1}: loss {loss}, gradient norm {norm}; the step is skipped")
        if progress.n_skipped_in_a_row >= MOST_SKIPPED_IN_A_ROW:
            raise UnderstudyError(
                f"training has diverged: {MOST_SKIPPED_IN_A_ROW} steps in a row without a finite loss",
                f"lower train.0.learning_rate (it is {self.settings.learning_rate:g}), or use precision: fp32",
            )

    def _count(self, seconds: float) -> None:
        self.progress.step += 1
        self._recent.append(seconds)
        self._clock()

    def _clock(self) -> None:
        now = time.monotonic()
        self.progress.seconds += now - self.started
        self.started = now

    @property
    def _tokens_per_second(self) -> float:
        """Over the last steps, validation and checkpoints not counted."""
        settled = list(self._recent)[1:] or list(self._recent)  # the first one compiles
        return self.settings.batch_tokens * len(settled) / max(sum(settled), 1e-9)

    @property
    def _share_of_ceiling(self) -> float | None:
        if self.ceiling_flops_per_second is None:
            return None
        return self._tokens_per_second * training_flops_per_token(self.settings.config) / self.ceiling_flops_per_second

    def _report(self, rate: float, norm: float) -> None:
        progress, settings = self.progress, self.settings
        tokens, total = progress.step * settings.batch_tokens, progress.total_steps * settings.batch_tokens
        facts: dict[str, Any] = {"loss": progress.loss, "tokens_per_second": self._tokens_per_second}
        if self._share_of_ceiling is not None:
            facts["share_of_ceiling"] = self._share_of_ceiling
        self.events.progress("training", tokens, total, "tokens", **facts)
        if not self._is_due(max(1, progress.total_steps // LINES_IN_LOG)):
            return
        finite = norm if math.isfinite(norm) else None
        line = {**facts, "learning_rate": rate * settings.learning_rate, "gradient_norm": finite}
        rounded = {key: None if value is None else float(f"{value:.6g}") for key, value in line.items()}
        self.log.append(step=progress.step, tokens=tokens, seconds=round(progress.seconds, 3), **rounded)
        self.events.metrics(progress.step, **{key: value for key, value in rounded.items() if value is not None})

    def _is_due(self, every: int) -> bool:
        return self.progress.step % every == 0

    def _validate(self) -> None:
        """Bits per byte of the held-out rows, always the same ones."""
        found = self.validation.bits_per_byte(self.path)
        self.progress.validated_step = self.progress.step
        self._clock()
        if found is None:
            return
        self.progress.valid_bits_per_byte = found
        step, tokens = self.progress.step, self.progress.step * self.settings.batch_tokens
        self.log.append(step=step, tokens=tokens, valid_bits_per_byte=round(found, 5))
        self.events.metrics(step, valid_bits_per_byte=found)

    def _keep_pace(self) -> None:
        progress, budget = self.progress, self.budget_seconds
        interval = pace.look_every(progress.total_steps)
        if budget is None or progress.step < max(interval, progress.next_look_at_pace):
            return
        progress.next_look_at_pace = progress.step + interval
        step, total, recent = progress.step, progress.total_steps, list(self._recent)[1:]
        planned = progress.shortened["from_steps"] if progress.shortened else total
        shorter = pace.shortened_total(step, total, recent, progress.seconds, budget)
        longer = pace.lengthened_total(step, total, planned, recent, progress.seconds, budget)
        if shorter is not None:
            self._change_end(planned, shorter)
            self.events.warning(
                f"this machine is slower than the plan measured ({self._tokens_per_second:,.0f} tokens/s); to keep the "
                f"budget of {duration_text(budget)} the run is shortened from {total:,} to {shorter:,} steps",
                "close other programs, or set train.0.tokens to train on a fixed number of tokens",
            )
        elif longer is not None and self._has_not_decayed(longer):
            self._change_end(planned, longer)
            self.events.note(f"the machine is faster again: {longer:,} steps instead of {total:,}")

    def _change_end(self, planned: int, total: int) -> None:
        self.progress.total_steps = total
        self.progress.shortened = {"at_step": self.progress.step, "from_steps": planned, "to_steps": total,
                                   "tokens_per_second": round(self._tokens_per_second, 1)}  # fmt: skip

    def _has_not_decayed(self, longer: int) -> bool:
        """Whether a later end leaves the learning rate as it is: a rate that has begun to fall must not rise again."""
        schedule, step, total = self.settings.phase.schedule, self.progress.step, self.progress.total_steps
        return factor(schedule, step, longer) == factor(schedule, step, total)

    def _keep_safe(self) -> None:
        """Checkpoint when it is time to, and when asked to stop."""
        if self.events.should_stop:
            self.checkpoint()
            raise Interrupted(
                f"training stopped at step {self.progress.step:,} of {self.progress.total_steps:,}; all is saved",
                "run the same command to continue",
            )
        if time.monotonic() - self._saved_at >= self.settings.phase.checkpoint_every_seconds:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Save all that the rest of the run depends on."""
        self.progress.peak_memory_bytes = max(self.progress.peak_memory_bytes, peak_bytes(self.path.device))
        self._clock()
        tensors = {**self.weights.state(), **self.optimizer.state(), "random.torch": torch.get_rng_state()}
        state = {"settings": self.settings.fingerprint(), "progress": asdict(self.progress)}
        self.save(self.progress.step, tensors, state)
        self._saved_at = time.monotonic()

    def resume(self, checkpoint: Checkpoint) -> None:
        """Take up a checkpoint. Raises InputDataError, naming the difference, when it is of another run."""
        wrong = differences(checkpoint.state["settings"], self.settings.fingerprint())
        if wrong:
            raise InputDataError(
                f"the checkpoint of step {checkpoint.step} is of another run: {'; '.join(wrong[:3])}",
                "delete the run's folder under .understudy/work to start over",
            )
        self.progress = Progress(**checkpoint.state["progress"])
        self.progress.n_resumed += 1
        self.weights.load(checkpoint.tensors)
        self.optimizer.load(checkpoint.tensors)
        torch.set_rng_state(checkpoint.tensors["random.torch"])

    def _outcome(self) -> Outcome:
        progress = self.progress
        return Outcome(
            steps=progress.step,
            tokens=progress.step * self.settings.batch_tokens,
            seconds=round(progress.seconds, 3),
            peak_memory_bytes=progress.peak_memory_bytes,
            tokens_per_second=round(self._tokens_per_second, 1),
            share_of_ceiling=None if self._share_of_ceiling is None else round(self._share_of_ceiling, 4),
            loss=progress.loss,
            valid_bits_per_byte=progress.valid_bits_per_byte,
            n_resumed=progress.n_resumed,
            n_skipped_steps=progress.n_skipped_steps,
            shortened=progress.shortened,
        )
