"""Licences are found by their text, whatever was done to its layout, and not where they are only talked about."""

from __future__ import annotations

import random
import textwrap
from pathlib import Path

import pytest

from understudy.data.licenses.texts import licenses_in

TEXTS = Path(__file__).parents[3] / "fixtures" / "licenses"
NAMES = sorted(path.stem for path in TEXTS.glob("*.txt"))


def text_of(name: str) -> str:
    return (TEXTS / f"{name}.txt").read_text(encoding="utf-8")


def ids(text: str) -> list[str]:
    return [match.id for match in licenses_in(text)]


@pytest.mark.parametrize("name", NAMES)
def test_a_licence_is_told_from_its_nearest_relatives(name: str) -> None:
    found = ids(text_of(name))
    assert found[:1] == [name]
    assert set(found[1:]) <= {"GPL-3.0-only"}  # the text of LGPL 3 includes it


@pytest.mark.parametrize("name", ["MIT", "BSD-3-Clause", "MPL-2.0", "GPL-3.0-only"])
def test_layout_and_holders_do_not_matter(name: str) -> None:
    words = text_of(name).replace("<year> <copyright holders>", "2019 Jane Doe").replace("<owner>", "Acme, Inc.")
    lines = textwrap.wrap(words.upper(), 57)
    commented = "/*\n" + "\n".join(f" * {line}" for line in lines) + "\n */"
    assert ids(commented)[0] == name


def test_a_licence_with_a_few_changed_words_is_still_itself() -> None:
    words = text_of("BSD-3-Clause").split()
    for at in random.Random(17).sample(range(len(words)), 4):
        words[at] = "Blorb"
    assert ids(" ".join(words)) == ["BSD-3-Clause"]


def test_half_a_licence_is_none() -> None:
    words = text_of("Apache-2.0" if "Apache-2.0" in NAMES else "MPL-2.0").split()
    assert ids(" ".join(words[: len(words) // 2])) == []


def test_several_licences_in_one_file_are_all_found_in_their_order() -> None:
    text = "\n\n".join(["Our work", text_of("MIT"), "Parts of it", text_of("BSD-2-Clause"), text_of("Zlib")])
    assert ids(text) == ["MIT", "BSD-2-Clause", "Zlib"]


def test_a_text_about_licences_is_under_none() -> None:
    assert (
        ids("We chose between the MIT License and the GNU General Public License. See https://choosealicense.com.")
        == []
    )
    assert ids("") == []


def test_every_fingerprint_can_be_found() -> None:
    """Each licence's own sample is enough for it: none is so short or so common that it never wins."""
    from understudy.data.licenses.texts import _index

    index = _index()
    assert len(index.names) > 600
    assert {"MIT", "Apache-2.0", "GPL-2.0-only", "EPL-2.0", "Artistic-2.0", "PSF-2.0", "OFL-1.1"} <= set(index.names)
    assert all(size > 0 for size in index.sizes)
