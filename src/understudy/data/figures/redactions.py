"""What was redacted, place by place and never the text: written down, or, where the recipe says `fail`, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from understudy.core.errors import InputDataError
from understudy.core.recipe import Recipe

SHOWN = 20
FIELDS = {"secrets": "secrets", "emails": "emails", "ip-addresses": "ip_addresses", "names": "names"}  # step → key


def refuse_findings(catalog: pa.Table, recipe: Recipe) -> None:
    """Raise InputDataError if a step whose handling is `fail` found something. Needs the columns `repo`, `path`,
    `dropped_by`, `redacted` and `redacted_lines`; files that are out for an earlier reason stop nothing."""
    steps = [step for step, key in FIELDS.items() if getattr(recipe.data.redact, key) == "fail"]
    if not steps:
        return
    found = catalog.filter(pc.is_in(catalog["dropped_by"], pa.array(steps, pa.string())))
    if not found.num_rows:
        return
    columns = ["repo", "path", "dropped_by", "redacted", "redacted_lines"]
    rows = found.select(columns).sort_by([("repo", "ascending"), ("path", "ascending")])
    places = [place for row in rows.slice(0, SHOWN).to_pylist() for place in _places(row)]
    told = "\n".join(f"  {place}" for place in places[:SHOWN])
    more = f"\n  … in {found.num_rows:,} files in all" if found.num_rows > SHOWN or len(places) > SHOWN else ""
    keys = sorted({FIELDS[step] for step in rows["dropped_by"].to_pylist()})
    settings = " ".join(f"--set data.redact.{key}=redact" for key in keys)
    files = "1 file has" if found.num_rows == 1 else f"{found.num_rows:,} files have"
    raise InputDataError(
        f"data.redact says fail, and {files} what must not be learned:\n{told}{more}",
        f"remove it there (a key in a repository is a known key: change it), or go on with {settings}",
    )


def write_redactions(catalog: pa.Table, path: Path) -> None:
    """List every redaction: its file, its line in the original and its kind. Never what stood there."""
    rows = catalog.select(["repo", "path", "id", "side", "redacted", "redacted_lines"])
    rows = rows.filter(pc.greater(pc.list_value_length(rows["redacted"]), 0)).combine_chunks()
    columns = [rows["redacted"].combine_chunks(), rows["redacted_lines"].combine_chunks()]
    owner = pc.list_parent_indices(columns[0])
    table = {name: rows[name].take(owner) for name in ("repo", "path", "id", "side")}
    table |= {"line": pc.list_flatten(columns[1]), "kind": pc.list_flatten(columns[0])}
    pq.write_table(pa.table(table), path, compression="zstd")


def step_of_kind(kind: str) -> str:
    """The step that gives a kind of redaction."""
    if kind.startswith("model-"):
        return "names"
    return {"email": "emails", "ip-address": "ip-addresses"}.get(kind, "secrets")


def _places(row: dict[str, Any]) -> list[str]:
    return [
        f"{row['repo']}/{row['path']}:{line}: {kind}"
        for kind, line in zip(row["redacted"], row["redacted_lines"], strict=True)
        if step_of_kind(kind) == row["dropped_by"]
    ]
