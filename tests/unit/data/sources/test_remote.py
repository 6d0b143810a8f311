"""Files behind URLs: a real web server on this machine, and fsspec's file system in memory."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from understudy.core.errors import InputDataError, ResourceError
from understudy.core.paths import Project
from understudy.core.recipe import Recipe, Source
from understudy.core.tracking import Events, silent
from understudy.data.inventory import list_sources
from understudy.data.listing import Listing
from understudy.data.sources import remote

fsspec = pytest.importorskip("fsspec", reason="the extra remote is not installed")
CODE = "import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n"


@dataclass
class Server:
    """A web server with files by path, ETags and byte ranges, that counts what it sends and can fail."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, range
    fails_after: int = 10**9
    has_ranges: bool = True
    has_etags: bool = True
    url: str = ""

    def gets(self, path: str) -> list[str]:
        return [wanted for method, name, wanted in self.asked if method == "GET" and name == path]


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(False)

        def do_GET(self) -> None:
            self._answer(True)

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, with_body: bool) -> None:
            path, wanted = self.path.split("?")[0], self.headers.get("Range", "")
            server.asked.append((self.command, path, wanted))
            data = server.files.get(path)
            if data is None or (with_body and len(server.gets(path)) > server.fails_after):
                self.send_error(404 if data is None else 503)
                return
            whole = data
            if wanted and server.has_ranges:
                start, _, end = wanted.removeprefix("bytes=").partition("-")
                data = data[int(start) : int(end) + 1 if end else None]
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{int(start) + len(data) - 1}/{len(whole)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            if server.has_ranges:
                self.send_header("Accept-Ranges", "bytes")
            if server.has_etags:
                self.send_header("ETag", f'"{hash(whole):x}"')
            self.end_headers()
            if with_body:
                self.wfile.write(data)

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler(made))
    made.url = f"http://127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield made
    running.shutdown()
    running.server_close()


def sdist(n: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for number in range(n):
            data = f"number = {number}  # {os.urandom(300).hex()}\n{CODE}".encode()
            info = tarfile.TarInfo(f"project-1.0/f{number}.py")
            info.size, info.mtime = len(data), 1_600_000_000
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def jsonl(n: int) -> bytes:
    return "".join(json.dumps({"content": f"n = {k}\n{CODE}", "path": f"f{k}.py"}) + "\n" for k in range(n)).encode()


def listed(project: Project, events: Events | None = None, **source: Any) -> Listing:
    return list_sources(
        Recipe.model_validate({"name": "t", "data": {"sources": [source]}}), project, events or silent()
    )


def usable(listing: Listing) -> list[str]:
    return [entry.path for item in listing.collections for entry in item.usable()]


def test_an_archive_on_a_web_server_is_fetched_once(server: Server, project: Project) -> None:
    server.files["/pool/project-1.0.tar.gz"] = sdist(3)
    url = f"{server.url}/pool/project-1.0.tar.gz"
    first = listed(project, archive=url)
    assert usable(first) == ["f0.py", "f1.py", "f2.py"]
    assert {(entry.repo, entry.commit_time) for entry in first.entries()} == {("project-1.0", 1_600_000_000)}
    n = len(server.gets("/pool/project-1.0.tar.gz"))
    assert usable(listed(project, archive=url)) == usable(first)
    assert len(server.gets("/pool/project-1.0.tar.gz")) == n
    server.files["/pool/project-1.0.tar.gz"] = sdist(4)
    assert len(usable(listed(project, archive=url))) == 4


def test_jsonl_and_what_packs_it_arrive_as_they_are(server: Server, project: Project) -> None:
    server.files["/a.jsonl.gz"] = gzip.compress(jsonl(4))
    assert usable(listed(project, jsonl=f"{server.url}/a.jsonl.gz")) == [f"f{n}.py" for n in range(4)]


def test_an_interrupted_fetch_goes_on_where_it_stopped(
    server: Server, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PIECE_BYTES", 1000)
    server.files["/p-1.tar.gz"] = sdist(20)
    size = len(server.files["/p-1.tar.gz"])
    assert size > 5000
    server.fails_after = 3
    with pytest.raises(InputDataError, match="could not be read"):
        listed(project, archive=f"{server.url}/p-1.tar.gz")
    server.fails_after = 10**9
    server.asked.clear()
    assert len(usable(listed(project, archive=f"{server.url}/p-1.tar.gz"))) == 20
    assert server.gets("/p-1.tar.gz")[0] == "bytes=3000-3999"


def test_servers_without_ranges_and_without_versions_work_too(server: Server, project: Project) -> None:
    server.has_ranges = server.has_etags = False
    server.files["/a.jsonl"] = jsonl(2)
    assert len(usable(listed(project, jsonl=f"{server.url}/a.jsonl"))) == 2
    server.files["/a.jsonl"] = jsonl(3)  # nothing but its length tells that it changed
    assert len(usable(listed(project, jsonl=f"{server.url}/a.jsonl"))) == 3


def test_a_server_that_is_gone_is_replaced_by_what_was_fetched(server: Server, project: Project) -> None:
    server.files["/a.jsonl"] = jsonl(2)
    url = f"{server.url}/a.jsonl"
    first = listed(project, jsonl=url)
    del server.files["/a.jsonl"]
    events = silent()
    assert usable(listed(project, events, jsonl=url)) == usable(first)
    assert any("fetched before" in record["text"] for record in events.records if record["event"] == "warning")


def test_an_address_without_a_file_is_an_error_that_names_it(server: Server, project: Project) -> None:
    with pytest.raises(InputDataError) as error:
        listed(project, archive=f"{server.url}/none.tar.gz?X-Amz-Signature=secret")
    assert f"`archive: {server.url}/none.tar.gz`" in error.value.message
    assert "secret" not in str(error.value)


def test_a_bucket_is_read_like_a_folder(project: Project) -> None:
    bucket = fsspec.filesystem("memory")
    bucket.store.clear()
    for name in ("a.py", "sub/b.py", "sub/image.png", "node_modules/x.py", "tests/t.py", "line\nbreak.py"):
        bucket.pipe(f"/bucket/code/{name}", f"name = {name!r}\n{CODE}".encode())
    bucket.pipe("/bucket/code/big.py", b"x" * 2_000_000)
    listing = listed(project, dir="memory://bucket/code", exclude=["tests/*"])
    assert sorted(usable(listing)) == ["a.py", "line\nbreak.py", "sub/b.py"]
    assert {entry.path: entry.reason for entry in listing.entries() if entry.reason} == {
        "big.py": "too-large", "sub/image.png": "unknown-language",
    }  # fmt: skip
    assert listing.passed_over == {"node_modules": 1, "excluded by the recipe": 1}
    (item,) = listing.collections
    assert (item.kind, item.source) == ("folder", "dir: memory://bucket/code")
    text = {entry.path: Path(entry.location).read_text() for entry in item.usable()}
    assert text["sub/b.py"] == f"name = 'sub/b.py'\n{CODE}"


def test_licences_are_those_in_the_bucket_and_not_those_of_the_folder_we_stand_in(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    (here / ".git").mkdir(parents=True)
    (here / "LICENSE").write_text("SPDX-License-Identifier: GPL-3.0-only\n")
    monkeypatch.chdir(here)
    bucket = fsspec.filesystem("memory")
    bucket.store.clear()
    bucket.pipe("/licensed/a.py", CODE.encode())
    bucket.pipe("/licensed/LICENSE", b"SPDX-License-Identifier: MIT\n")
    (collection,) = listed(project, dir="memory://licensed").collections
    told = {folder: item.expression for folder, item in collection.found_licenses["licensed"].items()}
    assert list(collection.found_licenses) == ["licensed"] and set(map(str, told.values())) == {"MIT"}


def test_names_in_a_bucket_are_never_names_on_this_disk(project: Project, tmp_path: Path) -> None:
    bucket = fsspec.filesystem("memory")
    bucket.store.clear()
    bucket.pipe("/evil/code/good.py", CODE.encode())
    bucket.store["/evil/code/../../../up.py"] = bucket.store["/evil/code/good.py"].__class__(
        bucket, "/evil/code/../../../up.py", CODE.encode()
    )
    bucket.pipe("/evil/code/" + "n" * 255 + ".py", (CODE + "x = 1\n").encode())
    bucket.pipe("/evil/code/-rf.py", (CODE + "x = 2\n").encode())
    listing = listed(project, dir="memory://evil/code")
    assert sorted(usable(listing)) == ["-rf.py", "good.py", "n" * 255 + ".py"]
    assert {item.name for item in tmp_path.iterdir()} == {"project"}
    names = {path.name for path in tmp_path.rglob("*.py")}
    assert names == {"good.py", "rf.py", "n" * 77 + ".py"}  # each below a folder that is named after a hash


def test_patterns_find_the_files_of_a_bucket(project: Project) -> None:
    bucket = fsspec.filesystem("memory")
    bucket.store.clear()
    for number in range(3):
        bucket.pipe(f"/stack/part-{number}.jsonl", jsonl(number + 1))
    listing = listed(project, jsonl="memory://stack/part-*.jsonl")
    assert [len(item.entries) for item in listing.collections] == [1, 2, 3]
    assert {entry.repo for entry in listing.entries()} == {"part-0", "part-1", "part-2"}
    with pytest.raises(InputDataError, match="no file matches"):
        listed(project, jsonl="memory://stack/none-*.jsonl")


def test_a_missing_package_is_an_error_that_names_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ResourceError) as error:
        listed(project, parquet="s3://bucket/a.parquet")
    assert "understudy[remote]' s3fs" in str(error.value.hint)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ResourceError) as error:
        listed(project, parquet="https://example.org/a.parquet")
    assert "understudy[remote]" in str(error.value.hint)


OFFLINE = """
import sys
from pathlib import Path
from understudy.core.network import go_offline
from understudy.core.errors import UnderstudyError
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.tracking import silent
from understudy.data.inventory import list_sources
import socket
go_offline()
recipe = Recipe.model_validate({"name": "t", "data": {"sources": [{"jsonl": "http://192.0.2.1:9/a.jsonl"}]}})
try:
    list_sources(recipe, Project(Path(sys.argv[1])), silent())
except UnderstudyError as error:
    print("refused" if "offline" in str(error) else "tried")
try:
    socket.create_connection(("192.0.2.1", 9), timeout=0.2)
except UnderstudyError:
    print("closed again")
"""


def test_an_offline_recipe_reads_its_sources_and_nothing_else(tmp_path: Path) -> None:
    environment = {**os.environ, "FSSPEC_HTTP_CLIENT_KWARGS": ""}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path)],
        capture_output=True, text=True, check=False, env=environment, timeout=200,
    )  # fmt: skip
    assert done.stdout.split("\n")[:2] == ["tried", "closed again"], done.stderr


def test_secrets_of_an_address_are_not_told() -> None:
    assert str(Source(git="https://token@git.example/a.git")) == "git: https://git.example/a.git"
    assert str(Source(git="ssh://git:pw@git.example/a.git")) == "git: ssh://git@git.example/a.git"
    assert str(Source(git="git@git.example:a.git")) == "git: git@git.example:a.git"
    assert str(Source(parquet="https://x.example/a?sig=1&b=2")) == "parquet: https://x.example/a"
    assert str(Source(parquet="s3://bucket/part-?.parquet")) == "parquet: s3://bucket/part-?.parquet"
