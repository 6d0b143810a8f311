"""The numbers a training run goes by, gathered from the plan's choice, the recipe and the shards, and checked.

No torch here: a refusal should come in the first second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from understudy.core.errors import InputDataError
from understudy.core.paths import read_json
from understudy.core.recipe import Phase, Recipe
from understudy.core.tracking import Events
from understudy.formats.shards import TokenShards
from understudy.model.config import DecoderConfig, dial

TABLE_MULTIPLE = 64  # the token table is rounded up to this, which matrix products like
SHORTEST_COMPILED_SECONDS = 60.0  # compiling takes 10 to 20 s on two cores and is worth about 1.3x
N_VALIDATIONS = 10
VALIDATION_SHARE = 0.02  # of the run's compute; a forward pass is a third of a step


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides the weights that come out. A checkpoint of other settings is refused."""

    config: DecoderConfig
    seed: int
    batch_rows: int
    micro_batch: int
    total_steps: int
    learning_rate: float
    precision: Literal["bf16", "fp32"]
    phase: Phase
    data: str
    """Which shards: their rows, tokens and tokenizer."""

    @property
    def batch_tokens(self) -> int:
        return self.batch_rows * self.config.context

    @property
    def validate_every(self) -> int:
        asked = self.phase.validate_every
        return max(1, self.total_steps // N_VALIDATIONS) if asked == "auto" else asked

    @property
    def validation_rows(self) -> int:
        """Held-out rows to look at each time: enough to see the course, few enough to cost `VALIDATION_SHARE`."""
        n_times = max(1, self.total_steps // self.validate_every)
        affordable = VALIDATION_SHARE * 3 * self.total_steps * self.batch_rows / n_times
        return max(4, min(256, int(affordable)))

    def fingerprint(self) -> dict[str, Any]:
        """The same as plain values, for comparison with a checkpoint's."""
        phase = self.phase.model_dump(mode="json", exclude={"checkpoint_every_seconds", "validate_every", "compile"})
        return {**asdict(self), "phase": phase}


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What the plan expected, to be set beside what happened. None where it did not say."""

    seconds: float | None
    peak_memory_bytes: int | None
    tokens_per_second: float | None
    ceiling_flops_per_second: float | None

    @classmethod
    def of(cls, plan: Mapping[str, Any]) -> PlanFacts:
        predicted, machine, choice = plan.get("predicted", {}), plan.get("machine", {}), plan["choice"]
        ceilings = machine.get("ceiling_flops_per_second") or {}
        name = "bfloat16" if choice["precision"] == "bf16" else "float32"
        return cls(
            predicted.get("seconds"),
            predicted.get("peak_memory_bytes"),
            machine.get("tokens_per_second"),
            ceilings.get(name),
        )


def read_plan(folder: Path) -> dict[str, Any]:
    """plan.json. Raises InputDataError when it is missing or damaged."""
    try:
        plan = dict(read_json(folder / "plan.json"))
        dict(plan["choice"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputDataError(f"{folder / 'plan.json'} cannot be read ({error})", "understudy plan RECIPE") from error
    return plan


def settle(recipe: Recipe, plan: Mapping[str, Any], shards: TokenShards, vocabulary: int, events: Events) -> Settings:
    """The run's settings. Raises InputDataError when plan, shards and tokenizer do not belong together."""
    choice, phase = plan["choice"], recipe.train[0]
    _check(choice, shards, vocabulary)
    batch_rows = _batch_rows(int(choice["batch_tokens"]) // shards.context, shards, events)
    return Settings(
        config=dial(choice["layers"], _round_up(vocabulary), shards.context, choice["hidden"]),
        seed=recipe.seed,
        batch_rows=batch_rows,
        micro_batch=min(int(choice["micro_batch"]), batch_rows),
        total_steps=max(1, round(choice["tokens"] / (batch_rows * shards.context))),
        learning_rate=float(choice["learning_rate"]),
        precision=choice["precision"],
        phase=phase,
        data=f"{shards.n_rows} rows, {shards.n_tokens} tokens, tokenizer {shards.tokenizer}",
    )


def wants_compiling(phase: Phase, expected_seconds: float | None) -> bool:
    """Whether to try: as the recipe says, or when the run is long enough to earn the time back."""
    if phase.compile == "auto":
        return expected_seconds is not None and expected_seconds >= SHORTEST_COMPILED_SECONDS
    return phase.compile


def differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What two fingerprints do not agree on, as `name: then → now`."""
    found = []
    for name in sorted(saved.keys() | now.keys()):
        before, after = saved.get(name), now.get(name)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += [f"{name}.{text}" for text in differences(before, after)]
        elif before != after:
            found.append(f"{name}: {before} → {after}")
    return found


def _check(choice: Mapping[str, Any], shards: TokenShards, vocabulary: int) -> None:
    again = "understudy up RECIPE   (makes what does not fit again)"
    if shards.vocabulary != vocabulary:
        raise InputDataError(
            f"the shards in {shards.folder} are of a vocabulary of {shards.vocabulary}, the tokenizer has {vocabulary}",
            again,
        )
    if choice["context"] != shards.context:
        raise InputDataError(
            f"the shards in {shards.folder} hold rows of {shards.context} tokens, the plan says {choice['context']}",
            again,
        )
    if shards.n_rows < 1:
        raise InputDataError(
            f"the shards in {shards.folder} hold no training row: the corpus is too small",
            "add sources under data.sources, or make train.0.context smaller",
        )


def _batch_rows(wanted: int, shards: TokenShards, events: Events) -> int:
    wanted = max(1, wanted)
    if shards.n_rows >= wanted:
        return wanted
    events.warning(
        f"the corpus fills {shards.n_rows} rows of {shards.context} tokens, less than one step of {wanted}; "
        f"training with {shards.n_rows} rows a step",
        "add sources under data.sources for a model worth having",
    )
    return shards.n_rows


def _round_up(vocabulary: int) -> int:
    return -(-vocabulary // TABLE_MULTIPLE) * TABLE_MULTIPLE
