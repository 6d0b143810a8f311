"""Brings files from object stores and web servers into the project's cache, through fsspec; they are read from there.

A URL is s3://, gs://, az://, https:// or whatever fsspec has a file system for. A file is fetched once for each version
of it (ETag, time, size), in pieces, and a fetch that was interrupted goes on where it stopped. Names in a bucket are
anybody's: what is written is named after a hash, and after letters and digits of the name's end.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import xxhash

from understudy.core.errors import InputDataError, ResourceError
from understudy.core.network import connections_for_sources
from understudy.core.paths import hash_file, read_json, write_atomically
from understudy.core.recipe import without_secrets
from understudy.data.licenses import is_license_file
from understudy.data.listing import Found
from understudy.data.sources.archive import safe_path
from understudy.data.sources.folder import PASSED_OVER
from understudy.data.sources.reading import printable, too_large

if TYPE_CHECKING:
    from understudy.data.sources.looking import Look

URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
PATTERN = {"http": "*", "https": "*"}  # in a web address ? and [ mean something else
PIECE_BYTES = 16_000_000
AT_ONCE = 8  # small files of a bucket: the wait is for the answer, not for the bytes
FILES_AT_ONCE = 256
PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
}
# What file systems call the things that change when a file does.
VERSIONS = (
    "ETag", "etag", "Content-MD5", "md5Hash", "content_md5", "crc32c", "generation", "VersionId", "version_id",
    "Last-Modified", "LastModified", "last_modified", "mtime", "updated", "created", "ino",
)  # fmt: skip

Answer = TypeVar("Answer")


class Downloaded(NamedTuple):
    """A file in the cache, and the name it was asked for by."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file as its store describes it. `version` is empty where the store says nothing that would tell a change."""

    name: str
    size_bytes: int | None
    version: str
    has_ranges: bool = True


@dataclass(frozen=True, slots=True)
class Copy:
    """A file that was fetched: its place in the cache and the hash of its bytes."""

    name: str
    file: str
    size_bytes: int
    raw_id: str
    version: str


def is_url(written: str) -> bool:
    """True for an address that fsspec has to read; `file://` is a path."""
    return bool(URL.match(written)) and not written.startswith("file://")


def downloaded(look: Look, url: str) -> list[Downloaded]:
    """The files that a URL or a pattern of URLs names, in the cache, sorted by name."""
    store = _Store(look, url)
    with connections_for_sources():
        copies = store.copies(lambda: [store.fetched(file) for file in store.matching()])
    if not copies:
        raise InputDataError(f"no file matches the source `{look.source}`", "correct data.sources in the recipe")
    return [Downloaded(store.folder / copy.file, copy.name.rstrip("/").rpartition("/")[2]) for copy in copies]


def mirrored(look: Look) -> Iterator[Found]:
    """Every file below a URL; those of a wanted language are in the cache and hashed."""
    store = _Store(look, look.source.dir or "")
    with connections_for_sources():
        yield from store.below()


class _Store:
    """One file system, and the folder of the cache where its files are kept."""

    def __init__(self, look: Look, url: str) -> None:
        self._look, self._url = look, url
        self.folder = look.project.cache / "remote" / xxhash.xxh3_64_hexdigest(url.encode())
        self._files, self._root = self._opened()

    def _opened(self) -> tuple[Any, str]:
        protocol = self._url.partition("://")[0].lower()
        package = PACKAGES.get(protocol, "")
        needs = f"pip install 'understudy[remote]'{f' {package}' if package else ''}"
        try:
            import fsspec.core

            # Packed files must arrive as they are: a server that may unpack them on the way would.
            options = {"headers": {"Accept-Encoding": "identity"}} if protocol in ("http", "https") else {}
            files, root = fsspec.core.url_to_fs(self._url, **options)
        except ImportError as error:
            raise ResourceError(f"the source `{self._look.source}` needs a package: {error}", needs) from error
        except ValueError as error:
            raise InputDataError(f"the source `{self._look.source}` cannot be read: {error}", needs) from error
        return files, str(root)

    # what is there

    def matching(self) -> list[RemoteFile]:
        """The files that the URL names, by itself or as a pattern."""
        magic = PATTERN.get(self._url.partition("://")[0].lower(), "*?[")
        if any(sign in self._root for sign in magic):
            found: dict[str, Any] = self._ask(lambda: self._files.glob(self._root, detail=True))
        else:
            found = {self._root: self._ask(lambda: self._files.info(self._root))}
        return [_remote_file(name, facts) for name, facts in sorted(found.items()) if facts.get("type") != "directory"]

    def below(self) -> Iterator[Found]:
        """The files below the URL as rows, fetched where they are wanted, in the order of their names."""
        self._files.invalidate_cache()
        found: dict[str, Any] = self._ask(lambda: self._files.find(self._root, detail=True))
        rows = ((_remote_file(name, facts), self._inside(name)) for name, facts in sorted(found.items()))
        wanted = iter([(file, path) for file, path in rows if not self._is_passed_over(path)])
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while some := list(islice(wanted, FILES_AT_ONCE)):
                self._look.sign_of_life(0, 0)
                yield from pool.map(self._found, some)

    def _inside(self, name: str) -> str:
        root = self._root.rstrip("/")
        return name[len(root) :].lstrip("/") if name.startswith(root) else name

    def _is_passed_over(self, path: str) -> bool:
        folder = next((part for part in path.split("/")[:-1] if part in PASSED_OVER), "")
        if folder:
            self._look.passed_over[folder] += 1
        return bool(folder)

    def _found(self, row: tuple[RemoteFile, str]) -> Found:
        file, inside = row
        repo = self._look.source.name or printable(self._root.rstrip("/").rpartition("/")[2] or "root")
        path, limit = safe_path(inside, ""), self._look.limits.member_bytes
        found = Found(repo, printable(path or inside), file.size_bytes or 0, printable(file.name))
        if path is None:
            return found._replace(reason="unsafe-path", evidence="the name leads out of the folder")
        if not (self._look.wants.path(path) or is_license_file(path)):
            return found
        if file.size_bytes is not None and file.size_bytes > limit:
            read = too_large(file.size_bytes, limit)
            return found._replace(reason=read.reason, evidence=read.evidence)
        try:
            copy = self.fetched(file)
        except InputDataError as error:
            return found._replace(reason="unreadable", evidence=error.message[:200])
        found = found._replace(location=str(self.folder / copy.file), size_bytes=copy.size_bytes)
        return found._replace(raw_id=copy.raw_id) if self._look.wants.path(path) else found

    # fetching

    def copies(self, bring: Callable[[], list[Copy]]) -> list[Copy]:
        """What `bring` gives; what it gave the last time where the store cannot be reached."""
        noted = self.folder / "copies.json"
        try:
            copies = bring()
        except InputDataError as error:
            copies = [copy for copy in _noted(noted) if self._is_here(copy)]
            if not copies:
                raise
            self._look.events.warning(f"{error.message}; using what was fetched before", error.hint)
        else:
            write_atomically(noted, json.dumps([asdict(copy) for copy in copies]))
        return copies

    def fetched(self, file: RemoteFile) -> Copy:
        """The file in the cache; fetched where this version of it is not there yet."""
        key = xxhash.xxh3_64_hexdigest(file.name.encode("utf-8", "surrogateescape"))
        note = self.folder / f"{key}.json"
        known = _noted(note)
        if known and known[0].version == file.version != "" and self._is_here(known[0]):
            return known[0]
        target = self.folder / f"{key}-{file.version or 'latest'}" / _plain_name(file.name)
        part = target.with_name(f"{target.name}.part")
        target.parent.mkdir(parents=True, exist_ok=True)
        self._bring(file, part)
        place = target.relative_to(self.folder).as_posix()
        copy = Copy(file.name, place, part.stat().st_size, hash_file(part, sync=True), file.version)
        part.replace(target)
        write_atomically(note, json.dumps([asdict(copy)]))
        for old in known:
            if old.file != copy.file:
                shutil.rmtree((self.folder / old.file).parent, ignore_errors=True)
        return copy

    def _bring(self, file: RemoteFile, part: Path) -> None:
        """Fill the part file, from where an earlier attempt left it if that was the same version."""
        if file.size_bytes is None or not file.has_ranges:
            self._ask(lambda: self._files.get_file(file.name, str(part)))
            return
        if not file.version:
            part.unlink(missing_ok=True)
        with part.open("ab") as output:
            at = min(output.tell(), file.size_bytes)
            output.truncate(at)
            while at < file.size_bytes:
                end = min(file.size_bytes, at + PIECE_BYTES)
                data: bytes = self._ask(partial(self._files.cat_file, file.name, start=at, end=end))
                if len(data) != end - at:
                    raise self._failure(f"{len(data):,} bytes came where {end - at:,} were asked for")
                output.write(data)
                at = end
                self._look.stop_if_asked()
        if file.size_bytes > PIECE_BYTES and self._version_now(file) != file.version:
            part.unlink()
            raise self._failure(f"{printable(file.name)} changed while it was fetched")

    def _version_now(self, file: RemoteFile) -> str:
        self._files.invalidate_cache()
        return _remote_file(file.name, self._ask(lambda: self._files.info(file.name))).version

    def _is_here(self, copy: Copy) -> bool:
        path = self.folder / copy.file
        return path.is_file() and path.stat().st_size == copy.size_bytes

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        try:
            return question()
        except ImportError as error:
            raise ResourceError(
                f"the source `{self._look.source}` needs a package: {error}", "pip install 'understudy[remote]'"
            ) from error
        except Exception as error:  # each file system has its own errors; each means that the source cannot be read
            raise self._failure(str(error) or type(error).__name__) from error

    def _failure(self, told: str) -> InputDataError:
        text = without_secrets(printable(told.split("\n")[0][:300]))
        return InputDataError(
            f"the source `{self._look.source}` could not be read: {text}", "check the address and your credentials"
        )


def _remote_file(name: str, facts: dict[str, Any]) -> RemoteFile:
    told = {key: str(facts[key]) for key in VERSIONS if facts.get(key) is not None}
    size = facts.get("size")
    size = int(size) if isinstance(size, (int, float)) and size >= 0 else None
    version = xxhash.xxh3_64_hexdigest(json.dumps([told, size]).encode()) if told else ""
    return RemoteFile(name, size, version, facts.get("partial", True) is not False)


def _plain_name(name: str) -> str:
    """The end of a name as one that any disk takes; what packs an archive is told by it."""
    last = re.sub(r"[^A-Za-z0-9._+-]", "_", name.rstrip("/").rpartition("/")[2])[-80:].lstrip(".-")
    return last or "file"


def _noted(path: Path) -> list[Copy]:
    """Copies noted in a file; none where it cannot be read."""
    try:
        return [Copy(**item) for item in read_json(path)]
    except (OSError, ValueError, TypeError):
        return []
