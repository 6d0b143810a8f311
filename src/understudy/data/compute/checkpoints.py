"""The results of batches on disk: for each batch its contents (Arrow) and its facts (Parquet, for SQL).

A batch is done when a third file holds the hashes of both; it is written last. Results are kept from one run to the
next, so that what did not change is not worked on again, and dropped when the last few corpora did not use them. What a
disk damaged meanwhile has another hash, and is made again: neither format would notice every flipped bit.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from understudy.core.paths import hash_file, write_atomically
from understudy.data.documents import FACTS

KEPT_USES = 4  # corpora whose batches are kept
TORN_SECONDS = 3600.0  # no batch takes as long to write
ENDINGS = ("done", "parquet", "arrow")


class Checkpoints:
    """The batches in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asked: set[str] = set()
        self._sound: set[str] = set()  # looked at already
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self._folder

    def content(self, key: str) -> Path:
        """The Arrow file with a batch's column `content`."""
        return self._folder / f"{key}.arrow"

    def facts(self, key: str) -> Path:
        """The Parquet file with the batch's other columns, row by row."""
        self._asked.add(key)
        return self._folder / f"{key}.parquet"

    def __contains__(self, key: object) -> bool:
        """True for a batch that is done, and as it was written. The first look at one reads it."""
        if key not in self._sound and self._is_sound(str(key)):
            self._sound.add(str(key))
        return key in self._sound

    def _is_sound(self, key: str) -> bool:
        try:
            return (self._folder / f"{key}.done").read_bytes() == self._hashes(key)
        except OSError:
            return False

    def _hashes(self, key: str) -> bytes:
        names = (f"{key}.arrow", f"{key}.parquet")
        return " ".join(hash_file(self._folder / name) for name in names).encode()

    def save(self, key: str, batch: pa.RecordBatch, *, keeps_contents: bool = True) -> None:
        """Keep a batch: whole, or not at all."""
        content = batch.column("content") if keeps_contents else pa.nulls(len(batch), pa.string())
        table = pa.table({"content": content})
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with (
            _Whole(self.content(key)) as path,
            pa.OSFile(os.fspath(path), "wb") as file,
            pa.ipc.new_file(file, table.schema, options=options) as writer,
        ):
            writer.write_table(table)
        with _Whole(self.facts(key)) as path:
            pq.write_table(pa.Table.from_batches([batch.select(FACTS)]), path, compression="lz4")
        with _Whole(self._folder / f"{key}.done") as path:
            path.write_bytes(self._hashes(key))

    def forget(self, keys: Iterable[str]) -> None:
        """Delete these batches."""
        for key in keys:
            self._sound.discard(key)
            for ending in ENDINGS:
                (self._folder / f"{key}.{ending}").unlink(missing_ok=True)

    def _clear_torn(self) -> None:
        """Delete what killed workers were writing. A task that Spark started twice may still be at it."""
        for path in self._folder.glob(".*.*.*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < time.time() - TORN_SECONDS:
                    path.unlink()

    def tidy(self, name: str, stale: Iterable[str]) -> None:
        """Delete the batches `stale`, and those that none of the last few corpora asked for. This one is `name`."""
        self._asked -= set(stale)
        self.forget(stale)
        self._clear_torn()
        write_atomically(self._folder / f"{name}.used", "\n".join(sorted(self._asked)))
        by_age = sorted(self._folder.glob("*.used"), key=lambda path: path.stat().st_mtime_ns)
        for path in by_age[:-KEPT_USES]:
            path.unlink(missing_ok=True)
        wanted = {key for path in by_age[-KEPT_USES:] for key in path.read_text().split("\n")}
        made = {path.stem for ending in ENDINGS for path in self._folder.glob(f"*.{ending}")}
        self.forget(made - wanted)


def read_content(path: Path) -> pa.Array:
    """The column of a content file, unpacked."""
    with pa.OSFile(os.fspath(path), "rb") as file, pa.ipc.open_file(file) as reader:
        return reader.get_batch(0).column("content")


class _Whole:
    """A file that appears under its name when it is written, and not before."""

    def __init__(self, path: Path) -> None:
        self._path, self._temporary = path, path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}")

    def __enter__(self) -> Path:
        return self._temporary

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._temporary.replace(self._path)
        self._temporary.unlink(missing_ok=True)
