"""SQL of the user's over a corpus: one SELECT, and nothing but the corpus to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from understudy.core.errors import UsageError
from understudy.data.inspection.opened import Corpus

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TABLES = ("train", "valid", "rejected", "files", "near_duplicates", "redactions")
ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The columns of an answer, and its rows as they are asked for."""

    columns: Sequence[str]
    rows: Iterator[tuple[Any, ...]]


def query(corpus: Corpus, text: str) -> Answer:
    """The answer to one SELECT. Raises UsageError with the database's own words when it is wrong."""
    import duckdb

    try:
        statements = duckdb.extract_statements(text)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise UsageError("one SELECT is answered, and nothing that writes or changes settings", _hint(corpus))
        corpus.connection.execute(statements[0])
        columns = [column[0] for column in corpus.connection.description or ()]
    except duckdb.Error as error:
        raise _wrong(error, corpus) from error
    return Answer(columns, _rows(corpus))


def _rows(corpus: Corpus) -> Iterator[tuple[Any, ...]]:
    import duckdb

    try:
        while some := corpus.connection.fetchmany(ROWS_AT_ONCE):
            yield from some
    except duckdb.Error as error:
        raise _wrong(error, corpus) from error


def _wrong(error: Exception, corpus: Corpus) -> UsageError:
    return UsageError(f"the query cannot be answered: {str(error).strip()}", _hint(corpus))


def _hint(corpus: Corpus) -> str:
    """The tables and their columns."""
    return "there is " + "; ".join(f"{name} ({', '.join(_columns(corpus.connection, name))})" for name in TABLES)


def _columns(connection: DuckDBPyConnection, name: str) -> list[str]:
    return [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
