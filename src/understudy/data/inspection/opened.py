"""A finished corpus as tables that can be asked: nothing but its own files can be read, and nothing can be written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from understudy.core.errors import InputDataError
from understudy.core.hardware import n_cores
from understudy.core.paths import read_json
from understudy.data.decisions.near_duplicate import SIDE_FILE as NEAR_DUPLICATES
from understudy.data.documents import REJECTED_FIELDS
from understudy.formats.corpus import REMEDY

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SIDES = ("train", "valid", "rejected")
REDACTIONS = "redactions.parquet"
MEMORY = "1GB"
# What the tables are where the recipe switched their maker off, so that the same question can be asked of every corpus.
EMPTY = {
    "near_duplicates": pa.schema(
        [("cluster", pa.int64()), ("place", pa.int64()), ("repo", pa.string()), ("path", pa.string()),
         ("id", pa.string()), ("kept", pa.bool_()), ("similar_to", pa.string()), ("similarity", pa.float64())]
    ),
    "redactions": pa.schema(
        [("repo", pa.string()), ("path", pa.string()), ("id", pa.string()), ("side", pa.string()),
         ("line", pa.int32()), ("kind", pa.string())]
    ),
}  # fmt: skip
COLUMNS = ", ".join(field.name for field in REJECTED_FIELDS)
ONLY_REJECTED = ("drop_reason", "dropped_by", "evidence")
Row = dict[str, Any]


class Corpus:
    """The corpus in a folder, with a connection to its tables: train, valid, rejected, files (all three with their
    `side`), near_duplicates and redactions."""

    def __init__(self, folder: Path, connection: DuckDBPyConnection) -> None:
        self.folder = folder
        self.connection = connection

    def rows(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[Row]:
        """What a query of ours finds, a mapping for each row."""
        found = self.connection.execute(query, values)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def json(self, name: str) -> Any:
        """The value in a JSON file of the corpus; None where it has none. Raises InputDataError when it is damaged."""
        try:
            return read_json(self.folder / name)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise InputDataError(f"{self.folder / name} cannot be read: {error}", REMEDY) from error

    def contents(self, rows: Sequence[Row]) -> list[str | None]:
        """The contents of rows that have `part` and `number`. Reads the row groups they lie in, one at a time."""
        found: dict[tuple[str, int], str | None] = {}
        for part in sorted({row["part"] for row in rows}):
            wanted = sorted({row["number"] for row in rows if row["part"] == part})
            found |= {(part, number): text for number, text in _contents(Path(part), wanted)}
        return [found[row["part"], row["number"]] for row in rows]


@contextmanager
def opened(folder: Path) -> Iterator[Corpus]:
    """The corpus in this folder. Raises InputDataError when a file of it is damaged.

    The connection is locked: it reads these files and no others, loads no extension, and its settings stay.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="understudy-sql-") as spill:
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": n_cores(), "memory_limit": MEMORY, "temp_directory": spill,
            "autoinstall_known_extensions": False, "autoload_known_extensions": False,
        }  # fmt: skip
        connection = duckdb.connect(":memory:", config=settings)
        try:
            _register(connection, folder)
            yield Corpus(folder, connection)
        except duckdb.IOException as error:
            raise InputDataError(f"the corpus in {folder} cannot be read: {error}", REMEDY) from error
        finally:
            connection.close()


def _register(connection: DuckDBPyConnection, folder: Path) -> None:
    parts = {side: _parts(folder, side) for side in SIDES}
    extra = {name: folder / file for name, file in (("near_duplicates", NEAR_DUPLICATES), ("redactions", REDACTIONS))}
    files = [file for mine in parts.values() for file in mine]
    files += [os.fspath(path) for path in extra.values() if path.exists()]
    connection.execute("SET allowed_paths = ?", [files])
    for side, mine in parts.items():
        relation = connection.read_parquet(mine, filename=True, file_row_number=True)
        relation.create_view(f"located_{side}")
        connection.execute(f"CREATE VIEW {side} AS SELECT * EXCLUDE (filename, file_row_number) FROM located_{side}")
    for name, path in extra.items():
        if path.exists():
            connection.read_parquet(os.fspath(path)).create_view(name)
        else:
            connection.register(name, EMPTY[name].empty_table())
    connection.execute(_files("files", ""))
    connection.execute(_files("located", ", filename AS part, file_row_number AS number", "located_"))
    for setting in ("enable_external_access = false", "python_enable_replacements = false"):
        connection.execute(f"SET {setting}")
    connection.execute("SET lock_configuration = true")


def _files(view: str, also: str, prefix: str = "") -> str:
    """The statement that makes one table of the three, with the side that each row is on."""
    none = {name: f"CAST(NULL AS VARCHAR) AS {name}" for name in ONLY_REJECTED}
    names = COLUMNS.split(", ")
    selects = [
        f"SELECT '{side}' AS side, {', '.join(names if side == 'rejected' else [none.get(n, n) for n in names])}{also}"
        f" FROM {prefix}{side}"
        for side in SIDES
    ]
    return f"CREATE VIEW {view} AS " + " UNION ALL ".join(selects)


def _parts(folder: Path, side: str) -> list[str]:
    parts = [os.fspath(part) for part in sorted((folder / side).glob("part-*.parquet"))]
    if not parts:
        raise InputDataError(f"{folder} has no {side}/part-*.parquet: it is no corpus, or a damaged one", REMEDY)
    return parts


def _contents(part: Path, numbers: Sequence[int]) -> Iterator[tuple[int, str | None]]:
    with pq.ParquetFile(part) as file:
        start = 0
        for group in range(file.metadata.num_row_groups):
            n_rows = file.metadata.row_group(group).num_rows
            mine = [number for number in numbers if start <= number < start + n_rows]
            if mine:
                column = file.read_row_group(group, columns=["content"]).column(0)
                yield from ((number, column[number - start].as_py()) for number in mine)
            start += n_rows
