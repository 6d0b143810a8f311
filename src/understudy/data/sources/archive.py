"""Reads the members of tar, zip and sdist files one after the other, without unpacking anything to disk.

An archive is untrusted: names may climb out of it, sizes may lie, a few kilobytes may unpack to terabytes. Bytes are
counted as they come out, and reading stops when they pass the budget.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from understudy.data.licenses import is_license_file
from understudy.data.licenses.repository import MAX_LICENSE_BYTES
from understudy.data.listing import Found
from understudy.data.sources.reading import kind_of, printable, raw_id, too_large

MAX_MEMBERS = 1_000_000
SKIP_BYTES = 1 << 20
MAX_HEADER_BYTES = 1_000_000  # long names and pax headers; real ones have a few hundred bytes
READ_WHOLE = (
    tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
)  # fmt: skip
MAX_DIRECTORY_BYTES = 512_000_000  # a zip's table of contents is read into memory whole
XZ_MEMORY_BYTES = 256_000_000  # xz -9 needs 65 MB
FIRST_TIME, LAST_TIME = 631_152_000, 1 << 33  # from 1990 on; what comes before is a constant or a broken clock
DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, struct.error, OSError, EOFError, ValueError,
    OverflowError, RecursionError, NotImplementedError, RuntimeError,
)  # fmt: skip


class Limits(NamedTuple):
    """How much is read: of one member, and of the whole archive unpacked."""

    member_bytes: int
    archive_bytes: int


class Member(NamedTuple):
    """One member in the archive's order, `data` where it was wanted; or the reason why it is none. `path` is safe."""

    path: str
    size: int
    data: bytes | None = None
    reason: str = ""
    evidence: str = ""
    time: int | None = None  # when the file was last changed, where the archive says so
    offset: int | None = None  # of a tar's member: where in the unpacked stream its bytes begin


Wants = Callable[[int, str], bool]  # (position of the member, its path): shall it be read?

Stream = io.BufferedReader | gzip.GzipFile | bz2.BZ2File


class _OverBudget(Exception):
    """More came out of the archive than the budget allows."""


def found_in(
    path: Path,
    repo: str,
    limits: Limits,
    wants: Callable[[str], bool],
    license_files: dict[str, bytes] | None = None,
) -> Iterator[Found]:
    """Every member of an archive, hashed where it is wanted. What is wrong with the archive itself is the last row.

    `license_files` is filled with the contents of those that are passed on the way.
    """
    texts = {} if license_files is None else license_files
    for position, member in enumerate(read_members(path, limits, lambda _, name: wants(name) or is_license_file(name))):
        name = printable(member.path)
        if member.data is not None and is_license_file(member.path) and len(member.data) <= MAX_LICENSE_BYTES:
            texts[name] = member.data
        content = raw_id(member.data) if member.data is not None and wants(member.path) else ""
        location = str(position) if member.offset is None else f"{member.offset}+{member.size}"
        yield Found(repo, name, member.size, location, content, member.reason, member.evidence, member.time)


def read_members(path: Path, limits: Limits, wants: Wants) -> Iterator[Member]:
    """Every member of an archive in its order. Never raises for what is inside: damage becomes a last member."""
    seen: set[str] = set()
    position = -1
    try:
        for position, member in enumerate(_members(path, limits, wants)):
            if position >= MAX_MEMBERS:
                yield _verdict(path, "archive-too-large", f"more than {MAX_MEMBERS:,} members")
                return
            if not member.reason and member.path in seen:
                member = member._replace(data=None, reason="duplicate-member", evidence="an earlier one has its name")
            seen.add(member.path)
            yield member
    except _OverBudget:
        text = f"more than {limits.archive_bytes:,} bytes unpacked (data.filters.max_archive_bytes)"
        yield _verdict(path, "archive-too-large", text)
    except DAMAGE as error:
        text = str(error).split("\n")[0][:200] or type(error).__name__
        yield _verdict(path, "damaged-archive", f"after {position + 1:,} members: {text}")


def read_located(path: Path, locations: Sequence[str], limits: Limits) -> Iterator[bytes | None]:
    """The bytes of members by their locations, which must rise; None for what the archive no longer holds.

    What it holds now may be something else: the hash of the bytes tells.
    """
    if locations and "+" in locations[0]:
        return _read_spans(
            path, [(int(start), int(size)) for start, _, size in (at.partition("+") for at in locations)]
        )
    return _read_positions(path, list(map(int, locations)), limits)


def _read_spans(path: Path, spans: Sequence[tuple[int, int]]) -> Iterator[bytes | None]:
    """The bytes at these places of an unpacked tar. Reading its headers once more would take longer than unpacking."""
    n_answered = 0
    try:
        with path.open("rb") as file:
            head = file.read(512)
            file.seek(0)
            stream = _unpacked(file, head)
            at = 0
            for start, size in spans:
                while at < start and (skipped := stream.read(min(start - at, SKIP_BYTES))):
                    at += len(skipped)
                data = stream.read(size)
                at += len(data)
                n_answered += 1
                yield data if len(data) == size else None
    except DAMAGE:
        pass
    yield from (None for _ in spans[n_answered:])


def _read_positions(path: Path, wanted: list[int], limits: Limits) -> Iterator[bytes | None]:
    wanted_set, last = set(wanted), max(wanted, default=-1)
    members = enumerate(read_members(path, limits, lambda position, _: position in wanted_set))
    n_answered = 0
    for position, member in members:
        if position in wanted_set:
            yield from (None for _ in range(wanted.index(position, n_answered) - n_answered))
            yield member.data
            n_answered = wanted.index(position, n_answered) + 1
        if position >= last:
            break
    yield from (None for _ in wanted[n_answered:])


def archive_name(path: Path) -> str:
    """The name without what packing appended: `django-5.0` for `django-5.0.tar.gz`."""
    return printable(re.sub(r"(\.tar)?(\.(gz|xz|bz2|tgz|txz|tbz2?|zip|whl|tar))$", "", path.name) or path.name)


def safe_path(name: str, archive: str) -> str | None:
    """The member's path below the archive's own top folder; None for one that climbs out or starts at the root."""
    path = name.replace("\\", "/")
    parts = path.split("/")
    if path.startswith("/") or re.match(r"[A-Za-z]:", path) or ".." in parts:
        return None
    parts = [part for part in parts if part not in ("", ".")]
    if len(parts) > 1 and _plain(parts[0]) == _plain(archive):
        parts = parts[1:]
    return "/".join(parts) or None


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _verdict(path: Path, reason: str, evidence: str) -> Member:
    try:
        size = path.stat().st_size
    except OSError:
        size = 0
    return Member(path.name, size, None, reason, evidence)


def _members(path: Path, limits: Limits, wants: Wants) -> Iterator[Member]:
    with path.open("rb") as file:
        head = file.read(512)
        file.seek(0)
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            yield from _zip_members(file, archive_name(path), limits, wants)
        else:
            stream = _Counted(_unpacked(file, head), limits.archive_bytes)
            yield from _tar_members(stream, archive_name(path), limits, wants)


def _unpacked(file: io.BufferedReader, head: bytes) -> Stream:
    """The stream inside the compression, told by its first bytes and not by its name."""
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file, mode="rb")
    if head.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if head.startswith(b"\xfd7zXZ\x00"):
        return io.BufferedReader(_Xz(file), 1 << 16)
    if head[257:262] == b"ustar" or _is_old_tar(head):
        return file
    raise tarfile.ReadError("neither tar, zip, gzip, bzip2 nor xz")


def _is_old_tar(head: bytes) -> bool:
    """True for a tar header without the `ustar` mark: its own checksum tells."""
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


class _Xz(io.RawIOBase):
    """An xz stream that refuses dictionaries larger than any real file has: `lzma.open` knows no memory limit."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpacker = lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._unpacker.eof:
            packed = self._file.read(1 << 16) if self._unpacker.needs_input else b""
            if self._unpacker.needs_input and not packed:
                raise EOFError("the compressed stream ended early")
            data = self._unpacker.decompress(packed, max_length=len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
        return 0


class _Counted(io.RawIOBase):
    """Counts what comes out and stops at the budget."""

    def __init__(self, stream: Stream, budget: int) -> None:
        self._stream, self._left = stream, budget

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        # One piece at a time: `read` would throw away what it has when the next piece turns out to be damaged.
        data: bytes = self._stream.read1(size if size >= 0 else self._left + 1)
        self._left -= len(data)
        if self._left < 0:
            raise _OverBudget
        return data


class _BoundedInfo(tarfile.TarInfo):
    """Refuses long-name and pax headers that pretend to be megabytes: tarfile reads them into memory whole."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in READ_WHOLE and self.size > MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]


def _tar_members(stream: io.RawIOBase, archive: str, limits: Limits, wants: Wants) -> Iterator[Member]:
    position = -1
    with tarfile.open(
        fileobj=stream, mode="r|", bufsize=1 << 16, tarinfo=_BoundedInfo, errors="surrogateescape"
    ) as tar:
        while (info := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]  # it would remember every one of ten million
            if info.isdir():
                continue
            position += 1
            member = _named(info.name, info.size, archive)._replace(
                time=_plausible(info.mtime), offset=info.offset_data
            )
            if not member.reason and not (info.isreg() and not info.issparse()):
                member = member._replace(reason=_tar_reason(info), evidence=_tar_kind(info))
            elif not member.reason and wants(position, member.path):
                file = tar.extractfile(info)
                member = _with_data(member, file, limits)
            yield member


def _tar_reason(info: tarfile.TarInfo) -> str:
    return "link" if info.issym() or info.islnk() else "not-a-file"


def _tar_kind(info: tarfile.TarInfo) -> str:
    if info.issym() or info.islnk():
        return f"{'a symbolic' if info.issym() else 'a hard'} link to {printable(info.linkname)[:200]}"
    kinds = {tarfile.CHRTYPE: "a character device", tarfile.BLKTYPE: "a block device", tarfile.FIFOTYPE: "a pipe"}
    return kinds.get(info.type, "a special member")


def _zip_members(file: IO[bytes], archive: str, limits: Limits, wants: Wants) -> Iterator[Member]:
    _check_directory(file)
    left = limits.archive_bytes
    with zipfile.ZipFile(file) as packed:
        position = -1
        for info in packed.infolist():
            if info.is_dir():
                continue
            position += 1
            member = _named(info.filename, info.file_size, archive)._replace(time=_zip_time(info))
            mode = info.external_attr >> 16
            if not member.reason and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                reason = "link" if stat.S_ISLNK(mode) else "not-a-file"
                member = member._replace(reason=reason, evidence=kind_of(mode))
            elif not member.reason and wants(position, member.path):
                member = _zip_data(packed, info, member, limits._replace(archive_bytes=left))
                left -= len(member.data or b"")
            yield member


def _zip_data(packed: zipfile.ZipFile, info: zipfile.ZipInfo, member: Member, limits: Limits) -> Member:
    """The member with its bytes; damage to one member of a zip leaves the others readable."""
    if info.flag_bits & 1:
        return member._replace(reason="encrypted", evidence="the archive asks for a password")
    try:
        with packed.open(info) as file:
            member = _with_data(member, file, limits)
    except DAMAGE as error:
        return member._replace(reason="damaged-member", evidence=str(error)[:200] or type(error).__name__)
    if len(member.data or b"") > limits.archive_bytes:
        raise _OverBudget
    return member


def _check_directory(file: IO[bytes]) -> None:
    """Refuses a zip whose table of contents is too large to hold, before zipfile reads it."""
    size = file.seek(0, io.SEEK_END)
    start = max(0, size - 65_557 - 20)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at >= 0 and len(tail) >= at + 22:
        n_members, n_bytes = struct.unpack_from("<HI", tail, at + 10)
        if n_bytes == 0xFFFFFFFF or n_members == 0xFFFF:
            n_bytes = start + at  # zip64: the table is at most all that stands before its end
        if n_bytes > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"a table of contents of {n_bytes:,} bytes")
    file.seek(0)


def _zip_time(info: zipfile.ZipInfo) -> int | None:
    """Zips keep local time without a zone; it is read as UTC, so it may be half a day off."""
    try:
        return _plausible(datetime(*info.date_time, tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _plausible(seconds: float) -> int | None:
    """A file's time, where it is one: packers that want equal archives write 0, 1, 1980 (zip's first) or 1985 (npm)."""
    return int(seconds) if FIRST_TIME <= seconds <= LAST_TIME else None


def _named(name: str, size: int, archive: str) -> Member:
    path = safe_path(name, archive)
    if path is None:
        shown = printable(name)[:300]
        return Member(str(PurePosixPath(shown)), size, None, "unsafe-path", "the name leads out of the archive")
    return Member(path, size)


def _with_data(member: Member, file: IO[bytes] | None, limits: Limits) -> Member:
    data = b"" if file is None else file.read(limits.member_bytes + 1)
    if len(data) > limits.member_bytes:
        read = too_large(max(member.size, len(data)), limits.member_bytes)
        return member._replace(reason=read.reason, evidence=read.evidence)
    if len(data) < member.size and file is not None and isinstance(file, tarfile.ExFileObject):
        raise EOFError("the archive ended early")
    return member._replace(data=data, size=len(data))
