"""Makes the corpus: listing ─▶ steps on all cores ─▶ decisions over all rows ─▶ train, valid, rejected, figures.

Every batch is a checkpoint, and everything after the batches follows from them in a fixed order: a run that was killed
and started again writes the same bytes as one that was not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from understudy.core.errors import Interrupted
from understudy.core.paths import Project, empty_folder, write_json
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import Events
from understudy.core.units import bytes_text
from understudy.data.catalog import NO_BATCH, Heavy, read_catalog, with_column
from understudy.data.compute import Checkpoints, Compute, Orders, open_compute
from understudy.data.decisions import Making, decide
from understudy.data.decisions.duplicate import DUPLICATE
from understudy.data.documents import CORPUS_SCHEMA, REJECTED_SCHEMA
from understudy.data.figures.funnel import funnel
from understudy.data.figures.licenses import license_summary
from understudy.data.figures.redactions import refuse_findings, write_redactions
from understudy.data.figures.statistics import statistics
from understudy.data.inventory import surveyed_listing
from understudy.data.listing import Listing
from understudy.data.memory import give_back
from understudy.data.parts import write_parts
from understudy.data.portions import cuts_of, loads, usable_bytes
from understudy.data.steps import parsed_languages, settings_key, steps_of

PASSING = ("changed", "vanished", "unreadable")  # reasons that lie in the moment, and may be gone the next time
WITHOUT_CONTENT = (DUPLICATE, "opted-out")


def make_corpus(recipe: Recipe, inputs: Inputs, work_dir: Path, events: Events) -> dict[str, Any]:
    """Write the corpus into `work_dir` and return its figures. Continues what a killed run left in the cache."""
    listing = surveyed_listing(recipe, inputs.project, inputs.survey, events)
    if inputs.survey is not None and listing.fingerprint() != inputs.survey.fingerprint:
        events.warning("the sources changed since they were looked at", "run the same command again")
    work_dir.mkdir(parents=True, exist_ok=True)
    empty_folder(work_dir)  # what a killed run was writing would be published; its batches are in the cache
    checkpoints = Checkpoints(inputs.project.cache / "batches")
    compute = open_compute(recipe.data.compute, checkpoints, usable_bytes(listing), events, recipe.data.spark)
    try:
        making = _cleaned(recipe, inputs.project, compute, listing, work_dir, events)
        making = making.with_catalog(decide(making))
        figures = _write(making, listing)
    finally:
        compute.close()
    _tidy(making)
    return figures


def _cleaned(
    recipe: Recipe, project: Project, compute: Compute, listing: Listing, folder: Path, events: Events
) -> Making:
    """The corpus after the row-wise steps."""
    steps = steps_of(recipe, project)
    settings = settings_key(steps)
    cuts = [cuts_of(collection, settings) for collection in listing.collections]
    total = sum(cut.size_bytes for mine in cuts for cut in mine if cut.key not in compute.checkpoints)
    work = (
        load
        for collection, mine in zip(listing.collections, cuts, strict=True)
        for load in loads(collection, mine, recipe, compute.checkpoints)
    )
    compute.map(work, Orders(tuple(steps), "cleaning"), total)
    keys = tuple(cut.key for mine in cuts for cut in mine)
    catalog = read_catalog(compute.checkpoints, listing, cuts)
    give_back()
    refuse_findings(catalog, recipe)
    return Making(recipe, project, compute, events, folder, keys, Heavy(compute.checkpoints, keys, "content"), catalog)


def _tidy(making: Making) -> None:
    """Leave in the cache what the next run can use: no batch with a file that could not be read just now."""
    reasons = making.catalog["drop_reason"].combine_chunks()
    passing = pc.fill_null(pc.is_in(reasons, value_set=pa.array(PASSING)), False)
    batches = making.catalog.filter(passing)["batch"].unique().to_pylist()
    stale = {making.keys[number] for number in batches if number != NO_BATCH}
    making.compute.checkpoints.tidy(xxhash.xxh3_128_hexdigest("".join(making.keys).encode()), stale)
    n = int(pc.sum(passing).as_py() or 0)
    if n:
        making.events.warning(
            f"{n:,} files changed while they were read, and were left out", "run the same command again"
        )


def _write(making: Making, listing: Listing) -> dict[str, Any]:
    rows, events = making.catalog, making.events
    written = _without_copies(rows)
    for done, (side, schema) in enumerate(
        (("train", CORPUS_SCHEMA), ("valid", CORPUS_SCHEMA), ("rejected", REJECTED_SCHEMA))
    ):
        if events.should_stop:
            raise Interrupted("stopped before the corpus was written", "run the same command to continue")
        events.progress("writing", done, 3, "parts", part=side)
        numbers = np.flatnonzero(pc.equal(rows["side"], side).to_numpy())
        write_parts(making.contents, written, numbers, schema, making.folder / side)
    facts = statistics(making.compute, rows, listing.passed_over)
    facts["parse_checked"] = parsed_languages(making.recipe)
    steps = funnel(making.compute, rows)
    write_json(making.folder / "statistics.json", facts)
    write_json(making.folder / "funnel.json", steps)
    write_redactions(rows, making.folder / "redactions.parquet")
    write_json(making.folder / "licenses.json", license_summary(making.compute, rows))
    events.progress("writing", 3, 3, "parts")
    return _figures(facts, steps, events)


def _without_copies(rows: pa.Table) -> pa.Table:
    """Rows whose content is kept elsewhere, or must not be kept, without it."""
    empty = pc.is_in(rows["drop_reason"].combine_chunks(), value_set=pa.array(WITHOUT_CONTENT))
    return with_column(
        rows, "batch", pc.if_else(empty, pa.scalar(NO_BATCH, pa.int32()), rows["batch"].combine_chunks())
    )


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
