"""One tree of errors. A person sees what happened, to which thing, and what to do next; a script sees the exit code."""

from __future__ import annotations


class UnderstudyError(Exception):
    """Something the person can understand; printed without a traceback.

    `message` says what happened and to which thing (file, line, key); `hint` says what to do next, best a command.
    """

    exit_code = 1
    usual_hint: str | None = None  # what to do next, where the place that raises has nothing better to say

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.usual_hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


class UsageError(UnderstudyError):
    """The command line is wrong."""

    exit_code = 2


class RecipeError(UnderstudyError):
    """The recipe is wrong: a key, a value, or numbers that cannot work together."""

    exit_code = 3
    usual_hint = "correct it, then: understudy recipe check RECIPE"


class InputDataError(UnderstudyError):
    """Something read from outside or from the store is missing, damaged or empty."""

    exit_code = 4


class ResourceError(UnderstudyError):
    """Memory, disk, time, money, a port or a device is not enough or not there."""

    exit_code = 5


class GateFailed(UnderstudyError):
    """The scores do not pass the recipe's gate."""

    exit_code = 6


class Interrupted(UnderstudyError):
    """The person, or the machine's owner, asked the run to stop; what was done is kept."""

    exit_code = 130
