"""Makes the corpus: listing ─▶ steps on all cores ─▶ verdicts over all rows ─▶ train, valid, rejected, figures.

Every batch is a checkpoint, and everything after the batches follows from them in a fixed order: a run that was killed
and started again writes the same bytes as one that was not.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from understudy.core.artifact import SCRATCH
from understudy.core.errors import Interrupted
from understudy.core.paths import write_atomically, write_json
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import Events
from understudy.core.units import bytes_text
from understudy.data.catalog import NO_BATCH, forget_contents, read_catalog
from understudy.data.compute import Compute, open_compute
from understudy.data.documents import CORPUS_SCHEMA, REJECTED_SCHEMA
from understudy.data.funnel import funnel
from understudy.data.inventory import surveyed_listing
from understudy.data.listing import Listing
from understudy.data.parts import write_parts
from understudy.data.portions import portions, put_aside, usable_bytes
from understudy.data.statistics import statistics
from understudy.data.steps import steps_of
from understudy.data.verdicts import DUPLICATE, judge


def make_corpus(recipe: Recipe, inputs: Inputs, work_dir: Path, events: Events) -> dict[str, Any]:
    """Write the corpus into `work_dir` and return its figures. Continues what a killed run left there."""
    listing = surveyed_listing(recipe, inputs.project, inputs.survey, events)
    if inputs.survey is not None and listing.fingerprint() != inputs.survey.fingerprint:
        events.warning("the sources changed since they were looked at", "run the same command again")
    scratch = _scratch(work_dir, listing)
    compute = open_compute(recipe.data.compute, scratch / "batches", usable_bytes(listing), events)
    try:
        compute.map(portions(listing, recipe, compute.done()), steps_of(recipe), usable_bytes(listing))
        catalog = read_catalog(compute, put_aside(listing))
        rows = _judged(compute, catalog, recipe, events)
        figures = _write(compute, rows, listing, work_dir, events)
    finally:
        forget_contents()
        compute.close()
    _warn_of_reading(rows, events)
    return figures


def _scratch(work_dir: Path, listing: Listing) -> Path:
    """The folder for checkpoints; emptied when they were made from another listing."""
    scratch = work_dir / SCRATCH
    mark = scratch / "listing"
    digest = xxhash.xxh3_128()
    for collection in listing.collections:
        digest.update(json.dumps([collection.kind, collection.revision, collection.licenses]).encode())
        for entry in collection.entries:
            digest.update(json.dumps(entry).encode())
    if not mark.exists() or mark.read_text() != digest.hexdigest():
        shutil.rmtree(scratch, ignore_errors=True)
        write_atomically(mark, digest.hexdigest())
    return scratch


def _judged(compute: Compute, catalog: pa.Table, recipe: Recipe, events: Events) -> pa.Table:
    """The catalog in its final order, with the final reasons and the side each row goes to."""
    verdicts = judge(compute, catalog, recipe, events)
    places = catalog["place"].combine_chunks()
    rows = catalog.take(pc.index_in(verdicts["place"], value_set=places))
    for name in ("drop_reason", "dropped_by", "evidence"):
        rows = rows.set_column(rows.schema.get_field_index(name), name, verdicts[name])
    return rows.append_column("side", verdicts["side"])


def _write(compute: Compute, rows: pa.Table, listing: Listing, work_dir: Path, events: Events) -> dict[str, Any]:
    for done, (side, schema) in enumerate(
        (("train", CORPUS_SCHEMA), ("valid", CORPUS_SCHEMA), ("rejected", REJECTED_SCHEMA))
    ):
        if events.should_stop:
            raise Interrupted("stopped before the corpus was written", "run the same command to continue")
        events.progress("writing", done, 3, "parts", part=side)
        mine = rows.filter(pc.equal(rows["side"], side))
        write_parts(compute, _without_copies(mine), schema, work_dir / side)
    facts = statistics(compute, rows, listing.passed_over)
    steps = funnel(compute, rows)
    write_json(work_dir / "statistics.json", facts)
    write_json(work_dir / "funnel.json", steps)
    events.progress("writing", 3, 3, "parts")
    return _figures(facts, steps, events)


def _without_copies(rows: pa.Table) -> pa.Table:
    """Rejected duplicates keep no content: their evidence names the document that has it."""
    is_copy = pc.equal(rows["drop_reason"], DUPLICATE).fill_null(False)
    batch = pc.if_else(is_copy, pa.scalar(NO_BATCH, pa.int32()), rows["batch"])
    return rows.set_column(rows.schema.get_field_index("batch"), "batch", batch)


def _figures(facts: dict[str, Any], steps: list[dict[str, Any]], events: Events) -> dict[str, Any]:
    totals = facts["totals"]
    events.table(
        "data funnel",
        ("step", "files in", "dropped", "why"),
        [
            (step["step"], step["n_in"], step["n_dropped"], _told(step["reasons"]))
            for step in steps
            if step["n_dropped"]
        ],
    )
    kept = totals["train"]["n_files"] + totals["valid"]["n_files"]
    kept_bytes = totals["train"]["size_bytes"] + totals["valid"]["size_bytes"]
    n_valid = totals["valid"]["n_files"]
    return {
        "summary": f"{kept:,} of {steps[0]['n_in']:,} files kept, {bytes_text(kept_bytes)}; {n_valid:,} held out",
        "n_files_seen": steps[0]["n_in"],
        "n_train": totals["train"]["n_files"],
        "n_valid": totals["valid"]["n_files"],
        "n_rejected": totals["rejected"]["n_files"],
        "size_bytes_train": totals["train"]["size_bytes"],
        "size_bytes_valid": totals["valid"]["size_bytes"],
        "n_redactions": sum(facts["redactions"].values()),
        "size_bytes_by_language": {name: group["size_bytes"] for name, group in facts["by_language"].items()},
    }


def _told(reasons: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {reason}" for reason, n in reasons.items())


def _warn_of_reading(rows: pa.Table, events: Events) -> None:
    """Files that changed or went away between listing and reading: the corpus holds what was listed, less these."""
    reasons = rows["drop_reason"].to_pylist()
    n = sum(reason in ("changed", "vanished") for reason in reasons)
    if n:
        events.warning(f"{n:,} files changed while they were read, and were left out", "run the same command again")
