"""What it takes to do this again: time by stage, machine, versions, and the recipe with the origin of every value."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from understudy.core.artifact import Artifact
from understudy.core.recipe_file import Key, dotted, leaves, value_text
from understudy.core.units import bytes_text, duration_text, rate_text
from understudy.report.blocks import Block, Cell, Column, Missing, Section, Table
from understudy.report.charts.cells import bar
from understudy.report.reading import Run, number, numbers, table, text

PACKAGES = ("torch", "numpy", "pyarrow", "duckdb", "tokenizers", "tiktoken", "safetensors")


def time_section(run: Run) -> Section:
    """Time and memory by stage."""
    made = [(a, number(a.made_by, "seconds")) for a in run.in_order()]
    known = [(artifact, seconds) for artifact, seconds in made if seconds is not None]
    total = sum(seconds for _, seconds in known)
    if total <= 0:
        return Section("time", "Time", "", [Missing("no stage recorded its time")])
    listed: list[list[Cell]] = [
        [
            text(artifact.made_by, "stage") or artifact.kind,
            duration_text(seconds),
            bar([(seconds / total, "kept")]),
            _memory(artifact.made_by),
            artifact.created_text,
        ]
        for artifact, seconds in known
    ]
    listed.append(["all", duration_text(total), "", "", ""])
    columns = [
        Column("stage"),
        Column("time", "number"),
        Column("", "chart"),
        Column("peak memory", "number"),
        Column("made, UTC", "number"),
    ]
    return Section("time", "Time", "", [Table("", columns, listed, strong=frozenset({len(listed) - 1}), stacks=True)])


def _memory(made_by: dict[str, Any]) -> str:
    peak = number(made_by, "peak_memory_bytes")
    return "" if peak is None else bytes_text(peak)


def machine_section(run: Run) -> Section:
    """The machine the plan was made for, and the versions of packages."""
    facts = table(run.json("plan", "plan.json"), "machine")
    blocks: list[Block] = [_machine(facts)] if facts else [Missing("the machine was not recorded: there is no plan")]
    blocks.append(_versions(run))
    return Section("machine", "Machine and versions", "", blocks)


def _machine(facts: dict[str, Any]) -> Table:
    listed: list[list[Cell]] = []
    names = (
        ("name", "machine"),
        ("device", "trained on"),
        ("devices", "devices"),
        ("cpu", "processor"),
        ("cores", "cores"),
    )
    for key, name in names:
        if facts.get(key) not in (None, "this machine") and (key, facts[key]) != ("devices", 1):
            listed.append([name, str(facts[key])])
    memory = number(facts, "memory_bytes")
    if memory is not None:
        listed.append(["memory", bytes_text(memory)])
    for name, rate in numbers(facts, "ceiling_flops_per_second").items():
        listed.append([f"matrix product, {name}", rate_text(rate)])
    return Table("Machine the plan was made for", [Column(""), Column("")], listed)


def _versions(run: Run) -> Table:
    """Versions that the artifacts recorded; where they recorded none, those installed now, and so labelled."""
    recorded = {
        name: text(versions, name) or ""
        for artifact in run.in_order()
        for versions in [table(artifact.made_by, "versions")]
        for name in versions
    }
    listed: list[list[Cell]] = [["understudy", *_understudy(run)]]
    for name in ("python", *PACKAGES):
        if name in recorded:
            listed.append([name, recorded[name], "recorded with the artifacts"])
        elif found := _installed(name):
            listed.append([name, found, "installed when this page was written"])
    return Table("Versions", [Column("package"), Column("version"), Column("known from", "quiet")], listed)


def _understudy(run: Run) -> tuple[str, str]:
    found = {text(artifact.made_by, "understudy") for artifact in run.in_order()} - {None}
    return ", ".join(sorted(str(name) for name in found)) or "?", "recorded with the artifacts"


def _installed(name: str) -> str | None:
    if name == "python":
        return platform.python_version()
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def recipe_section(run: Run) -> Section:
    """Every key of the recipe with its value and origin."""
    columns = [Column("key", "code"), Column("value", "code"), Column("from", "quiet")]
    if run.resolved is None:
        found = {(dotted(key), value_text(value)) for a in run.in_order() for key, value in _recorded(a)}
        recorded: list[list[Cell]] = [[key, value, "recorded with the artifacts"] for key, value in sorted(found)]
        block = Table("", columns, recorded) if recorded else Missing("no recipe was recorded")
        return Section("recipe", "Recipe", "The keys that these artifacts depend on.", [block])
    shown = [row for row in run.resolved.rows() if row[1:] != ("null", "default")]
    rows: list[list[Cell]] = [[key, value, _origin(run, key, value, origin)] for key, value, origin in shown]
    changed = frozenset(index for index, row in enumerate(shown) if row[2] != "default")
    name = run.resolved.path.name if run.resolved.path else "the recipe"
    lead = f"As written in {name} and completed with the defaults; keys that are null by default are not listed."
    return Section("recipe", "Recipe", lead, [Table("", columns, rows, strong=changed)])


def _origin(run: Run, key: str, value: str, origin: str) -> str:
    """The origin; for `auto` also what the plan made of it."""
    chosen = table(run.json("plan", "plan.json"), "choice").get(key.rpartition(".")[2]) if value == "auto" else None
    return origin if chosen is None or not key.startswith("train.") else f"{origin}; the plan chose {chosen}"


def _recorded(artifact: Artifact) -> Iterator[tuple[Key, Any]]:
    """The keys and values of the recipe that the artifact was made by."""
    return leaves(table(artifact.made_by, "section"))
