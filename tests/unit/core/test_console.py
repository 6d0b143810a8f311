"""What the renderer draws: a line a stage, progress with rate and time left, no escape codes off a terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from understudy.core.console import Renderer, fact_text
from understudy.core.tracking import EventFile, Events, silent


def render(mode: str) -> tuple[Events, io.StringIO, Renderer]:
    out = io.StringIO()
    renderer = Renderer(mode, Console(file=out, force_terminal=mode == "live", width=120, no_color=True))
    return Events((renderer,), "data"), out, renderer


def test_a_finished_stage_is_one_line_with_its_summary_and_id() -> None:
    events, out, _ = render("plain")
    events.emit("stage_finished", id="corpus-1", path="p", metrics={"summary": "12 files"}, seconds=3.21)
    assert out.getvalue() == "data       12 files   3.2 s   corpus-1\n"


def test_quiet_shows_warnings_only() -> None:
    events, out, _ = render("quiet")
    events.note("hello")
    events.progress("reading", 1, 2, "files")
    events.warning("low disk", "understudy gc")
    assert "hello" not in out.getvalue()
    assert "low disk" in out.getvalue()
    assert "hint: understudy gc" in out.getvalue()


def test_a_live_line_shows_the_share_done_and_facts() -> None:
    events, out, renderer = render("live")
    events.progress("steps", 30, 120, "steps", loss=4.21, tokens_per_second=7120.4, share_of_ceiling=0.48)
    renderer.close()
    assert "30 of 120 steps" in out.getvalue()
    assert "loss 4.210" in out.getvalue()
    assert "7,120 tokens/s" in out.getvalue()
    assert "48 % of the ceiling" in out.getvalue()


def test_plain_output_has_no_escape_codes() -> None:
    events, out, renderer = render("plain")
    events.emit("stage_started", id="x")
    events.table("scores", ["suite", "value"], [["own-code", 0.12]])
    events.progress("reading", 1, 2, "files")
    renderer.close()
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("loss", 4.2137, "loss 4.214"),
        ("tokens_per_second", 7120.4, "7,120 tokens/s"),
        ("peak_memory_bytes", 2.5e9, "peak memory 2.50 GB"),
        ("predicted_seconds", 240.0, "predicted 4 min 00 s"),
        ("n_files", 1790, "n files 1,790"),
    ],
)
def test_facts_carry_their_unit(name: str, value: float, text: str) -> None:
    assert fact_text(name, value) == text


def test_events_are_one_json_line_each_even_with_infinities(tmp_path: Path) -> None:
    file = EventFile(tmp_path / "run" / "events.jsonl")
    events = Events((file,), "train")
    events.metrics(step=1, loss=float("nan"))
    events.note("ok")
    for done in range(100):
        events.progress("steps", done, 100, "steps")
    file.close()
    records = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    assert records[0]["values"] == {"loss": "nan"}
    assert records[1]["text"] == "ok"
    assert len(records) < 10  # progress is thinned to one a second


def test_silent_events_keep_their_records() -> None:
    events = silent()
    events.for_stage("data").warning("odd", "look")
    assert [(r["event"], r["stage"], r["text"]) for r in events.records] == [("warning", "data", "odd")]
