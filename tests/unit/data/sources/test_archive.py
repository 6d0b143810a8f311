"""Archives: honest ones read like folders, hostile ones are set aside with a reason."""

from __future__ import annotations

import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from understudy.core.errors import InputDataError
from understudy.data.sources.archive import (
    Limits,
    Member,
    archive_name,
    found_in,
    read_located,
    read_members,
    safe_path,
)

MakeCorpus = Callable[..., Any]  # the fixture `make_corpus`, which returns a Corpus
CODE = "import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n"
LIMITS = Limits(1_000_000, 10_000_000)


def add(tar: tarfile.TarFile, name: str, data: bytes = CODE.encode(), **facts: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in facts.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(data) if info.isreg() else None)


def members(path: Path, limits: Limits = LIMITS) -> list[Member]:
    return list(read_members(path, limits, lambda _, name: name.endswith(".py")))


def reasons(path: Path, limits: Limits = LIMITS) -> dict[str, str]:
    return {member.path: member.reason for member in members(path, limits)}


@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_reads_like_a_folder(mode: str, tmp_path: Path, make_corpus: MakeCorpus) -> None:
    path = tmp_path / f"project-1.0.tar{mode[1:].replace(':', '.').rstrip('.')}"
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for number in range(5):
            add(tar, f"project-1.0/src/file{number}.py", f"number = {number}\n{CODE}".encode())
    kept = make_corpus([{"archive": str(path)}]).kept()
    assert {(row["repo"], name) for name, row in kept.items()} == {
        ("project-1.0", f"src/file{number}.py") for number in range(5)
    }
    assert kept["src/file3.py"]["content"] == f"number = 3\n{CODE}"


def test_zips_and_patterns(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    for name in ("one", "two"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr(f"{name}/a.py", f"name = '{name}'\n{CODE}")
    rows = make_corpus([{"archive": str(tmp_path / "*.zip")}], split={"by": "repository", "valid": 0.4}).kept()
    assert len(rows) == 1  # both are called a.py
    corpus = make_corpus([{"archive": str(tmp_path / "*.zip")}], work="again")
    assert {row["repo"] for side in ("train", "valid") for row in corpus.rows(side)} == {"one", "two"}


def test_members_that_lead_out_of_the_archive_are_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as tar:
        add(tar, "../../evil.py")
        add(tar, "/etc/evil.py")
        add(tar, "a/../../evil.py")
        add(tar, "C:\\evil.py")
        add(tar, "link.py", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        add(tar, "hard.py", type=tarfile.LNKTYPE, linkname="../../etc/passwd")
        add(tar, "null.py", type=tarfile.CHRTYPE, devmajor=1, devminor=3)
        add(tar, "disk.py", type=tarfile.BLKTYPE)
        add(tar, "pipe.py", type=tarfile.FIFOTYPE)
        add(tar, "good.py", mode=0o4777)
    assert reasons(path) == {
        "../../evil.py": "unsafe-path", "/etc/evil.py": "unsafe-path", "a/../../evil.py": "unsafe-path",
        "C:\\evil.py": "unsafe-path", "link.py": "link", "hard.py": "link",
        "null.py": "not-a-file", "disk.py": "not-a-file", "pipe.py": "not-a-file", "good.py": "",
    }  # fmt: skip


def test_nothing_is_written_outside_of_the_project(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as tar:
        add(tar, "../evil.py")
        add(tar, "good.py")
        add(tar, "better.py", (CODE + "x = 1\n").encode())
    corpus = make_corpus([{"archive": str(path)}])
    assert corpus.rejected()["../evil.py"][0] == "unsafe-path"
    assert {item.name for item in tmp_path.iterdir()} == {"evil.tar", "project"}


def test_a_bomb_is_stopped_by_what_comes_out_of_it(tmp_path: Path) -> None:
    tar_path, zip_path = tmp_path / "bomb.tar.gz", tmp_path / "bomb.zip"
    with tarfile.open(tar_path, "w:gz") as tar:
        add(tar, "good.py")
        add(tar, "zeros.bin", bytes(30_000_000))
        add(tar, "late.py")
    with zipfile.ZipFile(zip_path, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(40):
            file.writestr(f"zeros{number}.py", bytes(900_000))
    assert tar_path.stat().st_size < 100_000
    assert reasons(tar_path) == {"good.py": "", "zeros.bin": "", "bomb.tar.gz": "archive-too-large"}
    outcome = reasons(zip_path)
    assert outcome["bomb.zip"] == "archive-too-large" and len(outcome) < 14


def test_a_member_that_is_too_large_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("large.py", bytes(5_000_000))
        file.writestr("good.py", CODE)
    assert reasons(path) == {"large.py": "too-large", "good.py": ""}


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.98])
def test_a_truncated_archive_gives_what_came_before_the_cut(keep: float, tmp_path: Path) -> None:
    path = tmp_path / "cut.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for number in range(200):
            add(tar, f"f{number}.py", f"name = '{random.Random(number).randbytes(99).hex()}'\n{CODE}".encode())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    found = members(path)
    assert found[-1].reason == "damaged-archive" and "members" in found[-1].evidence
    assert len(found) > 10 and all(not member.reason for member in found[:-1])


def test_what_is_no_archive_says_so(tmp_path: Path) -> None:
    for name, data in {
        "text.tar": b"not a tar at all" * 100,
        "empty.tar.gz": b"",
        "text.zip": b"PK\x03\x04 and then nothing",
        "noise.tar.xz": b"\xfd7zXZ\x00" + bytes(range(256)),
        "text.tar.gz": gzip.compress(b"just text, no tar" * 100),
    }.items():
        (tmp_path / name).write_bytes(data)
        assert reasons(tmp_path / name) == {name: "damaged-archive"}, name


def test_an_xz_that_needs_gigabytes_of_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "window.tar.xz"
    packed = bytearray(lzma.compress(bytes(1000), format=lzma.FORMAT_XZ, preset=0))
    start, size = 12, (packed[12] + 1) * 4  # the first block's header, behind the stream's
    packed[start + 4] = 39  # LZMA2's window: 3 GB
    packed[start + size - 4 : start + size] = struct.pack("<I", zlib.crc32(packed[start : start + size - 4]))
    path.write_bytes(packed)
    (only,) = members(path)
    assert only.reason == "damaged-archive" and "emory" in only.evidence


def test_the_first_of_two_members_with_one_name_counts(tmp_path: Path) -> None:
    path = tmp_path / "twice.tar"
    with tarfile.open(path, "w") as tar:
        add(tar, "a.py", b"first = 1\n")
        add(tar, "./a.py", b"second = 2\n")
    assert [(member.reason, member.data) for member in members(path)] == [
        ("", b"first = 1\n"),
        ("duplicate-member", None),
    ]


def test_damage_to_one_member_of_a_zip_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr("a.py", "first = 11111111\n")
        file.writestr("b.py", "second = 2\n")
    path.write_bytes(path.read_bytes().replace(b"11111111", b"11121111", 1))
    assert reasons(path) == {"a.py": "damaged-member", "b.py": ""}


def test_zips_with_links_and_passwords(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    link = zipfile.ZipInfo("link.py")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(link, "/etc/passwd")
        file.writestr("locked.py", CODE)
    raw = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.rfind(signature)
        struct.pack_into("<H", raw, at + offset, 1)
    path.write_bytes(raw)
    assert reasons(path) == {"link.py": "link", "locked.py": "encrypted"}


def test_a_header_that_pretends_to_be_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.tar"
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 5_000_000
    with path.open("wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT) + b"a" * 5_000_000)
    (only,) = members(path)
    assert only.reason == "damaged-archive" and "5,000,000" in only.evidence


def test_archives_inside_archives_stay_closed(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    inner = CODE.encode()
    for depth in range(10):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as file:
            file.writestr(f"level{depth}.zip" if depth else "a.py", inner)
            file.writestr("b.py", CODE + f"depth = {depth}\n")
            file.writestr("c.py", CODE + f"depth = {depth + 100}\n")
        inner = packed.getvalue()
    (tmp_path / "deep.zip").write_bytes(inner)
    corpus = make_corpus([{"archive": str(tmp_path / "deep.zip")}], near_duplicates=None)
    assert set(corpus.kept()) == {"b.py", "c.py"}
    assert corpus.rejected()["level9.zip"] == ("unknown-language", ".zip")


def test_a_pattern_without_a_file_is_an_error(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    with pytest.raises(InputDataError, match="no file matches the source"):
        make_corpus([{"archive": str(tmp_path / "*.tar.gz")}])


def test_an_archive_without_code_is_an_error_that_says_why(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"\x1f\x8b\x08 broken")
    with pytest.raises(InputDataError, match="no usable file \\(1 damaged-archive\\)"):
        make_corpus([{"archive": str(tmp_path / "a.tar.gz")}])


def test_an_unchanged_archive_is_not_unpacked_again(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for number in range(3):
            add(tar, f"f{number}.py", f"n = {number}\n{CODE}".encode())
    first = make_corpus([{"archive": str(path)}], work="one")
    assert make_corpus([{"archive": str(path)}], work="two").hashes() == first.hashes()


def test_safe_paths() -> None:
    assert safe_path("Django-5.0/django/x.py", "django-5.0") == "django/x.py"
    assert safe_path("./src//x.py", "a") == "src/x.py"
    assert [safe_path(name, "a") for name in ("", "/", "..", "a/..", "c:x", "\\x", "..\\x")] == [None] * 7


def test_archive_names_lose_their_packing() -> None:
    assert [archive_name(Path(name)) for name in ("a-1.0.tar.gz", "b.tgz", "c.zip", "d-2.whl", "e")] == [
        "a-1.0", "b", "c", "d-2", "e",
    ]  # fmt: skip


def test_twenty_thousand_members_are_each_counted(tmp_path: Path) -> None:
    path = tmp_path / "many.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        info = tarfile.TarInfo()
        for number in range(20_000):
            info.name = f"d{number % 100}/f{number}.py"
            tar.addfile(info)
    rows = members(path, Limits(1_000_000, 100_000_000))
    assert (len(rows), {row.reason for row in rows}, {row.data for row in rows}) == (20_000, {""}, {b""})


def test_more_members_than_may_be_are_refused_with_the_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("understudy.data.sources.archive.MAX_MEMBERS", 50)
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number in range(60):
            file.writestr(f"f{number}.py", CODE)
    rows = members(path)
    assert len(rows) == 51 and (rows[-1].reason, rows[-1].evidence) == ("archive-too-large", "more than 50 members")


def test_members_have_the_time_they_were_changed_unless_it_is_a_packers_constant(tmp_path: Path) -> None:
    tar_path, zip_path = tmp_path / "a.tar", tmp_path / "a.zip"
    with tarfile.open(tar_path, "w") as tar:
        for number, time in enumerate((1_600_000_000, 0, 1, 499_162_500, 1 << 40)):
            add(tar, f"f{number}.py", mtime=time)
    with zipfile.ZipFile(zip_path, "w") as file:
        for name, date in (("a.py", (2020, 9, 13, 12, 26, 40)), ("b.py", (1980, 1, 1, 0, 0, 0))):
            file.writestr(zipfile.ZipInfo(name, date), CODE)
    assert [member.time for member in members(tar_path)] == [1_600_000_000, None, None, None, None]
    assert [member.time for member in members(zip_path)] == [1_600_000_000, None]


def test_names_in_archives_may_be_anything_and_are_kept_as_text(tmp_path: Path) -> None:
    path = tmp_path / "names.tar"
    names = ["-rf.py", "new\nline.py", "n" * 251 + ".py", "\udcff.py", "A.py", "a.py", " .py", "con.py"]
    with tarfile.open(path, "w", errors="surrogateescape") as tar:
        for name in names:
            add(tar, name)
    found = {item.path: item.reason for item in found_in(path, "r", LIMITS, lambda name: name.endswith(".py"))}
    assert found == dict.fromkeys(
        ["-rf.py", "new\nline.py", "n" * 251 + ".py", "\\xff.py", "A.py", "a.py", " .py", "con.py"], ""
    )


def test_flipped_bytes_end_in_members_or_reasons(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for number in range(30):
            add(tar, f"f{number}.py", random.Random(number).randbytes(200))
    for whole in (path.read_bytes(), gzip.decompress(path.read_bytes())):
        for seed in range(40):
            raw = bytearray(whole)
            for _ in range(random.Random(seed).randrange(1, 9)):
                raw[random.Random(seed).randrange(len(raw))] ^= 0x55
            path.write_bytes(raw)
            assert members(path)


def packed(path: Path, files: dict[str, bytes]) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, data in files.items():
                file.writestr(name, data)
        return
    with tarfile.open(path, "w:" + path.suffix[1:].replace("tar", "")) as tar:  # type: ignore[call-overload]
        for name, data in files.items():
            add(tar, name, data)


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.zip"])
def test_what_was_listed_is_read_again_by_its_location(name: str, tmp_path: Path) -> None:
    files = {f"f{n}.{'py' if n % 3 else 'png'}": random.Random(n).randbytes(n * 997) for n in range(40)}
    packed(tmp_path / name, files)
    found = list(found_in(tmp_path / name, "a", LIMITS, lambda path: path.endswith(".py")))
    wanted = [item for item in found if item.raw_id][1:-1]
    again = read_located(tmp_path / name, [item.location for item in wanted], LIMITS)
    assert list(again) == [files[item.path] for item in wanted] and len(wanted) == 24


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.zip"])
def test_of_an_archive_that_was_cut_short_meanwhile_each_answer_is_the_file_or_nothing(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    files = {f"f{n}.py": random.Random(n).randbytes(9_000) for n in range(40)}
    packed(path, files)
    locations = [item.location for item in found_in(path, "a", LIMITS, lambda _: True)]
    path.write_bytes(path.read_bytes()[:200_000])
    answers = list(read_located(path, locations, LIMITS))
    assert len(answers) == 40 and answers[-1] is None
    assert all(data in (None, files[f"f{n}.py"]) for n, data in enumerate(answers))


def test_of_an_archive_that_is_gone_nothing_is_read(tmp_path: Path) -> None:
    assert list(read_located(tmp_path / "gone.tar", ["512+10", "1536+20"], LIMITS)) == [None, None]
