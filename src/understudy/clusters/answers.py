"""What a task sends back: its answer, or an error that more tries would not mend."""

from __future__ import annotations

import errno
import json
import os
from typing import Any

from understudy.clusters import Task
from understudy.core import errors
from understudy.core.errors import UnderstudyError


def carried_out(task: Task, order: Any) -> str:
    """The answer as text. Errors that a person can mend travel with it; what remains is a defect, and is raised."""
    try:
        return json.dumps({"answer": task(order)})
    except UnderstudyError as error:
        return json.dumps({"error": type(error).__name__, "message": error.message, "hint": error.hint})
    except OSError as error:
        return json.dumps({"errno": error.errno or errno.EIO, "file": os.fspath(error.filename or "")})


def answer_in(text: str) -> Any:
    """The answer in a text; raises the error that came instead, as if it had happened here."""
    values = json.loads(text)
    if "error" in values:
        raise getattr(errors, values["error"], UnderstudyError)(values["message"], values["hint"])
    if "errno" in values:
        raise OSError(values["errno"], os.strerror(values["errno"]), values["file"])
    return values["answer"]
