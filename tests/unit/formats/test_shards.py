from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from understudy.core.errors import InputDataError
from understudy.formats.shard_writer import Piece, ShardWriter, write_manifest
from understudy.formats.shards import MANIFEST, TokenShards, row_order, token_dtype


def piece(tokens: list[int], document: int = 0) -> Piece:
    return Piece(np.array(tokens, dtype=np.uint32), document, 0, n_bytes=2 * len(tokens), n_scored_bytes=len(tokens))


ROWS = [
    [piece([10, 11, 12]), piece([13, 14], 1)],
    [piece([20, 21, 22, 23, 24], 2)],
    [piece([30], 3)],
]


def write(folder: Path, vocabulary: int = 100) -> TokenShards:
    """Three shards of the rows: two in the first, none in the second, one in the third."""
    train = []
    for number, rows in enumerate((ROWS[:2], [], ROWS[2:])):
        with ShardWriter(folder, f"train-{number:05d}", 4, vocabulary) as writer:
            for row in rows:
                writer.write(row)
            train.append(writer.close())
    write_manifest(folder, {"train": train, "valid": []}, 4, vocabulary, "tokenizer-1")
    return TokenShards.open(folder, "train", verify=True)


@pytest.mark.parametrize("vocabulary", [100, 1 << 16, (1 << 16) + 1])
def test_rows_come_back_as_they_were_written(tmp_path: Path, vocabulary: int) -> None:
    shards = write(tmp_path, vocabulary)
    assert (shards.n_rows, shards.context, shards.vocabulary, shards.tokenizer) == (3, 4, vocabulary, "tokenizer-1")
    assert shards.row(0).tokens.tolist() == [10, 11, 12, 13, 14]
    assert shards.row(0).segments.tolist() == [0, 0, 0, 1, 1]
    assert shards.row(2).tokens.tolist() == [30, 4, 4, 4, 4]
    assert shards.row(2).segments.tolist() == [0, -1, -1, -1, -1]
    assert shards.row(0).tokens.dtype == token_dtype(vocabulary)


def test_rows_are_stacked_in_the_order_asked_for(tmp_path: Path) -> None:
    batch = write(tmp_path).rows([2, 0])
    assert batch.tokens.tolist() == [[30, 4, 4, 4, 4], [10, 11, 12, 13, 14]]
    assert batch.segments.shape == (2, 5)


def test_pieces_know_their_documents_and_rows_their_scored_bytes(tmp_path: Path) -> None:
    shards = write(tmp_path)
    assert shards.pieces(0)["document"].tolist() == [0, 1]
    assert [shards.pieces(row)["document"].tolist() for row in (1, 2)] == [[2], [3]]
    assert shards.scored_bytes.tolist() == [5, 5, 1]


def test_counts_are_in_the_manifest(tmp_path: Path) -> None:
    facts = write(tmp_path).facts
    assert (facts["n_rows"], facts["n_pieces"], facts["n_tokens"], facts["n_bytes"]) == (3, 4, 11, 22)
    assert facts["padding_fraction"] == pytest.approx(4 / 15, abs=1e-6)
    assert [(shard["name"], shard["n_rows"]) for shard in facts["shards"]] == [
        ("train-00000", 2),
        ("train-00001", 0),
        ("train-00002", 1),
    ]


def test_more_shards_than_may_be_open_at_once_are_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("understudy.formats.shards.OPEN_SHARDS", 1)
    shards = write(tmp_path)
    for _ in range(2):
        assert [shards.row(row).tokens[0] for row in (2, 0, 1)] == [30, 10, 20]


def test_a_split_without_rows_opens(tmp_path: Path) -> None:
    write(tmp_path)
    valid = TokenShards.open(tmp_path, "valid", verify=True)
    assert (valid.n_rows, valid.n_tokens, valid.scored_bytes.tolist()) == (0, 0, [])


@pytest.mark.parametrize("index", [-1, 3])
def test_a_row_that_is_not_there_is_an_index_error(tmp_path: Path, index: int) -> None:
    with pytest.raises(IndexError):
        write(tmp_path).row(index)


def test_an_id_outside_the_vocabulary_is_refused_on_writing_and_named_on_reading(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="outside the vocabulary of 20"):
        write(tmp_path, vocabulary=20)
    write(tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps(manifest | {"vocabulary": 24}))
    with pytest.raises(InputDataError, match=r"train-00000\.tokens: token 9 is 24"):
        TokenShards.open(tmp_path, "train", verify=True)


@pytest.mark.parametrize("name", ["train-00002.tokens", "train-00000.pieces", "train-00001.rows"])
def test_a_missing_short_or_changed_file_is_named(tmp_path: Path, name: str) -> None:
    write(tmp_path)
    raw = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(InputDataError, match=f"{name} does not have the content"):
        TokenShards.open(tmp_path, "train", verify=True)
    (tmp_path / name).write_bytes(raw[:-1])
    with pytest.raises(InputDataError, match=f"{name} has"):
        TokenShards.open(tmp_path, "train")
    (tmp_path / name).unlink()
    with pytest.raises(InputDataError, match=f"{name} is missing"):
        TokenShards.open(tmp_path, "train")


def test_shards_of_the_format_before_are_told_to_be_packed_again(tmp_path: Path) -> None:
    write(tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps(manifest | {"format": 1}))
    with pytest.raises(InputDataError, match="older version of understudy"):
        TokenShards.open(tmp_path, "train")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 99, "splits": {}, "files": {}, "context": 1}'])
def test_a_damaged_or_newer_manifest_is_refused(tmp_path: Path, content: str) -> None:
    write(tmp_path)
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(InputDataError, match=MANIFEST):
        TokenShards.open(tmp_path, "train")


def test_the_order_of_rows_is_a_permutation_that_seed_and_pass_decide() -> None:
    order = row_order(1000, seed=17, pass_number=0)
    assert sorted(order.tolist()) == list(range(1000))
    assert order.tolist() == row_order(1000, 17, 0).tolist()
    assert order.tolist() != row_order(1000, 17, 1).tolist()
    assert order.tolist() != row_order(1000, 18, 0).tolist()


def test_the_order_of_rows_never_changes_between_versions() -> None:
    assert row_order(10, seed=17, pass_number=0).tolist() == [4, 0, 1, 7, 8, 6, 2, 9, 5, 3]
