"""The results of batches on disk: for each batch its contents (Arrow) and its facts (Parquet, for SQL).

A batch is done when its facts are there; they are written last. Results are kept from one run to the next, so that what
did not change is not worked on again, and dropped when the last few corpora did not use them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from understudy.core.paths import write_atomically
from understudy.data.documents import FACTS

KEPT_USES = 4  # corpora whose batches are kept
END_OF_PARQUET = b"PAR1"
END_OF_ARROW = b"ARROW1"


class Checkpoints:
    """The batches in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asked: set[str] = set()
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
        """True for a batch that is done. One cut short by a power failure is not."""
        where = [(self._folder / f"{key}.parquet", END_OF_PARQUET), (self._folder / f"{key}.arrow", END_OF_ARROW)]
        return all(_ends_with(path, end) for path, end in where)

    def save(self, key: str, batch: pa.RecordBatch, *, keeps_contents: bool = True) -> None:
        """Keep a batch: whole, or not at all."""
        content = batch.column("content") if keeps_contents else pa.nulls(len(batch), pa.string())
        table = pa.table({"content": content})
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with _Whole(self.content(key)) as path, pa.OSFile(os.fspath(path), "wb") as file:
            with pa.ipc.new_file(file, table.schema, options=options) as writer:
                writer.write_table(table)
        with _Whole(self.facts(key)) as path:
            pq.write_table(pa.Table.from_batches([batch.select(FACTS)]), path, compression="lz4")

    def forget(self, keys: Iterable[str]) -> None:
        """Delete these batches."""
        for key in keys:
            for ending in ("parquet", "arrow"):
                (self._folder / f"{key}.{ending}").unlink(missing_ok=True)

    def tidy(self, name: str, stale: Iterable[str]) -> None:
        """Delete the batches `stale`, and those that none of the last few corpora asked for. This one is `name`."""
        self._asked -= set(stale)
        self.forget(stale)
        write_atomically(self._folder / f"{name}.used", "\n".join(sorted(self._asked)))
        by_age = sorted(self._folder.glob("*.used"), key=lambda path: path.stat().st_mtime_ns)
        for path in by_age[:-KEPT_USES]:
            path.unlink(missing_ok=True)
        wanted = {key for path in by_age[-KEPT_USES:] for key in path.read_text().split()}
        self.forget([path.stem for path in self._folder.glob("*.parquet") if path.stem not in wanted])


def read_content(path: Path) -> pa.Array:
    """The column of a content file, unpacked."""
    with pa.OSFile(os.fspath(path), "rb") as file, pa.ipc.open_file(file) as reader:
        return reader.get_batch(0).column("content")


class _Whole:
    """A file that appears under its name when it is written, and not before."""

    def __init__(self, path: Path) -> None:
        self._path, self._temporary = path, path.with_name(f".{path.name}.{os.getpid()}")

    def __enter__(self) -> Path:
        return self._temporary

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._temporary.replace(self._path)
        self._temporary.unlink(missing_ok=True)


def _ends_with(path: Path, end: bytes) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-len(end), os.SEEK_END)
            return file.read() == end
    except OSError:
        return False
