"""What is remembered of files is what was found, and takes little room."""

from __future__ import annotations

import pytest

from understudy.core.recipe import Recipe
from understudy.data import portions
from understudy.data.listing import Collection, Entries, Entry, Found, pack_found, unpack_found
from understudy.data.portions import cuts_of, loads

RECIPE = Recipe.model_validate({"name": "t", "data": {"sources": [{"dir": "."}]}})


def found(n: int) -> list[Found]:
    licenses = [(), ("MIT",), ("MIT", "Apache-2.0")]
    return [
        Found("repo", f"src/f{i}.py", 12_000 + i, f"{512 * i}+{i}", f"{i:032x}", licenses=licenses[i % 3])
        for i in range(n)
    ]


def entries(n: int) -> list[Entry]:
    return [Entry("repo", f"src/f{i}.py", "python", 40_000, f"{i}", f"{i * 7919:032x}", "", "") for i in range(n)]


def test_files_are_remembered_as_they_were_found() -> None:
    files = found(1000)
    text = pack_found(files)
    assert list(unpack_found(text)) == files
    assert len(text) < 40_000


def test_what_was_not_packed_is_refused() -> None:
    for text in ("", "nonsense", pack_found([])[:-4]):
        with pytest.raises(ValueError):  # three causes, one kind
            list(unpack_found(text))


def test_the_batches_of_a_large_archive_are_the_same_and_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    collection = Collection("a", "archive", "a.tar", Entries(entries(500)))
    cuts = cuts_of(collection, "settings")
    (plain,) = loads(collection, cuts, RECIPE, ())
    monkeypatch.setattr(portions, "MANY_ENTRIES", 100)
    (packed,) = loads(collection, cuts, RECIPE, ())
    assert all(isinstance(cut.entries, Entries) for cut in packed.cuts) and len(packed.cuts) > 5
    assert [(cut.key, list(cut.entries)) for cut in packed.cuts] == [(cut.key, list(cut.entries)) for cut in plain.cuts]
