"""One renderer draws the events of every command: a live line on a terminal, plain lines elsewhere, nothing when quiet.

Narration goes to stderr, so that stdout stays data. What is drawn reads without colour.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from understudy.core.tracking import Record
from understudy.core.units import bytes_text, count_text, duration_text

PLAIN_SECONDS = 10.0  # without a terminal, one progress line this often
BAR_WIDTH = 24
STAGE_WIDTH = 10
BYTES = "B"  # the unit of progress in bytes, which are shown as kB, MB, GB


class _Narration(Console):
    """A console whose reader may leave: the run goes on without it, and all it did is in `events.jsonl`."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


def stderr_console() -> Console:
    """Where narration goes; obeys NO_COLOR and not-a-terminal."""
    return _Narration(
        stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty(), no_color="NO_COLOR" in os.environ or None
    )


@dataclass
class _Progress:
    """How far one thing has come, with the rate and time left seen so far."""

    record: Record
    first_done: float
    first_time: float
    printed: float = field(default_factory=time.monotonic)

    def line(self) -> str:
        """`data       cleaning  ━━━━╌╌╌╌  12 MB of 30 MB  4 MB/s  5 s left`."""
        record = self.record
        done, total, unit = record["done"], record["total"], record["unit"]
        parts = [f"{record['stage'] or record['what']:<{STAGE_WIDTH}} {record['what']}"]
        if total:
            filled = min(BAR_WIDTH, int(BAR_WIDTH * done / total))
            parts.append("━" * filled + "╌" * (BAR_WIDTH - filled))
            parts.append(f"{_amount(done, unit)} of {_amount(total, unit)} {'' if unit == BYTES else unit}".rstrip())
        elif done:
            parts.append(f"{_amount(done, unit)} {'' if unit == BYTES else unit}".rstrip())
        parts += [fact_text(name, value) for name, value in record["facts"].items()]
        seconds = record["time"] - self.first_time
        if seconds > 0.5 and done > self.first_done:
            rate = (done - self.first_done) / seconds
            if not any(name.endswith("per_second") for name in record["facts"]):
                parts.append(f"{_amount(rate, unit)}/s" if unit == BYTES else f"{count_text(round(rate, 1))} {unit}/s")
            if total and done < total:
                parts.append(f"{duration_text((total - done) / rate)} left")
        return "  ".join(parts)


class Renderer:
    """A sink for events. `mode` is live, plain or quiet (warnings and errors only)."""

    def __init__(self, mode: str | None = None, console: Console | None = None) -> None:
        self.console = console or stderr_console()
        self.mode = mode or ("live" if self.console.is_terminal else "plain")
        self._progress: dict[str, _Progress] = {}
        self._live: Live | None = None

    def __call__(self, record: Record) -> None:
        handler = getattr(self, f"_on_{record['event']}", None)
        if handler and (self.mode != "quiet" or record["event"] == "warning"):
            try:
                handler(record)
            except OSError:  # a log on a full disk must not end a run that has space for its own files
                self.console.quiet = True

    def close(self) -> None:
        """Leave the terminal clean."""
        if self._live:
            self._live.stop()
            self._live = None
        self._progress.clear()

    # events

    def _on_stage_started(self, record: Record) -> None:
        if self.mode == "plain":
            self._say(Text(f"{record['stage']:<{STAGE_WIDTH}} started"))

    def _on_stage_skipped(self, record: Record) -> None:
        self._say(_stage_line(record, "done before", record["id"]))

    def _on_stage_finished(self, record: Record) -> None:
        self._clear_progress()
        self._say(_stage_line(record, duration_text(record["seconds"]), record["id"]))

    def _on_note(self, record: Record) -> None:
        self._say(Text(f"{record['stage']:<{STAGE_WIDTH}} {record['text']}"))

    def _on_warning(self, record: Record) -> None:
        self._say(Text.assemble((f"{record['stage']:<{STAGE_WIDTH}} warning: ", "yellow"), record["text"]))
        if record["hint"]:
            self._say(Text.assemble(" " * (STAGE_WIDTH + 1), ("hint: ", "cyan"), record["hint"]))

    def _on_table(self, record: Record) -> None:
        self._clear_progress()
        self.console.print(draw_table(record["title"], record["columns"], record["rows"]))

    def _on_progress(self, record: Record) -> None:
        key = f"{record['stage']}/{record['what']}"
        known = self._progress.get(key)
        if known is None or record["done"] < known.record["done"]:
            self._clear_progress()  # one line: what runs now
            known = self._progress[key] = _Progress(record, record["done"], record["time"])
        known.record = record
        if self.mode == "live":
            self._draw(known.line())
        elif time.monotonic() - known.printed > PLAIN_SECONDS:
            known.printed = time.monotonic()
            self._say(Text(known.line()))

    # drawing

    def _draw(self, line: str) -> None:
        text = Text(line, no_wrap=True, overflow="ellipsis")
        if self._live is None:
            self._live = Live(text, console=self.console, refresh_per_second=8, transient=True)
            self._live.start()
        self._live.update(text)

    def _clear_progress(self) -> None:
        self.close()

    def _say(self, text: Text) -> None:
        self.console.print(text)


def printable(text: str) -> str:
    """The text without characters that would steer a terminal: they are spelled out."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def draw_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Group | Table:
    """A table without boxes, as wide as its content, under its title; numbers stand to the right."""
    table = Table(
        box=None,
        pad_edge=False,
        header_style="dim",
        show_header=any(columns),
    )
    for index, column in enumerate(columns):
        numbers = all(_looks_numeric(row[index]) for row in rows if index < len(row)) and bool(rows)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*[Text(str(cell)) for cell in row])
    return Group(Text(title, "bold"), table) if title else table


def fact_text(name: str, value: Any) -> str:
    """`loss 4.21`, `7,120 tokens/s`, `48 % of the ceiling`: a named number as people say it."""
    label = name.replace("_", " ")
    if name == "share_of_ceiling":
        return f"{100 * float(value):.0f} % of the ceiling"
    if name.endswith("_per_second"):
        return f"{float(value):,.0f} {label.removesuffix(' per second')}/s"
    if name.endswith("_bytes"):
        return f"{label.removesuffix(' bytes')} {bytes_text(value)}"
    if name.endswith("_seconds") or name == "seconds":
        return f"{label.removesuffix(' seconds')} {duration_text(value)}"
    if isinstance(value, float):
        return f"{label} {value:.3g}" if abs(value) < 1e-2 and value else f"{label} {value:.3f}"
    return f"{label} {value:,}" if isinstance(value, int) and not isinstance(value, bool) else f"{label} {value}"


def summary_text(metrics: dict[str, Any]) -> str:
    """A stage's own sentence, or its first few numbers."""
    if "summary" in metrics:
        return str(metrics["summary"])
    numbers = [(name, value) for name, value in metrics.items() if isinstance(value, (int, float))]
    return ", ".join(fact_text(name, value) for name, value in numbers[:4])


def _stage_line(record: Record, how: str, identifier: str) -> Text:
    return Text.assemble(
        (f"{record['stage']:<{STAGE_WIDTH}} ", "bold"),
        summary_text(record["metrics"]),
        (f"   {how}", "green"),
        (f"   {identifier}", "dim"),
    )


def _amount(value: float, unit: str) -> str:
    return bytes_text(value) if unit == BYTES else count_text(round(value))


def _looks_numeric(cell: object) -> bool:
    text = str(cell)
    return (
        isinstance(cell, (int, float))
        or (text[:1].isdigit() or (text[:1] in "$-+±~≈" and text[1:2].isdigit()))
        or text in ("", "–")
    )
