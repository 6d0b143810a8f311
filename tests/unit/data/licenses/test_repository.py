"""The licence of each folder of a repository, from what stands in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.data.licenses import License, is_license_file, license_for, repository_licenses

TEXTS = Path(__file__).parents[3] / "fixtures" / "licenses"


def text(*names: str, between: str = "\n\n") -> bytes:
    return between.join((TEXTS / f"{name}.txt").read_text(encoding="utf-8") for name in names).encode()


def expressions(files: dict[str, bytes]) -> dict[str, str]:
    return {folder: license_.expression for folder, license_ in repository_licenses(files).items()}


@pytest.mark.parametrize(
    "path",
    ["LICENSE", "a/LICENCE.txt", "COPYING", "COPYING.LESSER", "LICENSE-MIT", "LICENSE.APACHE", "UNLICENSE", "NOTICE",
     "license.md", "setup.py", "x/pyproject.toml", "x.egg-info/PKG-INFO", "a.gemspec", "MIT-LICENSE.txt", "gpl.txt"],
)  # fmt: skip
def test_files_that_can_say_a_licence_are_known_by_name(path: str) -> None:
    assert is_license_file(path)


@pytest.mark.parametrize(
    "path",
    ["license.py", "licenses.js", "src/license_check.go", "README.md", "unlicensed.txt", "copy.txt", "x.py.license"],
)
def test_code_about_licences_is_none_of_them(path: str) -> None:
    assert not is_license_file(path)


def test_a_licence_file_names_the_licence_and_itself() -> None:
    assert repository_licenses({"LICENSE": text("MIT")}) == {"": License("MIT", "LICENSE")}


def test_a_folder_with_its_own_licence_has_it() -> None:
    found = repository_licenses({"LICENSE": text("AGPL-3.0-only"), "sdk/js/LICENSE.txt": text("MIT")})
    ruling = {path: license_for(found, path) for path in ("server/app.py", "sdk/js/src/x.js", "sdk/py/x.py")}
    assert {path: license_ and license_.expression for path, license_ in ruling.items()} == {
        "server/app.py": "AGPL-3.0-only",
        "sdk/js/src/x.js": "MIT",
        "sdk/py/x.py": "AGPL-3.0-only",
    }


def test_a_licence_file_further_up_rules_over_metadata_close_by() -> None:
    found = repository_licenses({"LICENSE": text("AGPL-3.0-only"), "web/package.json": b'{"license": "ISC"}'})
    ruling = license_for(found, "web/src/x.js")
    assert ruling is not None and ruling.expression == "AGPL-3.0-only"


def test_metadata_counts_where_there_is_no_licence_file() -> None:
    found = repository_licenses({"package.json": b'{"license": "MIT"}', "b/package.json": b'{"license": "ISC"}'})
    assert {path: license_.expression for path in ("x.js", "b/x.js") if (license_ := license_for(found, path))} == {
        "x.js": "MIT",
        "b/x.js": "ISC",
    }


def test_what_is_declared_says_what_the_text_leaves_open() -> None:
    assert expressions({"COPYING": text("GPL-3.0-only")}) == {"": "GPL-3.0-only"}
    assert expressions({"COPYING": text("GPL-3.0-only"), "PKG-INFO": b"License: GPLv3+\n"}) == {"": "GPL-3.0-or-later"}
    both = {"LICENSE-APACHE": (Path(__file__).parents[4] / "LICENSE").read_bytes(), "LICENSE-MIT": text("MIT")}
    assert expressions({**both, "Cargo.toml": b'[package]\nlicense = "MIT OR Apache-2.0"\n'}) == {
        "": "MIT OR Apache-2.0"
    }
    assert expressions(both) == {"": "Apache-2.0 OR MIT"}


def test_what_the_text_says_is_sharper_than_a_vague_name() -> None:
    assert expressions({"LICENSE": text("BSD-2-Clause"), "setup.py": b"setup(license='BSD')"}) == {"": "BSD-2-Clause"}


def test_the_text_rules_where_what_is_declared_says_something_else() -> None:
    assert expressions({"LICENSE": text("GPL-3.0-only"), "setup.py": b"setup(license='MIT')"}) == {"": "GPL-3.0-only"}


def test_lesser_gpl_with_the_text_it_builds_on_is_one_licence() -> None:
    files = {"COPYING": text("GPL-3.0-only"), "COPYING.LESSER": text("LGPL-3.0-only")}
    assert expressions(files) == {"": "LGPL-3.0-only"}


def test_what_is_bundled_is_told_apart_from_what_it_is_bundled_in() -> None:
    bundling = text("MIT", "GPL-3.0-only", between="\n\nThis package bundles the following third-party code:\n\n")
    assert repository_licenses({"LICENSE": bundling})[""][:3] == ("MIT", "LICENSE", ("GPL-3.0-only",))


def test_two_licences_without_a_word_of_why_both_apply() -> None:
    assert expressions({"LICENSE": text("MIT", "Zlib")}) == {"": "MIT AND Zlib"}
    chosen = b"You may use this under either of these licenses:\n\n" + text("MIT", "Zlib")
    assert expressions({"LICENSE": chosen}) == {"": "MIT OR Zlib"}


def test_an_sdists_metadata_in_its_egg_info_counts_for_the_whole() -> None:
    assert expressions({"x.egg-info/PKG-INFO": b"License: Apache 2.0\n"}) == {"": "Apache-2.0"}


def test_a_licence_file_that_only_names_one_is_understood() -> None:
    assert expressions({"LICENSE": b"MIT\n"}) == {"": "MIT"}
    assert expressions({"LICENSE": b"Licensed under the Apache License, Version 2.0\n"}) == {"": "Apache-2.0"}


def test_what_says_nothing_is_nothing() -> None:
    files = {"LICENSE": b"All rights reserved. Acme, Inc.", "a/COPYING": b"\xff\x00\x80", "b/package.json": b"{"}
    assert repository_licenses(files) == {}
    assert license_for({}, "a/b.py") is None
