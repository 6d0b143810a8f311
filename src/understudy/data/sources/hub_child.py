"""The process that reads a Hugging Face data set: `python -m understudy.data.sources.hub_child WISH FOLDER`.

It writes the columns we know as Parquet files into a folder of FOLDER that is named after the data set's fingerprint,
and prints that name. Killed and started again it reads on to the last whole file, and writes what follows.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from understudy.core.paths import read_json, write_json
from understudy.data.sources.columns import recognised

DONE = "data-set.json"
PART_BYTES = 200_000_000  # of contents; a killed export loses less than one
PIECE_ROWS = 64
HUB_SECONDS = 20
ROWS_IN_GROUP = 1024


class Split(NamedTuple):
    """One split, and a text that changes when its rows do."""

    name: str
    rows: Any  # datasets.IterableDataset
    fingerprint: str


def main(wish: dict[str, Any], folder: Path) -> str:
    """Export the data set that is wished for; returns the name of the export."""
    os.chdir(folder)  # `datasets` takes a folder of the data set's name, where there is one, for the data set
    revision = _revision(wish)  # asked first: one quick question that tells whether there is a hub at all
    splits = sorted(_splits({**wish, "revision": revision}), key=lambda split: split.name)
    told = json.dumps([revision, [(split.name, split.fingerprint) for split in splits]])
    export = folder / xxhash.xxh3_128_hexdigest(told.encode())
    if not (export / DONE).exists():
        parts = [part for number, split in enumerate(splits) for part in _export(split.rows, export, number)]
        write_json(export / DONE, {"parts": parts, "revision": revision, "splits": [split.name for split in splits]})
    return export.name


def _splits(wish: dict[str, Any]) -> list[Split]:
    """The splits that are wished for. Only data files are read: scripts were what data sets could run."""
    import datasets

    if wish["is_local"] and _is_saved(Path(wish["address"])):
        splits = _loaded(datasets.load_from_disk(wish["address"]))
    elif wish["is_local"] or wish["way"] == "hub":
        revision = None if wish["is_local"] else wish["revision"]
        builder = datasets.load_dataset_builder(wish["address"], wish["subset"], revision=revision)
        streams = builder.as_streaming_dataset()
        splits = [Split(str(name), rows, f"{builder.hash} {builder.config.name}") for name, rows in streams.items()]
    else:
        splits = _loaded(datasets.load_dataset(wish["address"], wish["subset"], revision=wish["revision"]))
    wanted = [split for split in splits if wish["split"] in (None, split.name)]
    if not wanted:
        raise ValueError(f"there is no split {wish['split']!r}, only {', '.join(split.name for split in splits)}")
    return wanted


def _is_saved(folder: Path) -> bool:
    """True for what `save_to_disk` wrote."""
    return (folder / "dataset_dict.json").exists() or (folder / "state.json").exists()


def _loaded(loaded: Any) -> list[Split]:
    """The splits of a data set that lies on this machine whole."""
    splits = loaded if isinstance(loaded, dict) else {str(loaded.split or "train"): loaded}
    return [Split(str(name), rows.to_iterable_dataset(), rows._fingerprint) for name, rows in splits.items()]


def _revision(wish: dict[str, Any]) -> str | None:
    """The commit on the hub; what the recipe says where the hub is not asked."""
    if wish["way"] == "hub":
        import huggingface_hub

        api = huggingface_hub.HfApi()
        facts = api.dataset_info(wish["address"], revision=wish["revision"], timeout=HUB_SECONDS)
        return str(facts.sha or wish["revision"] or "") or None
    return wish["revision"]  # type: ignore[no-any-return]


def _export(rows: Any, export: Path, number: int) -> list[str]:
    """Names of the Parquet files that hold the rows. Each is noted when it is whole, with the rows up to its end."""
    note = export / f"split-{number}.json"
    known: dict[str, Any] = read_json(note) if note.exists() else {"parts": [], "n_rows": 0}
    columns = recognised(rows.column_names or next(iter(rows.take(1)), {}))
    rows = rows.select_columns(columns.names()) if columns else rows  # else the reader will say what is missing
    for part in _parts(rows, known["n_rows"]):
        name = f"split-{number}-{len(known['parts']):05d}.parquet"
        _write(part, export / name)
        known = {"parts": [*known["parts"], name], "n_rows": known["n_rows"] + sum(map(len, part))}
        write_json(note, known)
    return list(known["parts"])


def _parts(rows: Any, n_done: int) -> Iterator[list[pa.Table]]:
    """Tables of one schema whose contents fit into one file. Rows that are done are only passed by."""
    part: list[pa.Table] = []
    for table in rows.with_format("arrow").iter(PIECE_ROWS):
        if n_done:
            n_skipped = min(n_done, len(table))
            table, n_done = table.slice(n_skipped), n_done - n_skipped
            if not len(table):
                continue
        if part and table.schema != part[0].schema:
            yield part
            part = []
        part.append(table)
        if sum(item.nbytes for item in part) >= PART_BYTES:
            yield part
            part = []
    if part:
        yield part


def _write(tables: Sequence[pa.Table], path: Path) -> None:
    temporary = path.with_name(f".{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.concat_tables(tables), temporary, row_group_size=ROWS_IN_GROUP, compression="zstd")
    temporary.replace(path)


if __name__ == "__main__":
    try:
        made = main(json.loads(sys.argv[1]), Path(sys.argv[2]).resolve())
    except Exception as error:  # the parent shows the last line to the person
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())[:400]}")
    sys.stdout.write(f"{made}\n")
