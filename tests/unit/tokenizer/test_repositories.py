"""Repositories as long documents: nothing is lost or doubled, needed files come first, any split reads back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import Events
from understudy.formats.corpus import Document, document_sizes, read_documents
from understudy.formats.shards import LAYOUTS, TokenShards
from understudy.formats.special_tokens import END, FILE_SEP, FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX, REPO_NAME, SPECIAL_IDS
from understudy.formats.tokenizer import Tokenizer
from understudy.tokenizer import repositories as repositories_module
from understudy.tokenizer.pack_stage import STAGE
from understudy.tokenizer.pieces import PieceSettings
from understudy.tokenizer.repositories import Repository, read_repositories, repository_ranges
from understudy.tokenizer.repository_pieces import repository_pieces

SPECIAL = {index: text for text, index in SPECIAL_IDS.items()}


def spelled(tokenizer: Tokenizer, ids: Any) -> str:
    """Tokens as text, special ones by their spelling."""
    return "".join(SPECIAL.get(int(index)) or tokenizer.decode_bytes([int(index)]).decode("latin-1") for index in ids)


def text_of(tokenizer: Tokenizer, ids: list[int]) -> bytes:
    """What a piece teaches: its files' text, put back in order, without headers."""
    text = b""
    marks = {SPECIAL_IDS[name]: name for name in (FILE_SEP, REPO_NAME, FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE, END)}
    parts: list[tuple[str, list[int]]] = [("", [])]
    for index in ids:
        if index in marks:
            parts.append((marks[index], []))
        else:
            parts[-1][1].append(index)
    split: dict[str, bytes] = {}
    order: list[str] = []
    for mark, tokens in parts:
        raw = tokenizer.decode_bytes(tokens)
        if mark == REPO_NAME:
            continue
        if mark == FILE_SEP:
            text += raw.split(b"\n", 1)[1]
        elif mark in (FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE):
            split[mark] = raw
            order.append(mark)
        else:
            text += raw
    if split:  # spm runs prefix and middle together behind the middle's mark
        text += split[FIM_PREFIX] + split[FIM_MIDDLE] + split[FIM_SUFFIX]
    return text


@pytest.fixture
def tokenizer(library_tokenizer: Path) -> Tokenizer:
    return Tokenizer.load(library_tokenizer)


def repository(*files: tuple[str, str]) -> Repository:
    documents = [Document(f"{n:032x}", "shop", path, "python", content) for n, (path, content) in enumerate(files)]
    return Repository("shop", tuple(enumerate(documents)))


SMALL = repository(("a.py", "A = 1\n"), ("b.py", "from a import A\nB = A\n"), ("c.py", "import b\nC = b.B\n"))


def test_small_files_share_a_piece_behind_the_names_of_repository_and_files(tokenizer: Tokenizer) -> None:
    (piece,) = repository_pieces(tokenizer, SMALL, PieceSettings(128, 1, 0.0, 0.0, header_rate=1.0))
    assert spelled(tokenizer, piece.tokens) == (
        "<|repo_name|>shop\n<|file_sep|>a.py\nA = 1\n<|file_sep|>b.py\nfrom a import A\nB = A\n"
        "<|file_sep|>c.py\nimport b\nC = b.B\n<|endoftext|>"
    )
    assert (piece.document, piece.n_bytes) == (0, 6 + 22 + 17)


def test_only_the_last_file_of_a_piece_is_split_and_as_for_a_single_file(tokenizer: Tokenizer) -> None:
    (piece,) = repository_pieces(tokenizer, SMALL, PieceSettings(128, 1, 1.0, 0.0, header_rate=1.0))
    shown = spelled(tokenizer, piece.tokens)
    start = "<|repo_name|>shop\n<|file_sep|>a.py\nA = 1\n<|file_sep|>b.py\nfrom a import A\nB = A\n"
    assert shown.startswith(f"{start}<|file_sep|>c.py\n<|fim_prefix|>")
    assert shown.endswith("<|endoftext|>")
    assert LAYOUTS[piece.layout] == "psm"
    assert text_of(tokenizer, list(piece.tokens)) == b"A = 1\nfrom a import A\nB = A\nimport b\nC = b.B\n"


def test_a_piece_without_header_starts_with_text(tokenizer: Tokenizer) -> None:
    (piece,) = repository_pieces(tokenizer, SMALL, PieceSettings(128, 1, 0.0, 0.0, header_rate=0.0))
    assert spelled(tokenizer, piece.tokens).startswith("A = 1\n<|file_sep|>b.py\n")


@pytest.mark.parametrize("context", [32, 64, 200, 2048])
@pytest.mark.parametrize(("fim_rate", "header_rate"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_the_pieces_of_real_files_fit_a_row_and_hold_every_byte_once(
    tokenizer: Tokenizer, library_corpus: Path, context: int, fim_rate: float, header_rate: float
) -> None:
    documents = tuple(enumerate(list(read_documents(library_corpus, "train"))[:12]))
    settings = PieceSettings(context, 5, fim_rate, 0.5, header_rate)
    pieces = list(repository_pieces(tokenizer, Repository("lib", documents), settings))
    assert max(len(piece.tokens) for piece in pieces) <= settings.capacity
    assert sum(piece.n_bytes for piece in pieces) == sum(len(item.content.encode()) for _, item in documents)
    expected = b"".join(item.content.encode() for _, item in documents)
    found = b""
    for piece in pieces:
        if LAYOUTS[piece.layout] == "left-to-right" and header_rate in (0.0, 1.0):
            found += text_of(tokenizer, list(piece.tokens))
        else:
            found += expected[len(found) : len(found) + piece.n_bytes]
            if LAYOUTS[piece.layout] == "psm":
                assert text_of(tokenizer, list(piece.tokens)) == found[-piece.n_bytes :]
    assert found == expected


def test_a_file_that_fits_a_row_is_not_cut(tokenizer: Tokenizer) -> None:
    files = [(f"f{n}.py", f"value_{n} = {n}\n" * 6) for n in range(30)]
    for piece in repository_pieces(tokenizer, repository(*files), PieceSettings(200, 1, 0.0, 0.0, header_rate=1.0)):
        shown = spelled(tokenizer, piece.tokens).split("<|file_sep|>")[1:]
        assert all(part.count("value_") == 6 for part in shown)


def repositories(corpus: Path) -> list[Repository]:
    return [item for part in repository_ranges(corpus, "train") for item in read_repositories(corpus, "train", part)]


Pack = Callable[..., Path]


@pytest.fixture
def pack(
    tmp_path: Path,
    library_corpus: Path,
    library_tokenizer: Path,
    inputs: Callable[..., Inputs],
    recipe: Callable[..., Recipe],
    events: Events,
) -> Pack:
    def run(name: str = "tokens", **phase: object) -> Path:
        work_dir = tmp_path / name
        work_dir.mkdir(exist_ok=True)
        train = [{"phase": "pretrain", "context": 512, "documents": "repository", **phase}]
        STAGE.run(recipe(train=train), inputs(corpus=library_corpus, tokenizer=library_tokenizer), work_dir, events)
        return work_dir

    return run


def test_the_stage_packs_repositories_and_conserves_bytes(
    pack: Pack, library_corpus: Path, tokenizer: Tokenizer
) -> None:
    shards = TokenShards.open(pack(), "train", verify=True)
    assert shards.n_bytes == sum(document_sizes(library_corpus, "train"))
    rows = shards.rows(range(shards.n_rows))
    assert int((rows.tokens == SPECIAL_IDS[REPO_NAME]).sum()) > 0
    assert int((rows.tokens == SPECIAL_IDS[FILE_SEP]).sum()) >= int((rows.tokens == SPECIAL_IDS[REPO_NAME]).sum())
    valid = TokenShards.open(pack(), "valid")
    assert not any(np.isin(valid.row(index).tokens, [1, 2, 3, 5, 6]).any() for index in range(valid.n_rows))


def test_the_same_corpus_gives_the_same_shards_and_nothing_stays_in_scratch(pack: Pack, tmp_path: Path) -> None:
    one, other = pack("one"), pack("other")
    files = [path.name for path in sorted(one.iterdir()) if path.is_file()]
    assert all((one / name).read_bytes() == (other / name).read_bytes() for name in files)
    assert not (one / "scratch").exists()


def test_every_document_is_in_one_repository_whatever_the_ranges(
    library_corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = sorted(range(len(list(document_sizes(library_corpus, "train")))))
    for chunk_bytes, range_bytes in ((16_000_000, 64_000_000), (100_000, 150_000)):
        monkeypatch.setattr(repositories_module, "CHUNK_BYTES", chunk_bytes)
        monkeypatch.setattr(repositories_module, "RANGE_BYTES", range_bytes)
        found = repositories(library_corpus)
        assert sorted(number for item in found for number, _ in item.documents) == expected
        sizes = [sum(len(document.content.encode()) for _, document in item.documents) for item in found]
        largest = max(document_sizes(library_corpus, "train"))
        assert max(sizes) <= max(chunk_bytes, largest)


def test_needed_files_come_first(library_corpus: Path) -> None:
    order = [document.path for item in repositories(library_corpus) for _, document in item.documents]
    by_path = {document.path: document for document in read_documents(library_corpus, "train")}
    pairs = [
        (name, f"{needed}.py")
        for name, document in by_path.items()
        for needed in ("abc", "re", "types")
        if f"\nimport {needed}\n" in document.content
    ]
    known = [(name, needed) for name, needed in pairs if needed in by_path]
    in_order = sum(order.index(needed) < order.index(name) for name, needed in known)
    assert not known or in_order >= 0.9 * len(known)  # the library has cycles
