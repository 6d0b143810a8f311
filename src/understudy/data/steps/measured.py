"""The shape of the filters that compare a measure with a limit: a table of rules, judged in one go for a whole batch.

A limit is a number of the recipe's `data.filters`, or another number for one language; None switches its rule off.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from understudy.data.documents import Verdict, dropped
from understudy.data.measures import Measures, measured, prepare_measuring

if TYPE_CHECKING:
    from numpy.typing import NDArray

Limits = Mapping[str, float | None]


class Rule(NamedTuple):
    """One comparison. `limit` is the recipe's key; `evidence` is a format with {value} and {limit}."""

    limit: str
    reason: str
    value: Callable[[Measures], NDArray[Any]]
    is_most: bool  # True: more than the limit is dropped; False: less
    evidence: str


class MeasuredStep(ABC):
    """A step that drops the documents whose measures are outside of their language's limits."""

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    rules: ClassVar[tuple[Rule, ...]]

    def __init__(self, limits: Limits, by_language: Mapping[str, Limits] | None = None) -> None:
        self._limits = limits
        self._by_language = by_language or {}

    def setup(self) -> None:
        """Load the compiled pass."""
        prepare_measuring()

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return dropped(batch, self.name, self.verdicts(batch))

    def verdicts(self, batch: pa.RecordBatch) -> dict[int, Verdict]:
        """The first rule that each open row breaks."""
        measures, languages = measured(batch), batch.column("lang").to_pylist()
        is_open = open_mask(batch)
        verdicts: dict[int, Verdict] = {}
        for rule in self.rules:
            values, limits = rule.value(measures), self._limits_of(rule.limit, languages)
            is_outside = values > limits if rule.is_most else values < limits  # a limit that is off is NaN: never
            for row in np.flatnonzero(is_outside & is_open).tolist():
                evidence = rule.evidence.format(value=values[row], limit=limits[row])
                verdicts.setdefault(row, Verdict(rule.reason, evidence))
        return verdicts

    def _limits_of(self, name: str, languages: Sequence[str | None]) -> NDArray[np.float64]:
        """This limit for each row, NaN where it is off."""
        usual = self._limits.get(name)
        if not self._by_language:
            return np.full(len(languages), np.nan if usual is None else usual)
        limits = [self._by_language.get(language or "", {}).get(name, usual) for language in languages]
        return np.array([np.nan if limit is None else limit for limit in limits], np.float64)


def open_mask(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    """True for rows that have content and no reason against them yet."""
    content, reasons = batch.column("content").is_valid(), batch.column("drop_reason").is_null()
    mask: NDArray[np.bool_] = content.to_numpy(zero_copy_only=False) & reasons.to_numpy(zero_copy_only=False)
    return mask
