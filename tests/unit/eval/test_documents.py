from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.unit.eval.conftest import write_corpus

from understudy.core.errors import InputDataError
from understudy.eval.documents import held_out, training_text
from understudy.formats.corpus import Document


def some(n_files: int) -> list[Document]:
    return [
        Document(f"id{number}", "repo", f"{number:02}.py", "python", f"{number:02}" * 50) for number in range(n_files)
    ]


def choose(corpus: Path, max_files: int = 100, max_bytes: int = 10**6, seed: int = 1) -> list[Document]:
    return held_out(corpus, np.random.default_rng(seed), max_files, max_bytes)


def test_all_held_out_files_come_in_their_order(tmp_path: Path) -> None:
    assert choose(write_corpus(tmp_path, some(20), [])) == some(20)


def test_limits_on_files_and_bytes_choose_by_seed(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, some(20), [])
    assert len(choose(corpus, max_files=7)) == 7
    assert len(choose(corpus, max_bytes=550)) == 5
    assert len(choose(corpus, max_bytes=1)) == 1
    assert choose(corpus, max_files=7) == choose(corpus, max_files=7)
    assert choose(corpus, max_files=7) != choose(corpus, max_files=7, seed=2)


def test_a_corpus_without_held_out_files_gives_none(tmp_path: Path) -> None:
    assert choose(write_corpus(tmp_path, [], some(3))) == []


def test_training_text_is_all_of_it_or_evenly_spread(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, [], some(20))
    assert len(list(training_text(corpus, 10**6))) == 20
    spread = list(training_text(corpus, 1000))
    assert spread == [document.content.encode() for document in some(20)[::2]]


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, some(3), [])
    part = corpus / "valid" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(InputDataError, match=r"part-00000\.parquet"):
        choose(corpus)
