"""SQL reads the corpus, and nothing else; it writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.core.errors import UsageError
from understudy.data.inspection.opened import Corpus
from understudy.data.inspection.sql import query


@pytest.mark.parametrize("table", ["train", "valid", "rejected", "files", "near_duplicates", "redactions"])
def test_every_table_can_be_asked(corpus: Corpus, table: str) -> None:
    [[n]] = query(corpus, f"SELECT count(*) FROM {table}").rows
    assert n > 0


def test_files_is_the_three_sides_together(corpus: Corpus) -> None:
    answer = query(corpus, "SELECT side, count(*) AS n FROM files GROUP BY side")
    assert list(answer.columns) == ["side", "n"]
    counts = dict(answer.rows)
    for side in ("train", "valid", "rejected"):
        assert [(counts[side],)] == list(query(corpus, f"SELECT count(*) FROM {side}").rows)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM read_parquet('https://example.invalid/a.parquet')",
        "SELECT * FROM corpus",  # a variable of the caller's
        "COPY (SELECT 1) TO '{file}'",
        "COPY (SELECT 1) TO '{part}' (FORMAT parquet)",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{part}' (FORMAT parquet)",
        "SELECT 1; DROP VIEW train",
        "ATTACH '{file}.db'",
        "INSTALL httpfs",
        "SET threads = 1",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "CREATE TABLE t AS SELECT 1",
        "",
        "SELEC 1",
    ],
)
def test_other_files_settings_and_writing_are_refused(corpus: Corpus, tmp_path: Path, text: str) -> None:
    file = tmp_path / "secret.txt"
    file.write_text("hidden")
    part = corpus.folder / "train" / "part-00000.parquet"
    before = part.read_bytes()
    with pytest.raises(UsageError):
        list(query(corpus, text.format(file=file, part=part)).rows)
    assert part.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]


def test_an_error_has_the_databases_words_and_lists_tables_and_columns(corpus: Corpus) -> None:
    with pytest.raises(UsageError, match="frob") as caught:
        query(corpus, "SELECT frob FROM train")
    assert "rejected (content, path, repo" in (caught.value.hint or "")


def test_an_error_while_rows_are_read_is_told_as_well(corpus: Corpus) -> None:
    with pytest.raises(UsageError, match="cannot be answered"):
        list(query(corpus, "SELECT CAST(path AS INTEGER) FROM train").rows)
