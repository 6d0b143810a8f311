"""A small real corpus: modules of the running Python's own library, some held out."""

from __future__ import annotations

import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from understudy.formats.corpus import Document

HELD_OUT = ("bisect", "heapq", "textwrap", "calendar", "fnmatch", "shlex")
TRAINING = ("abc", "cmd", "code", "copy", "csv", "difflib", "glob", "inspect", "linecache", "queue", "random", "sched")


def documents_of(names: Sequence[str]) -> list[Document]:
    library = Path(sysconfig.get_paths()["stdlib"])
    texts = {name: (library / f"{name}.py").read_text(encoding="utf-8") for name in names}
    return [
        Document(xxhash.xxh3_128_hexdigest(text.encode()), "library", f"{name}.py", "python", text)
        for name, text in texts.items()
    ]


def write_corpus(folder: Path, held_out: Sequence[Document], training: Sequence[Document]) -> Path:
    for split, documents in (("valid", held_out), ("train", training)):
        (folder / split).mkdir(parents=True)
        rows = [
            {
                "content": document.content,
                "path": document.path,
                "repo": document.repo,
                "lang": document.lang,
                "size_bytes": len(document.content.encode()),
                "id": document.id,
            }
            for document in documents
        ]
        if rows:
            pq.write_table(pa.Table.from_pylist(rows), folder / split / "part-00000.parquet")
    return folder


@pytest.fixture(scope="session")
def held_out_files() -> list[Document]:
    return documents_of(HELD_OUT)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory, held_out_files: list[Document]) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpora") / "corpus", held_out_files, documents_of(TRAINING))
