"""A plan as tables for people: what is trained, what it takes, and why. Reads plan.json: old plans print too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy.core.tracking import Table
from understudy.core.units import (
    bytes_text,
    count_text,
    duration_text,
    flops_text,
    money_text,
    percent_text,
    rate_text,
)

Values = Mapping[str, Any]


_MEMORY_NAMES = {
    "weights": "weights",
    "master_weights": "fp32 master weights",
    "gradients": "gradients",
    "optimizer": "optimizer state",
    "activations": "activations",
    "logits": "one chunk of logits",
    "runtime": "the process itself",
}


# The order in which one follows from the other; JSON keeps none.
_REASONS = ("data", "budget", "speed", "model", "tokens", "batch", "learning_rate", "precision", "loss")


def tables(plan: Values) -> list[Table]:
    """The tables of `understudy plan`, from the content of plan.json."""
    found = [_run_table(plan), _cost_table(plan), _memory_table(plan), _reasons_table(plan)]
    if plan["warnings"]:
        found.append(Table("Warnings", ("",), tuple((warning,) for warning in plan["warnings"])))
    return found


def summary(plan: Values) -> str:
    """One line: the model, the tokens, the time."""
    choice, predicted = plan["choice"], plan["predicted"]
    return (
        f"{_layers(choice)} x {choice['hidden']}, {count_text(choice['parameters'])} parameters, "
        f"{count_text(choice['tokens'])} tokens ({choice['passes']:.2f} passes), about "
        f"{duration_text(predicted['seconds'])} and {bytes_text(predicted['peak_memory_bytes'])} of memory"
    )


def _layers(choice: Values) -> str:
    return "1 layer" if choice["layers"] == 1 else f"{choice['layers']} layers"


def _run_table(plan: Values) -> Table:
    choice, data = plan["choice"], plan["data"]
    shape = (
        f"{_layers(choice)} x {choice['hidden']}, {choice['heads']} heads of {choice['head_dim']} "
        f"({choice['kv_heads']} key-value), vocabulary {choice['vocabulary']:,}, context {choice['context']:,}"
    )
    tables_share = (
        f"{count_text(choice['parameters'])} ({count_text(choice['parameters_embedding'])} in the token table)"
    )
    step = f"{count_text(choice['batch_tokens'])} tokens, {choice['micro_batch']} rows at once"
    rows = (
        ("data", f"{data['n_files']:,} files, {bytes_text(data['size_bytes'])}, "
                 f"about {count_text(data['unique_tokens'])} tokens"),
        ("model", shape),
        ("parameters", tables_share),
        ("tokens", f"{count_text(choice['tokens'])}, {choice['passes']:.2f} passes, "
                   f"{choice['tokens'] / (choice['parameters'] - choice['parameters_embedding']):.1f} a parameter "
                   "outside the table"),
        ("steps", f"{choice['steps']:,} of {step}"),
        ("learning rate", f"{choice['learning_rate']:g}, {choice['precision']}"),
    )  # fmt: skip
    return Table("What is trained", ("", ""), rows)


def _cost_table(plan: Values) -> Table:
    predicted, machine = plan["predicted"], plan["machine"]
    ceiling = machine["ceiling_flops_per_second"]["bfloat16" if plan["choice"]["precision"] == "bf16" else "float32"]
    known = "measured" if machine["share_is_measured"] else "assumed"
    times = f"{machine['devices']} x " if machine["devices"] > 1 else ""
    rows = [
        ("machine", machine["name"]),
        ("budget", plan["budget"]),
        ("time", f"{duration_text(predicted['seconds'])}, "
                 f"{duration_text(predicted['startup_seconds'])} of it to start"),
        ("speed", f"{count_text(round(machine['tokens_per_second']))} tokens a second, {known}: "
                  f"{percent_text(machine['share_of_ceiling'])} of {times}{rate_text(ceiling)}"),
        ("compute", flops_text(predicted["flops"])),
        ("memory", f"{bytes_text(predicted['peak_memory_bytes'])} of {bytes_text(machine['memory_bytes'])}"
                   + (" on each device" if machine["devices"] > 1 else "")),
        ("disk", bytes_text(predicted["disk_bytes"])),
    ]  # fmt: skip
    if predicted["usd"] is not None:
        hours = (
            f"{predicted['device_hours']:,.0f}"
            if predicted["device_hours"] >= 10
            else f"{predicted['device_hours']:.2f}"
        )
        rows.append(("money", f"{money_text(predicted['usd'])} for {hours} GPU-hours"))
    rows.append(("expected loss", f"{predicted['loss']:.2f} nats a token (see below how far to trust it)"))
    return Table("What it takes", ("", ""), tuple(rows))


def _memory_table(plan: Values) -> Table:
    parts = plan["predicted"]["memory_bytes"]
    rows = tuple((_MEMORY_NAMES[name], bytes_text(parts[name])) for name in _MEMORY_NAMES if parts[name])
    return Table("Memory at the peak", ("part", "size"), rows)


def _reasons_table(plan: Values) -> Table:
    reasons = plan["reasons"]
    order = [name for name in _REASONS if name in reasons] + [name for name in reasons if name not in _REASONS]
    return Table("Why", ("", ""), tuple((name.replace("_", " "), reasons[name]) for name in order))
