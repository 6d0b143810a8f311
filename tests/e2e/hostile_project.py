"""Sources of every kind with everything in them that could go wrong, beside a few good files.

Each planted file stands here with the reasons that may be given for it; an empty one means that it may stay.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import stat
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from data_project import commit, git

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
GOOD = ("abc", "bisect", "colorsys", "copy", "queue", "shelve", "cmd", "sched")
DEEP = 100_000
TWO_GIGABYTES = 2 * 10**9
CODE = "import os\n\n\ndef main() -> None:\n    print(os.getcwd())\n"
BRACKETS = "".join(f"value_{number} = (\n" for number in range(300)).encode()
RECIPE = """\
name: hostile
data:
  sources:
    - dir: folder
    - git: repository
      name: acme/api
    - archive: archives/*
    - parquet: tables/*
    - jsonl: lines/*
  python2: separate
  detect: names
  filters: {max_archive_bytes: 60000000}
  near_duplicates: {threshold: 0.7}
  split: {valid: 0.2}
"""
# Text that makes a careless pattern try every way to fail. Each is repeated to the size of a file.
BAIT = (
    "a", "aB3", "eyJ", "eyJhbGciOiJ9.", "-----BEGIN RSA PRIVATE KEY-----\n", "-----BEGIN ", "@", "a@", "a@b.", "@a.b",
    "1", "1.", "1.2.3.", ":", "::", ":1", "1:", "/", "\\", "'", '"', "'''", '"""', " ", "\t", "\n", "\r", "=",
    "password=", "password = '", "(", "[", "{", "<", "<a ", "<!--", "/*", "*/", "//", "#", "http://a:b",
    "postgres://u:p@", "AKIA", "ghp_", "-", "_", ".", "%", "\\x41", "\\u0041", "0x41, ", "\u00e9", "\u200b", "\u202e",
    "<<<<<<< ", "<<<<<<< a\n", "=======\n", "def ", "print ", "print '", "`", "{{", "$", "${", "Copyright ",
    "SPDX-License-Identifier: ", "SPDX-License-Identifier: (MIT OR ", "generated ", "DO NOT EDIT ", "coding: ",
    "# -*- coding:", "data:image/png;base64,", "%matplotlib\n", "api_key: ", 'secret:"', "Bearer ", "not ", "lambda: ",
)  # fmt: skip
REFUSED = {
    "nul.py": {"nul-bytes", "binary"}, "elf.py": {"binary"}, "latin.py": {"undecodable"}, "mixed.py": {"undecodable"},
    "surrogate.py": {"undecodable"}, "empty.py": {"too-short"}, "huge.py": {"too-large"}, "pipe.py": {"not-a-file"},
    "socket.py": {"not-a-file"}, "link.py": {"link"}, "brackets.py": {"unparsable"}, "minus.py": {"minified"},
    "deep.ipynb": {"bad-notebook"}, "deep.json": {"minified"},
    "escape.py": {"unsafe-path"}, "device.py": {"not-a-file"}, "hard.py": {"link"}, "fifo.py": {"not-a-file"},
    "bomb.zip": {"archive-too-large"}, "cut.tar.gz": {"damaged-archive"}, "text.zip": {"damaged-archive"},
    "cut.parquet": {"damaged-parquet"}, "text.parquet": {"damaged-parquet"}, "bad.jsonl:2": {"bad-json"},
    "bad.jsonl:3": {"bad-json"}, "bad.jsonl:4": {"bad-json"}, "bad.jsonl:5": {"too-large"},
}  # fmt: skip


def write_hostile(root: Path, bait_bytes: int) -> Path:
    """All of it below `root`; returns the recipe."""
    _files(root / "folder")
    _bait(root / "folder" / "bait", bait_bytes)
    _repository(root / "repository", root / "it ran")
    _archives(root / "archives")
    _tables(root / "tables")
    _lines(root / "lines")
    (root / "recipe.yaml").write_text(RECIPE)
    return root / "recipe.yaml"


def _files(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in GOOD:
        shutil.copyfile(LIBRARY / f"{name}.py", folder / f"{name}.py")
    contents = {
        "nul.py": b"x = 1\n\0\n" * 20, "elf.py": b"\x7fELF" + bytes(range(256)) * 8, "empty.py": b"",
        "latin.py": b"# caf\xe9\nx = 1\n" * 20, "mixed.py": "# é\n".encode() + b"# \xe9 \xa4\xe5\n" * 20,
        "surrogate.py": b"x = '\xed\xa0\x80'\n" * 9, "brackets.py": BRACKETS, "minus.py": b"-" * 100_000 + b"1",
        "deep.json": b"[" * DEEP + b"]" * DEEP, "deep.ipynb": b'{"cells": ' + b"[" * DEEP + b"]" * DEEP + b"}",
        "wide.py": CODE.replace("main", "wide").encode("utf-16"), "-rf.py": CODE.replace("main", "rf").encode(),
        "new\nline.py": CODE.replace("main", "newline").encode(), "Case.py": CODE.replace("main", "upper").encode(),
        "case.py": CODE.replace("main", "lower").encode(), "n" * 252 + ".py": CODE.replace("main", "long").encode(),
    }  # fmt: skip
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    with open(os.fsencode(folder) + b"/\xff\xfe.py", "wb") as file:  # noqa: PTH123  # no text is its name
        file.write(CODE.replace("main", "bytes").encode())
    with (folder / "huge.py").open("wb") as file:
        file.truncate(TWO_GIGABYTES)  # one line, that takes no disk
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "link.py").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.py")
    there = Path.cwd()
    try:
        os.chdir(folder)  # a socket's path may not be long
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("socket.py")
    finally:
        os.chdir(there)


def _bait(folder: Path, n_bytes: int) -> None:
    """Each bait as one line, and as many lines that no filter finds too long; in languages with unlike parsers."""
    folder.mkdir()
    for number, bait in enumerate(BAIT):
        text = bait * (n_bytes // len(bait.encode()))
        lines = "\n".join(text[at : at + 80] for at in range(0, len(text), 80))
        for ending in ("py", "js", "html", "c"):
            (folder / f"line{number}.{ending}").write_bytes(text.encode())
            (folder / f"lines{number}.{ending}").write_bytes(lines.encode())


def _repository(folder: Path, canary: Path) -> None:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "api.py").write_text(CODE.replace("main", "api"))
    (folder / ".gitattributes").write_text("*.py filter=evil diff=evil\n")
    (folder / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c "touch {canary}"\n')
    (folder / "link.py").symlink_to("/etc/passwd")
    commit(folder)
    script = folder / ".git" / "hooks" / "post-checkout"
    script.write_text(f"#!/bin/sh\ntouch '{canary}'\n")
    script.chmod(0o755)
    for hook in ("reference-transaction", "pre-auto-gc", "post-index-change", "post-merge"):
        shutil.copy(script, script.with_name(hook))
    for key in (
        "core.fsmonitor", "core.pager", "core.sshCommand", "filter.evil.smudge", "filter.evil.process",
        "diff.evil.textconv", "uploadpack.packObjectsHook", "core.alternateRefsCommand", "credential.helper",
    ):  # fmt: skip
        git(folder, "config", key, str(script))
    git(folder, "config", "protocol.ext.allow", "always")


def _member(tar: tarfile.TarFile, name: str, content: bytes = b"", **facts: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in facts.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(content))


def _archives(folder: Path) -> None:
    folder.mkdir()
    with tarfile.open(folder / "evil.tar.gz", "w:gz") as tar:
        _member(tar, "fine.py", CODE.replace("main", "packed").encode(), mode=stat.S_ISUID | 0o777)
        _member(tar, "../../escape.py", CODE.encode())
        _member(tar, "/tmp/escape.py", CODE.encode())
        _member(tar, "link.py", type=tarfile.SYMTYPE, linkname="../../../etc/passwd")
        _member(tar, "hard.py", type=tarfile.LNKTYPE, linkname="/etc/passwd")
        _member(tar, "device.py", type=tarfile.CHRTYPE, devmajor=1, devminor=3)
        _member(tar, "fifo.py", type=tarfile.FIFOTYPE)
    with tarfile.open(folder / "many.tar.gz", "w:gz", compresslevel=1) as tar:
        for number in range(100_000):
            tar.addfile(tarfile.TarInfo(f"d{number % 100}/f{number}.txt.gz"))
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(200):
            file.writestr(f"zeros{number}.py", bytes(900_000))
    nested = (folder / "bomb.zip").read_bytes()
    for depth in range(10):
        path = folder / "nested.zip"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(f"{depth}.zip", nested)
        nested = path.read_bytes()
    whole = (folder / "many.tar.gz").read_bytes()
    (folder / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    (folder / "text.zip").write_text("no archive at all\n" * 10)


def _tables(folder: Path) -> None:
    folder.mkdir()
    rows = [{"content": CODE.replace("main", "table"), "path": "table.py"}, {"content": None, "path": "null.py"}]
    pq.write_table(pa.Table.from_pylist(rows), folder / "good.parquet")
    whole = (folder / "good.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(whole[:-20])
    (folder / "text.parquet").write_text("PAR1 no table at all PAR1")
    for number, place in enumerate(range(4, len(whole), len(whole) // 8)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        (folder / f"flipped{number}.parquet").write_bytes(damaged)


def _lines(folder: Path) -> None:
    folder.mkdir()
    good = json.dumps({"content": CODE.replace("main", "line"), "path": "line.py"})
    with (folder / "bad.jsonl").open("wb") as file:
        file.write(good.encode() + b"\n")
        file.write(b'{"content": ' + b"[" * DEEP + b"]" * DEEP + b"}\n")
        file.write(b'{"content": "x", "size": ' + b"9" * 5000 + b"}\n")
        file.write(b'{"content": "x", "content": NaN}\n')
        file.truncate(TWO_GIGABYTES)  # one more line, of two gigabytes
