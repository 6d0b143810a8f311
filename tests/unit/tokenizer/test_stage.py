from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from understudy.core.errors import InputDataError, Interrupted
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import Events
from understudy.formats.tokenizer import Tokenizer
from understudy.tokenizer.sample import CHUNK_CHARACTERS, chunks, sample_chunks
from understudy.tokenizer.stage import STAGE

MakeInputs = Callable[..., Inputs]
MakeRecipe = Callable[..., Recipe]
MakeCorpus = Callable[[Path, dict[str, str], dict[str, str]], Path]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def small(vocabulary: int = 700, sample_bytes: int = 10**8) -> dict[str, object]:
    return {"train": {"vocabulary": vocabulary, "sample_bytes": sample_bytes}}


def test_the_stage_writes_a_tokenizer_of_the_size_asked_for(
    tmp_path: Path, library_corpus: Path, inputs: MakeInputs, recipe: MakeRecipe, events: Events
) -> None:
    metrics = STAGE.run(recipe(tokenizer=small()), inputs(corpus=library_corpus), tmp_path, events)
    assert Tokenizer.load(tmp_path).vocabulary == metrics["vocabulary"] == 700
    assert sorted(contents(tmp_path)) == ["report.json", "tokenizer.json", "tokenizer_config.json"]


def test_what_a_killed_run_left_changes_nothing(
    tmp_path: Path, library_corpus: Path, inputs: MakeInputs, recipe: MakeRecipe, events: Events
) -> None:
    fresh, used = tmp_path / "fresh", tmp_path / "used"
    fresh.mkdir()
    (used / "scratch").mkdir(parents=True)
    (used / ".tokenizer.json.x7").write_text("{")
    (used / "tokenizer.json").write_text("{")
    for folder in (fresh, used):
        STAGE.run(recipe(tokenizer=small()), inputs(corpus=library_corpus), folder, events)
    assert contents(fresh) == contents(used)


def test_the_report_grows_with_the_vocabulary_and_is_measured_on_held_out_text(
    tmp_path: Path, library_corpus: Path, inputs: MakeInputs, recipe: MakeRecipe, events: Events
) -> None:
    STAGE.run(recipe(tokenizer=small(2048)), inputs(corpus=library_corpus), tmp_path, events)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["measured_on"] == "valid"
    assert list(report["bytes_per_token"]) == ["python"]
    rates = [report["overall"][size] for size in ("512", "1024", "2048")]
    assert rates == sorted(rates)
    assert 1 < rates[0] < rates[-1] < 6


def test_without_held_out_text_the_report_says_it_is_of_training_text(
    tmp_path: Path, make_corpus: MakeCorpus, inputs: MakeInputs, recipe: MakeRecipe, events: Events
) -> None:
    corpus = make_corpus(tmp_path / "corpus", {"a.py": "x = 1\n" * 50}, {})
    work = tmp_path / "work"
    work.mkdir()
    metrics = STAGE.run(recipe(tokenizer=small()), inputs(corpus=corpus), work, events)
    assert json.loads((work / "report.json").read_text())["measured_on"] == "train"
    assert metrics["vocabulary"] < 700
    assert [record["text"] for record in events.records if record["event"] == "warning"] == [
        f"the text has only {metrics['vocabulary']} different tokens, 700 were asked for"
    ]


def test_a_corpus_without_text_is_an_error_that_says_so(
    tmp_path: Path, make_corpus: MakeCorpus, inputs: MakeInputs, recipe: MakeRecipe, events: Events
) -> None:
    corpus = make_corpus(tmp_path / "corpus", {}, {})
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(InputDataError, match="no text"):
        STAGE.run(recipe(), inputs(corpus=corpus), work, events)


def test_a_damaged_corpus_is_named(
    tmp_path: Path, make_corpus: MakeCorpus, inputs: MakeInputs, recipe: MakeRecipe, events: Events
) -> None:
    corpus = make_corpus(tmp_path / "corpus", {"a.py": "x = 1\n" * 50}, {})
    (corpus / "train" / "part-00000.parquet").write_bytes(b"PAR1 no")
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(InputDataError, match="part-00000"):
        STAGE.run(recipe(), inputs(corpus=corpus), work, events)


def test_the_sample_is_even_seeded_and_never_larger_than_asked(library_corpus: Path, events: Events) -> None:
    first = "".join(sample_chunks(library_corpus, 17, 300_000, events))
    assert first == "".join(sample_chunks(library_corpus, 17, 300_000, events))
    assert first != "".join(sample_chunks(library_corpus, 18, 300_000, events))
    assert 150_000 < len(first.encode()) <= 300_000


def test_a_request_to_stop_interrupts_between_documents(library_corpus: Path, events: Events) -> None:
    events.stop.set()
    with pytest.raises(Interrupted):
        list(sample_chunks(library_corpus, 17, 10**9, events))


def test_chunks_joined_are_the_text_and_end_with_lines() -> None:
    text = "some line of code\n" * 10_000 + "x" * (2 * CHUNK_CHARACTERS)
    parts = list(chunks(text))
    assert "".join(parts) == text
    assert max(map(len, parts)) <= CHUNK_CHARACTERS
    assert all(part.endswith("\n") for part in parts[:2])
