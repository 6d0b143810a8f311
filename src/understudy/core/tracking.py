"""All that a run reports goes through here once: terminal, `events.jsonl`, report and trackers read the same events.

stage ──▶ Events ──▶ sinks: events.jsonl · the renderer · (trackers)
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, TextIO

Record = dict[str, Any]
Sink = Callable[[Record], None]

PROGRESS_FILE_SECONDS = 1.0  # a progress event a second is enough to redraw a run; the terminal gets all of them


class Table(NamedTuple):
    """A small table for people."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass
class Events:
    """What a stage reports to. Thread-safe; each call becomes one record with `event`, `time` and `stage`."""

    sinks: tuple[Sink, ...] = ()
    stage: str = ""
    records: list[Record] = field(default_factory=list)
    keep_records: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def emit(self, event: str, **values: Any) -> None:
        """Send one record to every sink."""
        record: Record = {"event": event, "time": round(time.time(), 3), "stage": self.stage, **values}
        with self._lock:
            if self.keep_records:
                self.records.append(record)
            for sink in self.sinks:
                sink(record)

    def progress(self, what: str, done: float, total: float | None, unit: str = "", **facts: Any) -> None:
        """Say how far `what` has come; `facts` (loss, tokens_per_second…) stand behind the bar."""
        self.emit("progress", what=what, done=done, total=total, unit=unit, facts=facts)

    def metrics(self, step: int | None = None, **values: float | str) -> None:
        """Record measured values; they are plotted, not printed."""
        self.emit("metrics", step=step, values=values)

    def note(self, text: str, **facts: Any) -> None:
        """One plain line for the person."""
        self.emit("note", text=text, facts=facts)

    def warning(self, text: str, hint: str | None = None) -> None:
        """Something the person should know; the run goes on."""
        self.emit("warning", text=text, hint=hint)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A small table for the person."""
        self.emit("table", title=title, columns=list(columns), rows=[list(row) for row in rows])

    @property
    def should_stop(self) -> bool:
        """True once Ctrl-C or SIGTERM arrived: save, then raise `Interrupted`."""
        return self.stop.is_set()

    def for_stage(self, stage: str) -> Events:
        """The same sinks and stop flag, with records marked by another stage's name."""
        return Events(self.sinks, stage, self.records, self.keep_records, self.stop, self._lock)


def silent() -> Events:
    """Events that nobody sees, kept in `.records`: for tests and for callers of the API who want the data."""
    return Events(keep_records=True)


class EventFile:
    """Appends each record to `events.jsonl` as one line, flushed, so that a killed run's file is whole to its end."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("a", encoding="utf-8", errors="backslashreplace")
        self._last_progress: dict[str, float] = {}

    def __call__(self, record: Record) -> None:
        if record["event"] == "progress" and not self._is_due(record):
            return
        self._file.write(json.dumps(_finite(record), ensure_ascii=False, default=str) + "\n")
        self._file.flush()

    def _is_due(self, record: Record) -> bool:
        what, now = f"{record['stage']}/{record['what']}", record["time"]
        if record["done"] != record["total"] and now - self._last_progress.get(what, 0.0) < PROGRESS_FILE_SECONDS:
            return False
        self._last_progress[what] = now
        return True

    def close(self) -> None:
        """Close the file; it is whole already."""
        self._file.close()


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM asks the run to save and leave; a second one interrupts at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    earlier = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _finite(value: Any) -> Any:
    """JSON has no NaN or infinity: they become their names."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
