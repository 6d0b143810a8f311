"""JSON lines of code: plain or packed, honest or not."""

from __future__ import annotations

import bz2
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from understudy.data.listing import Found
from understudy.data.sources.archive import Limits
from understudy.data.sources.columns import Wants
from understudy.data.sources.jsonl import found_in, read_rows
from understudy.formats.languages import BY_NAME, language_of

MakeCorpus = Callable[..., Any]  # the fixture `make_corpus`, which returns a Corpus
CODE = "import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n"
LIMITS = Limits(100_000, 10_000_000)
WANTS = Wants(lambda path: language_of(path) is not None, lambda lang: lang in BY_NAME)


def row(number: int) -> dict[str, Any]:
    return {
        "content": f"number = {number}  # é\n{CODE}",
        "max_stars_repo_path": f"f{number}.py",
        "max_stars_repo_name": "o/n",
        "licenses": ["MIT"],
        "revision": f"r{number}",
        "commit_time": 1_600_000_000 + number,
    }


def lines(n: int) -> bytes:
    return "".join(json.dumps(row(number), ensure_ascii=bool(number % 2)) + "\n" for number in range(n)).encode()


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.Codec("zstd").compress(data, asbytes=True)
    return packed


def found(path: Path, limits: Limits = LIMITS) -> list[Found]:
    return list(found_in(path, "data", limits, WANTS))


def reasons(path: Path, limits: Limits = LIMITS) -> list[tuple[str, str]]:
    return [(item.path, item.reason) for item in found(path, limits)]


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.jsonl", bytes), ("a.jsonl.gz", gzip.compress), ("a.jsonl.zst", zstd), ("a.bz2", bz2.compress)],
)
def test_lines_become_a_corpus_whatever_they_are_packed_in(
    name: str, pack: Callable[[bytes], bytes], tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    (tmp_path / name).write_bytes(pack(lines(5)))
    kept = make_corpus([{"jsonl": str(tmp_path / name), "license": "MIT"}]).kept()
    assert sorted(kept) == [f"f{number}.py" for number in range(5)]
    told = kept["f3.py"]
    assert told["content"] == f"number = 3  # é\n{CODE}"
    assert (told["repo"], told["revision"], told["commit_time"]) == ("o/n", "r3", 1_600_000_003)


def test_a_wrong_line_is_set_aside_with_its_number_and_the_rest_goes_on(tmp_path: Path) -> None:
    bad = {
        2: b"{not json",
        3: b'["a", "list"]',
        4: b'{"content": 5, "path": "five.py"}',
        5: b'{"path": "none.py"}',
        6: b'{"content": "caf\xe9", "path": "latin.py"}',
        7: b'{"content": "x", "content": "y"}',
        8: b'{"content": "x", "size": NaN}',
        9: b'{"content": "x", "size": ' + b"9" * 5000 + b"}",
        10: b"[" * 100_000 + b"]" * 100_000,
        11: b'{"content": "x", "a": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        12: b'{"content": "x" "path": 1}',
        13: b"\x00\x01\x02",
    }
    raw = lines(1) + b"".join(line + b"\n" for line in bad.values()) + b"\n   \n" + lines(1)
    (tmp_path / "a.jsonl").write_bytes(raw)
    rows = found(tmp_path / "a.jsonl", Limits(1_000_000, 10_000_000))
    assert [row.reason for row in rows] == [
        "", "bad-json", "bad-json", "no-content", "no-content", *["bad-json"] * 8, "",
    ]  # fmt: skip
    assert all(f"line {number}" in row.evidence for number, row in zip(bad, rows[1:], strict=False))
    assert rows[1].path == "a.jsonl:2" and rows[3].path == "five.py" and rows[-1].location == "16"


def test_half_a_surrogate_pair_is_found_by_the_decoder(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(2) + b'{"content": "x = \\"\\ud800\\"", "path": "half.py"}\n')
    corpus = make_corpus([{"jsonl": str(tmp_path / "a.jsonl")}])
    assert len(corpus.kept()) == 2 and corpus.rejected()["half.py"][0] == "undecodable"


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc")
def test_a_line_that_no_file_could_need_is_passed_over_without_being_held(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(lines(1))
        file.write(b'{"content": "')
        file.seek(2_000_000_000, 1)  # a hole: two gigabytes of zeros in no space
        file.write(b'"}\n' + lines(2))
    program = (
        "import sys; from pathlib import Path\n"
        "from understudy.data.sources.archive import Limits\n"
        "from understudy.data.sources.columns import Wants\n"
        "from understudy.data.sources.jsonl import found_in\n"
        "rows = list(found_in(Path(sys.argv[1]), 'x', Limits(1_000_000, 10_000), Wants(bool, bool)))\n"
        "peak = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(*(row.reason or 'ok' for row in rows), int(peak) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    *told, megabytes = done.stdout.split()
    assert told == ["ok", "too-large", "ok", "ok"]
    assert int(megabytes) < 400


def test_a_content_over_the_limit_is_set_aside_under_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"content": "x" * 200_000, "path": "big.py"}) + "\n")
    assert reasons(tmp_path / "a.jsonl") == [("big.py", "too-large")]


def test_marks_of_encodings_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + lines(2))
    assert reasons(path) == [("f0.py", ""), ("f1.py", "")]
    path.write_bytes(lines(2).decode().encode("utf-16"))
    assert reasons(path) == [("a.jsonl", "damaged-jsonl")]


def test_what_is_no_jsonl_at_all_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("no json\n" * 5000)
    rows = found(tmp_path / "a.jsonl")
    assert len(rows) == 1001 and rows[-1].reason == "damaged-jsonl" and "the rest was not read" in rows[-1].evidence


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_truncated_or_broken_stream_gives_what_came_before(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    many = "".join(json.dumps({**row(n), "noise": f"{n * 7919 % 104729:x}" * 40}) + "\n" for n in range(20_000))
    packed = pack(many.encode())
    path = tmp_path / "a.jsonl"
    path.write_bytes(packed[: len(packed) // 2])
    rows = found(path, Limits(100_000, 100_000_000))
    assert rows[-1].reason == "damaged-jsonl" and 100 < len(rows) < 20_000
    path.write_bytes(packed[: len(packed) // 2] + b"\xff" * 500 + packed[len(packed) // 2 + 500 :])
    assert {row.reason for row in found(path, Limits(100_000, 100_000_000))} & {"damaged-jsonl", "bad-json"}


def test_a_bomb_is_stopped_by_what_comes_out_of_it(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(lines(3) + b"\n" * 50_000_000))
    rows = found(path)
    assert [row.reason for row in rows] == ["", "", "", "damaged-jsonl"] and "max_archive_bytes" in rows[-1].evidence


def test_contents_are_read_again_by_line_and_are_none_where_they_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"broken\n" + lines(9))
    assert list(read_rows(path, ["3", "7", "50"], LIMITS)) == [
        f"number = 1  # é\n{CODE}".encode(), f"number = 5  # é\n{CODE}".encode(), None,
    ]  # fmt: skip
    path.unlink()
    assert list(read_rows(path, ["3", "7"], LIMITS)) == [None, None]
