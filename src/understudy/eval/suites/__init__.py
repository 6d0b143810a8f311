"""The suites a recipe may name. A new one is a file in this folder and a row in this table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from understudy.eval.exam import Exam
from understudy.eval.results import SuiteResult
from understudy.eval.suites.bits_per_byte import bits_per_byte
from understudy.eval.suites.own_code import own_code

SUITES: Mapping[str, Callable[[Exam], SuiteResult]] = {
    "bits-per-byte": bits_per_byte,
    "own-code": own_code,
}
