"""A corpus of real code and a tokenizer learned from it, shared by every part that needs tokens."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

PACKAGES = ("json", "email", "logging", "html", "http", "collections")


def corpus_rows(texts: dict[str, str]) -> list[dict[str, object]]:
    """Rows as the data stage writes them, sorted by path."""
    return [
        {
            "content": text,
            "path": path,
            "repo": "library",
            "revision": "",
            "lang": "python",
            "licenses": ["PSF-2.0"],
            "size_bytes": len(text.encode()),
            "id": xxhash.xxh3_128_hexdigest(text.encode()),
            "redactions": 0,
        }
        for path, text in sorted(texts.items())
    ]


SCHEMA = pa.schema(
    [
        ("content", pa.string()),
        ("path", pa.string()),
        ("repo", pa.string()),
        ("revision", pa.string()),
        ("lang", pa.string()),
        ("licenses", pa.list_(pa.string())),
        ("size_bytes", pa.int64()),
        ("id", pa.string()),
        ("redactions", pa.int32()),
    ]
)


def write_corpus(folder: Path, train: dict[str, str], valid: dict[str, str]) -> Path:
    """A corpus artifact's two splits, from texts by path."""
    for split, texts in (("train", train), ("valid", valid)):
        (folder / split).mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pylist(corpus_rows(texts), schema=SCHEMA)
        pq.write_table(table, folder / split / "part-00000.parquet", row_group_size=16)
    return folder


@pytest.fixture(scope="session")
def make_corpus() -> object:
    """The function that writes a corpus from texts by path."""
    return write_corpus


@pytest.fixture(scope="session")
def library_texts() -> dict[str, str]:
    """Some hundred files of the standard library by path, about 1.5 MB."""
    root = Path(sysconfig.get_paths()["stdlib"])
    files = [file for package in PACKAGES for file in sorted((root / package).rglob("*.py"))]
    return {str(file.relative_to(root)): file.read_bytes().decode() for file in files}


@pytest.fixture(scope="session")
def library_corpus(tmp_path_factory: pytest.TempPathFactory, library_texts: dict[str, str]) -> Path:
    """The library's files as a corpus, every twelfth of them held out."""
    names = sorted(library_texts)
    held_out = set(names[::12])
    train = {name: library_texts[name] for name in names if name not in held_out and library_texts[name]}
    valid = {name: library_texts[name] for name in names if name in held_out and library_texts[name]}
    return write_corpus(tmp_path_factory.mktemp("corpus"), train, valid)


@pytest.fixture(scope="session")
def library_tokenizer(tmp_path_factory: pytest.TempPathFactory, library_texts: dict[str, str]) -> Path:
    """The folder of a tokenizer with 1,024 tokens learned from the library."""
    from understudy.formats.tokenizer_file import write_tokenizer
    from understudy.tokenizer.bpe import learn

    folder = tmp_path_factory.mktemp("tokenizer")
    learned = learn(iter(library_texts.values()), 1024)
    write_tokenizer(folder, learned.tokens, learned.merges)
    return folder
