"""Artifacts are published whole, found by id or prefix, checked by hash, and never lost silently."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from understudy.core.artifact import Artifact, Store, artifact_id
from understudy.core.errors import InputDataError, UsageError
from understudy.core.paths import Project, read_json, write_atomically, write_json


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Project(tmp_path))


def publish(store: Store, kind: str, text: str, inputs: tuple[Artifact, ...] = ()) -> Artifact:
    identifier = artifact_id(kind, "1", {"text": text}, [item.id for item in inputs])
    work_dir = store.project.work / identifier
    (work_dir / "deep").mkdir(parents=True)
    (work_dir / "deep" / "content.txt").write_text(text)
    (work_dir / "scratch").mkdir()
    (work_dir / "scratch" / "temporary").write_text("gone")
    return store.publish(kind, identifier, work_dir, inputs, {"n": len(text)}, {"stage": "test"})


def test_an_id_depends_on_everything_that_went_in() -> None:
    first = artifact_id("corpus", "1", {"a": 1}, ["x-1"], "hash")
    assert first == artifact_id("corpus", "1", {"a": 1}, ["x-1"], "hash")
    others = [
        artifact_id("tokens", "1", {"a": 1}, ["x-1"], "hash"),
        artifact_id("corpus", "2", {"a": 1}, ["x-1"], "hash"),
        artifact_id("corpus", "1", {"a": 2}, ["x-1"], "hash"),
        artifact_id("corpus", "1", {"a": 1}, ["x-2"], "hash"),
        artifact_id("corpus", "1", {"a": 1}, ["x-1"], "other"),
    ]
    assert len({first, *others}) == 6


def test_a_published_artifact_is_found_and_whole(store: Store) -> None:
    made = publish(store, "corpus", "hello")
    found = store.find("corpus", made.id)
    assert found == made
    assert (made.path / "deep" / "content.txt").read_text() == "hello"
    assert not (made.path / "scratch").exists()
    assert not (store.project.work / made.id).exists()
    store.verify(made)


def test_an_artifact_is_opened_by_prefix_path_and_latest(store: Store) -> None:
    made = publish(store, "corpus", "hello")
    newer = publish(store, "tokens", "world", (made,))
    assert store.open(made.id).id == made.id
    assert store.open(made.id[:10]).id == made.id
    assert store.open(made.id.split("-")[1][:6]).id == made.id
    assert store.open(str(made.path)).id == made.id
    assert store.open("latest").id == newer.id
    assert store.open("latest", "corpus").id == made.id


def test_an_unknown_or_ambiguous_name_says_what_to_do(store: Store) -> None:
    with pytest.raises(UsageError, match="understudy up"):
        store.open("latest")
    publish(store, "corpus", "a")
    publish(store, "corpus", "b")
    with pytest.raises(UsageError, match="could be any of"):
        store.open("corpus-")
    with pytest.raises(UsageError, match="understudy runs"):
        store.open("nothing")


def test_lineage_reaches_back_to_the_first_artifact(store: Store) -> None:
    corpus = publish(store, "corpus", "a")
    tokens = publish(store, "tokens", "b", (corpus,))
    model = publish(store, "model", "c", (tokens, corpus))
    record = store.lineage(model)
    assert set(record["inputs"]) == {tokens.id, corpus.id}
    assert set(record["inputs"][tokens.id]["inputs"]) == {corpus.id}


def damage_by_truncation(folder: Path) -> None:
    (folder / "deep" / "content.txt").write_text("hel")


def damage_by_deletion(folder: Path) -> None:
    (folder / "deep" / "content.txt").unlink()


def damage_the_manifest(folder: Path) -> None:
    (folder / "artifact.json").write_text('{"format": 1, "kind"')


def empty_the_manifest(folder: Path) -> None:
    (folder / "artifact.json").write_text("[]")


@pytest.mark.parametrize(
    "damage",
    [damage_by_truncation, damage_by_deletion, damage_the_manifest, empty_the_manifest],
    ids=lambda f: f.__name__,
)
def test_damage_is_found_and_named(store: Store, damage: object) -> None:
    made = publish(store, "corpus", "hello")
    damage(made.path)  # type: ignore[operator]
    with pytest.raises(InputDataError, match="damaged") as caught:
        store.find("corpus", made.id)
    assert made.id in caught.value.message
    assert store.all() == []


def test_a_flipped_bit_is_found_by_hash(store: Store) -> None:
    made = publish(store, "corpus", "hello")
    (made.path / "deep" / "content.txt").write_text("hellp")
    with pytest.raises(InputDataError, match=r"content\.txt does not have the content"):
        store.verify(made)


def test_a_newer_format_asks_for_an_upgrade(store: Store) -> None:
    made = publish(store, "corpus", "hello")
    manifest = read_json(made.path / "artifact.json")
    write_json(made.path / "artifact.json", manifest | {"format": 99})
    with pytest.raises(InputDataError, match="upgrade"):
        store.find("corpus", made.id)


def test_garbage_is_what_the_kept_was_not_made_from(store: Store) -> None:
    corpus = publish(store, "corpus", "a")
    tokens = publish(store, "tokens", "b", (corpus,))
    other = publish(store, "corpus", "other")
    (store.project.work / "tokens-killed").mkdir(parents=True)
    names = {folder.name for folder, _ in store.garbage([tokens.id])}
    assert names == {other.id, "tokens-killed"}


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "value.json"
    write_json(target, {"a": 1})
    with pytest.raises(ValueError, match="Out of range"):
        write_json(target, {"a": float("nan")})
    with pytest.raises(TypeError):
        write_atomically(target, 5)  # type: ignore[arg-type]
    assert json.loads(target.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [target]
