"""Parquet files of code: known columns are understood, and damage costs only what is damaged."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from understudy.data.listing import Found
from understudy.data.sources.archive import Limits
from understudy.data.sources.columns import Wants
from understudy.data.sources.parquet import found_in, read_rows
from understudy.formats.languages import BY_NAME, language_of

MakeCorpus = Callable[..., Any]  # the fixture `make_corpus`, which returns a Corpus
CODE = "import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n"
LIMITS = Limits(1_000_000, 100_000_000)
WANTS = Wants(lambda path: language_of(path) is not None, lambda lang: lang in BY_NAME)


def stack_row(number: int) -> dict[str, Any]:
    return {
        "hexsha": f"{number:040x}",
        "size": 10,
        "ext": "py",
        "lang": "Python",
        "max_stars_repo_path": f"src/file{number}.py",
        "max_stars_repo_name": f"owner/repo{number % 2}",
        "max_stars_repo_head_hexsha": f"{number + 1000:040x}",
        "max_stars_repo_licenses": ["MIT", "Apache-2.0"],
        "content": f"number = {number}\n{CODE}",
        "avg_line_length": 20.5,
    }


def written(path: Path, rows: list[dict[str, Any]], **options: Any) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path, **options)
    return path


def found(path: Path, limits: Limits = LIMITS) -> list[Found]:
    return list(found_in(path, "data", limits, WANTS))


def again(path: Path, rows: list[Found], limits: Limits = LIMITS) -> list[bytes | None]:
    return list(read_rows(path, [row.location for row in rows if not row.reason], limits))


def test_the_stack_becomes_a_corpus_row_by_row(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    written(tmp_path / "a.parquet", [stack_row(number) for number in range(6)], row_group_size=2)
    source = {"parquet": str(tmp_path / "*.parquet"), "weight": 2.5}
    kept = make_corpus([source]).kept()
    assert sorted(kept) == [f"src/file{number}.py" for number in range(6)]
    row = kept["src/file3.py"]
    assert (row["repo"], row["revision"], row["lang"]) == ("owner/repo1", f"{1003:040x}", "python")
    assert row["content"] == f"number = 3\n{CODE}"
    assert (row["source"], row["weight"]) == (f"parquet: {tmp_path}/*.parquet", 2.5)


def test_licences_are_those_of_the_row(tmp_path: Path) -> None:
    rows = found(written(tmp_path / "a.parquet", [stack_row(1)]))
    assert rows[0].licenses == ("MIT", "Apache-2.0")


def test_the_stack_v2_names_are_known_and_dates_are_commit_times(tmp_path: Path) -> None:
    row = {
        "blob_id": "1", "repo_name": "a/b", "path": "/lib/x.go", "revision_id": "abc", "detected_licenses": ["MIT"],
        "language": "Go", "committer_date": datetime(2023, 5, 4, 3, 2, 1, tzinfo=UTC), "content": "package x\n" * 5,
    }  # fmt: skip
    (item,) = found(written(tmp_path / "a.parquet", [row]))
    assert (item.repo, item.path, item.revision, item.licenses, item.commit_time) == (
        "a/b", "lib/x.go", "abc", ("MIT",), 1_683_169_321,
    )  # fmt: skip


def test_rows_without_names_get_the_same_names_every_time(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [{"text": f"x = {n}\n", "lang": "Python"} for n in range(3)])
    rows = found(path)
    assert [(row.repo, row.path, row.lang) for row in rows] == [("data", f"row-{n}.py", "python") for n in range(3)]
    assert found(path) == rows


def test_the_data_sets_language_counts_where_the_name_says_nothing(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    rows = [
        {"content": f"x = 1\n{CODE}", "path": "tool.strange-ending", "lang": "Python"},
        {"content": f"x = 2\n{CODE}", "path": "other.py", "lang": "Klingon"},
        {"content": f"x = 3\n{CODE}", "path": "none.strange-ending", "lang": "Klingon"},
        {"content": f"x = 4\n{CODE}", "path": "more.py", "lang": None},
    ]
    corpus = make_corpus([{"parquet": str(written(tmp_path / "a.parquet", rows))}], languages=["python"])
    assert {path: row["lang"] for path, row in corpus.kept().items()} == {
        "tool.strange-ending": "python", "other.py": "python", "more.py": "python",
    }  # fmt: skip
    assert corpus.rejected()["none.strange-ending"][0] == "unknown-language"


def test_contents_are_read_again_in_order_whatever_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [stack_row(n) for n in range(500)], row_group_size=64)
    chosen = sorted(random.Random(1).sample(range(500), 40))
    read = list(read_rows(path, [str(n) for n in (*chosen, 500, 900)], LIMITS))
    assert read == [*(f"number = {n}\n{CODE}".encode() for n in chosen), None, None]


def test_a_file_that_is_gone_or_changed_gives_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [stack_row(n) for n in range(4)])
    rows = found(path)
    written(path, [{"other": 1}])
    assert again(path, rows) == [None] * 4
    path.unlink()
    assert again(path, rows) == [None] * 4


def test_null_large_and_undecodable_contents_are_set_aside_one_by_one(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    contents = [CODE.encode(), None, b"x" * 2_000_000, b"caf\xe9 = 1\n" * 20, b"\x7fELF" + b"\0" * 99]
    table = pa.table({"content": pa.array(contents, pa.binary()), "path": [f"{n}.py" for n in range(5)]})
    pq.write_table(table, tmp_path / "a.parquet")
    corpus = make_corpus([{"parquet": str(tmp_path / "a.parquet")}])
    assert sorted(corpus.kept()) == ["0.py"]
    assert {path: reason for path, (reason, _) in corpus.rejected().items()} == {
        "1.py": "no-content", "2.py": "too-large", "3.py": "undecodable", "4.py": "binary",
    }  # fmt: skip


def test_text_columns_may_hold_bytes_that_are_no_text(tmp_path: Path) -> None:
    def broken(values: list[bytes]) -> pa.Array:
        return pa.array(values, pa.binary()).view(pa.string())

    columns = {
        "content": broken([b"x = 'caf\xe9'\n"]), "path": broken([b"a\xff/\nb.py"]), "repo_name": broken([b"o\xfe/n"]),
        "license": broken([b"M\xffT"]), "lang": broken([b"Py\xff"]), "revision": broken([b"\xff"]),
    }  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    (row,) = found(tmp_path / "a.parquet")
    assert (row.repo, row.path, row.licenses, row.reason) == ("o\\xfe/n", "a\\xff/\nb.py", ("M\\xffT",), "")
    assert again(tmp_path / "a.parquet", [row]) == [b"x = 'caf\xe9'\n"]


def test_names_that_lead_out_are_names_inside(tmp_path: Path) -> None:
    paths = ["../../etc/evil.py", "/abs.py", "a//./b.py", "..", "C:\\x\\y.py"]
    rows = found(written(tmp_path / "a.parquet", [{"content": CODE, "path": path} for path in paths]))
    assert [row.path for row in rows] == ["etc/evil.py", "abs.py", "a/b.py", "row-3", "C:/x/y.py"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"path": "a.py", "body": "x"}], "no column of contents"),
        ([{"content": 5}], "is int64, and should be text"),
        ([{"content": ["a"]}], "is list"),
    ],
)
def test_a_file_without_contents_is_set_aside_whole(rows: list[dict[str, Any]], told: str, tmp_path: Path) -> None:
    (only,) = found(written(tmp_path / "a.parquet", rows))
    assert (only.path, only.reason) == ("a.parquet", "damaged-parquet") and told in only.evidence


def test_values_of_strange_types_beside_the_content_do_no_harm(tmp_path: Path) -> None:
    columns = {
        "content": [CODE], "path": [7], "repo_name": [{"a": 1}], "license": [3.5], "revision": [[b"x"]],
        "commit_date": pa.array([2**62], pa.timestamp("us")), "lang": [True],
    }  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    (row,) = found(tmp_path / "a.parquet")
    assert (row.repo, row.path, row.licenses, row.revision, row.commit_time) == ("data", "row-0", (), None, None)


def big_rows(n: int) -> list[dict[str, Any]]:
    return [{**stack_row(k), "content": random.Random(k).randbytes(300).hex()} for k in range(n)]


@pytest.mark.parametrize("keep", [0, 3, 100, -9, -1])
def test_a_truncated_file_is_set_aside_with_a_reason(keep: int, tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", big_rows(50))
    path.write_bytes(path.read_bytes()[:keep])
    (only,) = found(path)
    assert (only.path, only.reason) == ("a.parquet", "damaged-parquet") and only.evidence


def test_damage_in_one_row_group_leaves_the_others(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    path = written(tmp_path / "a.parquet", [stack_row(n) for n in range(60)], row_group_size=20, use_dictionary=False)
    column = pq.read_metadata(path).row_group(1).column(8)
    assert column.path_in_schema == "content"
    raw = bytearray(path.read_bytes())
    start = column.data_page_offset
    raw[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(raw)
    rows = found(path)
    (bad,) = (row for row in rows if row.reason)
    assert bad.reason == "damaged-parquet" and "row group 1 (rows 20 to 39)" in bad.evidence
    assert [row.location for row in rows if not row.reason] == [str(n) for n in (*range(20), *range(40, 60))]
    assert None not in again(path, rows)
    corpus = make_corpus([{"parquet": str(path)}])
    assert len(corpus.kept()) == 40 and corpus.rejected()["a.parquet"][0] == "damaged-parquet"


def test_any_flipped_bytes_end_in_rows_or_reasons(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [stack_row(n) for n in range(40)], row_group_size=10)
    whole = path.read_bytes()
    for seed in range(60):
        choice = random.Random(seed)
        raw = bytearray(whole)
        for _ in range(choice.randrange(1, 20)):
            raw[choice.randrange(len(raw))] = choice.randrange(256)
        path.write_bytes(raw)
        rows = found(path)
        assert rows and len(again(path, rows)) == sum(not row.reason for row in rows)


def test_a_row_group_that_says_more_bytes_than_may_be_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", [{"content": "x" * 5000, "path": "a.py"}] * 9, use_dictionary=False)
    (only,) = found(path, Limits(1_000_000, 10_000))
    assert only.reason == "damaged-parquet" and "max_archive_bytes" in only.evidence


MEMORY = """
import sys
from pathlib import Path
from understudy.data.sources.archive import Limits
from understudy.data.sources.columns import Wants
from understudy.data.sources.parquet import found_in, read_rows
limits = Limits(2_000_000, 2_000_000_000)
def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024
list(found_in(Path(sys.argv[2]), "x", limits, Wants(bool, bool)))
before = peak()
n = 0
for row in found_in(Path(sys.argv[1]), "x", limits, Wants(bool, bool)):
    n += 1
read = sum(map(len, read_rows(Path(sys.argv[1]), list(map(str, range(n))), limits)))
print(n, read, peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc")
def test_a_value_repeated_a_thousand_times_is_held_once(tmp_path: Path) -> None:
    bomb = "y = 1\n" * 200_000  # 1.2 MB; written a thousand times in a few kilobytes
    contents = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), [bomb])
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"content": contents, "path": ["a.py"] * 1000}), path, compression="zstd")
    small = written(tmp_path / "small.parquet", [{"content": "x", "path": "a.py"}])
    assert path.stat().st_size < 100_000
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path), str(small)], capture_output=True, text=True, check=True
    )
    n, n_bytes, grown_mb = map(int, done.stdout.split())
    assert (n, n_bytes) == (1000, 1_200_000_000)
    assert grown_mb < 200, f"{grown_mb} MB for 1.2 GB of contents"


def test_an_unchanged_file_is_not_read_again_and_gives_the_same_corpus(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    import os

    path = written(tmp_path / "a.parquet", [stack_row(number) for number in range(6)])
    os.utime(path, (1_700_000_000, 1_700_000_000))
    first = make_corpus([{"parquet": str(path)}], work="one")
    assert make_corpus([{"parquet": str(path)}], work="two").hashes() == first.hashes()
