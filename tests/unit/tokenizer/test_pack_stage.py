from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from understudy.core.errors import InputDataError, Interrupted
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import Events
from understudy.formats.corpus import document_sizes, read_documents
from understudy.formats.shards import LAYOUTS, TokenShards
from understudy.formats.tokenizer import Tokenizer
from understudy.tokenizer.pack_stage import STAGE
from understudy.tokenizer.packing import PackOrder, pack_range

MakeInputs = Callable[..., Inputs]
MakeRecipe = Callable[..., Recipe]
MakeCorpus = Callable[[Path, dict[str, str], dict[str, str]], Path]
Pack = Callable[..., Path]


@pytest.fixture
def pack(
    tmp_path: Path,
    library_corpus: Path,
    library_tokenizer: Path,
    inputs: MakeInputs,
    recipe: MakeRecipe,
    events: Events,
) -> Pack:
    """Runs the stage into a folder of this name and returns the folder."""

    def run(name: str = "tokens", corpus: Path = library_corpus, **phase: object) -> Path:
        work_dir = tmp_path / name
        work_dir.mkdir(exist_ok=True)
        train = [{"phase": "pretrain", "context": 128, **phase}]
        STAGE.run(recipe(train=train), inputs(corpus=corpus, tokenizer=library_tokenizer), work_dir, events)
        return work_dir

    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_packing_conserves_tokens_bytes_and_documents(pack: Pack, library_corpus: Path) -> None:
    folder = pack()
    for shards in (TokenShards.open(folder, "train", verify=True), TokenShards.open(folder, "valid", verify=True)):
        rows = shards.rows(range(shards.n_rows))
        sizes = list(document_sizes(library_corpus, shards.split))
        assert int((rows.segments >= 0).sum()) == shards.n_tokens
        assert shards.n_bytes == sum(sizes)
        documents = {int(number) for index in range(shards.n_rows) for number in shards.pieces(index)["document"]}
        assert documents == set(range(len(sizes)))


def test_held_out_text_can_be_read_back_from_its_rows(
    pack: Pack, library_corpus: Path, library_tokenizer: Path
) -> None:
    shards, tokenizer = TokenShards.open(pack(), "valid"), Tokenizer.load(library_tokenizer)
    found: dict[int, list[bytes]] = {}
    for index in range(shards.n_rows):
        row = shards.row(index)
        for segment, record in enumerate(shards.pieces(index)):
            ids = row.tokens[row.segments == segment]
            found.setdefault(int(record["document"]), []).append(tokenizer.decode_bytes([i for i in ids if i != 0]))
    for number, document in enumerate(read_documents(library_corpus, "valid")):
        assert sum(map(len, found[number])) == len(document.content.encode())
        assert all(part in document.content.encode() for part in found[number])


def test_held_out_rows_hold_nothing_random(pack: Pack, library_tokenizer: Path) -> None:
    shards = TokenShards.open(pack(), "valid")
    assert shards.facts["n_by_layout"] == {"left-to-right": shards.facts["n_pieces"], "psm": 0, "spm": 0}
    assert not any(np.isin(shards.row(index).tokens, [1, 2, 3, 5, 6]).any() for index in range(shards.n_rows))


def test_scored_bytes_are_those_of_the_predicted_tokens(pack: Pack, library_tokenizer: Path) -> None:
    shards, tokenizer = TokenShards.open(pack(), "valid"), Tokenizer.load(library_tokenizer)
    for index in range(shards.n_rows):
        row = shards.row(index)
        is_predicted = (row.segments[1:] == row.segments[:-1]) & (row.segments[1:] >= 0)
        assert shards.scored_bytes[index] == int(tokenizer.token_bytes[row.tokens[1:][is_predicted]].sum())


def test_padding_is_a_few_per_cent_and_reported(pack: Pack) -> None:
    shards = TokenShards.open(pack(context=512), "train")
    rows = shards.rows(range(shards.n_rows))
    assert shards.facts["padding_fraction"] == pytest.approx(float((rows.segments < 0).mean()), abs=1e-6)
    assert shards.facts["padding_fraction"] < 0.05


def test_all_three_layouts_are_there_unless_the_recipe_says_otherwise(pack: Pack) -> None:
    mixed = TokenShards.open(pack("mixed"), "train").facts["n_by_layout"]
    assert all(mixed[layout] > 0 for layout in LAYOUTS)
    plain = TokenShards.open(pack("plain", fim={"rate": 0.0, "spm": 0.5}), "train").facts["n_by_layout"]
    assert plain["psm"] == plain["spm"] == 0


def test_what_a_killed_run_left_changes_nothing(pack: Pack, tmp_path: Path) -> None:
    fresh = contents(pack("fresh"))
    used = tmp_path / "used"
    (used / "scratch" / "ranges").mkdir(parents=True)
    (used / "scratch" / "f00d").mkdir()
    for name in ("train-00000.tokens", "train-00009.rows", "manifest.json", ".manifest.json.q1", "valid.pieces"):
        (used / name).write_bytes(b"half")
    for name in ("ranges/train-00000.json", "ranges/train-00009.json", "f00d/train-00000.tokens"):
        (used / "scratch" / name).write_bytes(b"{}")
    assert contents(pack("used")) == fresh


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six or so for the library instead of one."""
    monkeypatch.setattr("understudy.tokenizer.ranges.LEAST_BYTES", 250_000)


@pytest.mark.parametrize("documents", ["file", "repository"])
def test_the_number_of_processes_changes_nothing(
    documents: str, small_ranges: None, pack: Pack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("understudy.clusters.local.n_cores", lambda: 3)
    monkeypatch.setattr("understudy.tokenizer.repositories.CHUNK_BYTES", 200_000)
    many = pack("many", documents=documents)
    assert len(TokenShards.open(many, "train", verify=True).facts["shards"]) > 3
    monkeypatch.setattr("understudy.clusters.local.n_cores", lambda: 1)
    assert contents(pack("one", documents=documents)) == contents(many)


def test_ranges_that_are_finished_are_not_packed_again(
    small_ranges: None, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = contents(pack("fresh"))
    packed: list[str] = []

    def noting(order: PackOrder) -> int:
        if len(packed) == 3:
            raise OSError(28, "No space left on device", order.folder)
        packed.append(order.name)
        return pack_range(order)

    monkeypatch.setattr("understudy.clusters.local.n_cores", lambda: 1)
    monkeypatch.setattr("understudy.tokenizer.pack_stage.pack_range", noting)
    with pytest.raises(OSError, match="No space left"):
        pack("again")
    first = packed.copy()
    (tmp_path / "again" / f"{first[1]}.rows").write_bytes(b"short")
    packed[:] = packed[:0]
    monkeypatch.setattr(
        "understudy.tokenizer.pack_stage.pack_range", lambda order: packed.append(order.name) or pack_range(order)
    )
    assert contents(pack("again")) == fresh
    assert first[1] in packed and not {first[0], first[2]} & set(packed)


def weighed(corpus: Path, folder: Path, weight: float) -> Path:
    """The corpus with this weight on every document."""
    for part in corpus.rglob("*.parquet"):
        table = pq.read_table(part)
        target = folder / part.relative_to(corpus)
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.append_column("weight", pa.array([weight] * len(table), pa.float32())), target)
    return folder


def packed_documents(folder: Path) -> Counter[int]:
    """How many bytes of text of each document were packed for training."""
    shards = TokenShards.open(folder, "train", verify=True)
    found: Counter[int] = Counter()
    for index in range(shards.n_rows):
        for record in shards.pieces(index):
            found[int(record["document"])] += int(record["n_bytes"])
    return found


@pytest.mark.parametrize("documents", ["file", "repository"])
def test_a_weight_of_two_packs_every_document_twice_with_other_splits(
    documents: str, pack: Pack, library_corpus: Path, tmp_path: Path
) -> None:
    once = pack("once", corpus=weighed(library_corpus, tmp_path / "1", 1.0), documents=documents)
    assert contents(once) == contents(pack("unweighed", documents=documents))
    twice = pack("twice", corpus=weighed(library_corpus, tmp_path / "2", 2.0), documents=documents)
    assert TokenShards.open(twice, "train").n_bytes == 2 * TokenShards.open(once, "train").n_bytes
    assert TokenShards.open(twice, "valid").n_bytes == TokenShards.open(once, "valid").n_bytes
    if documents == "file":
        assert packed_documents(twice) == Counter({n: 2 * size for n, size in packed_documents(once).items()})
    rows = {row.tobytes() for row in TokenShards.open(twice, "train").rows(range(20)).tokens}
    assert len(rows) == 20
    layouts = [TokenShards.open(folder, "train").facts["n_by_layout"] for folder in (once, twice)]
    assert layouts[1] != {name: 2 * n for name, n in layouts[0].items()}


def test_a_weight_of_a_half_packs_half_of_the_documents(pack: Pack, library_corpus: Path, tmp_path: Path) -> None:
    whole = packed_documents(pack("whole"))
    half = packed_documents(pack("half", corpus=weighed(library_corpus, tmp_path / "0.5", 0.5)))
    assert 0.3 * len(whole) < len(half) < 0.7 * len(whole)
    assert all(half[number] == whole[number] for number in half)


def test_a_run_killed_at_any_moment_and_run_again_gives_the_same_files(
    pack: Pack, tmp_path: Path, library_corpus: Path, library_tokenizer: Path
) -> None:
    undisturbed = contents(pack("undisturbed"))
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from understudy.core.artifact import Artifact
        from understudy.core.paths import Project
        from understudy.core.recipe import Recipe
        from understudy.core.stage import Inputs
        from understudy.core.tracking import silent
        from understudy.tokenizer.pack_stage import STAGE
        corpus, tokenizer, work_dir = map(Path, sys.argv[1:])
        recipe = Recipe.model_validate(
            {"name": "t", "data": {"sources": [{"dir": "unused"}]}, "train": [{"phase": "pretrain", "context": 128}]}
        )
        artifacts = {"corpus": Artifact("corpus", "corpus-1", corpus, (), {}, {}),
                     "tokenizer": Artifact("tokenizer", "tokenizer-1", tokenizer, (), {}, {})}
        print("start", flush=True)
        STAGE.run(recipe, Inputs(artifacts, Project(work_dir)), work_dir, silent())
        """
    )
    folder = tmp_path / "killed"
    folder.mkdir()
    command = [sys.executable, "-c", program, str(library_corpus), str(library_tokenizer), str(folder)]
    for seconds in np.random.default_rng(17).uniform(0, 0.3, size=3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(float(seconds))
            process.send_signal(signal.SIGKILL)
    assert contents(pack("killed")) == undisturbed


def test_a_corpus_smaller_than_a_row_gives_one_padded_row(pack: Pack, tmp_path: Path, make_corpus: MakeCorpus) -> None:
    shards = TokenShards.open(pack(corpus=make_corpus(tmp_path / "corpus", {"a.py": "x = 1\n"}, {})), "train")
    assert shards.n_rows == 1
    assert (shards.row(0).segments == -1).sum() > 100


def test_without_held_out_text_there_is_a_warning_and_an_empty_split(
    pack: Pack, tmp_path: Path, make_corpus: MakeCorpus, events: Events
) -> None:
    folder = pack(corpus=make_corpus(tmp_path / "corpus", {"a.py": "x = 1\n"}, {}))
    assert TokenShards.open(folder, "valid").n_rows == 0
    assert [record["text"] for record in events.records if record["event"] == "warning"] == [
        "there is no held-out text: nothing will be validated"
    ]


def test_an_empty_training_split_is_an_error(pack: Pack, tmp_path: Path, make_corpus: MakeCorpus) -> None:
    with pytest.raises(InputDataError, match="no text to train on"):
        pack(corpus=make_corpus(tmp_path / "corpus", {}, {"a.py": "x = 1\n"}))


def test_a_request_to_stop_interrupts_and_leaves_no_manifest(pack: Pack, tmp_path: Path, events: Events) -> None:
    events.stop.set()
    with pytest.raises(Interrupted):
        pack()
    assert not (tmp_path / "tokens" / "manifest.json").exists()


def test_the_manifest_names_the_tokenizer_and_every_file(pack: Pack) -> None:
    folder = pack()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["tokenizer"] == "tokenizer-1"
    assert sorted(manifest["files"]) == sorted({file.name for file in folder.iterdir()} - {"manifest.json"})
    assert manifest["dtype"] == "<u2"
