from __future__ import annotations

import pytest

from understudy.formats.languages import (
    AMBIGUOUS,
    BY_NAME,
    EXTENSIONS,
    FILENAMES,
    INTERPRETERS,
    KEPT_BY_DEFAULT,
    LANGUAGES,
    claimants,
    language_of,
    line_comments,
    may_be_code,
)


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("src/app.py", "python"),
        ("web/App.TSX", "typescript"),
        ("lib/types.d.ts", "typescript"),
        ("cmd/main.go", "go"),
        ("schema.sql", "sql"),
        ("core/engine.cpp", "c++"),
        ("Makefile", "makefile"),
        ("docker/Dockerfile", "dockerfile"),
        ("CMakeLists.txt", "cmake"),
        ("C:\\work\\main.rs", "rust"),
        (".bashrc", "shell"),
        ("docker/Dockerfile.dev", "dockerfile"),
        ("notebooks/first.ipynb", "jupyter-notebook"),
        ("web/package-lock.json", "lockfile"),
        ("lib/solver.F90", "fortran"),
        ("boards/a.dts", "device-tree"),
        ("notes.txt", "text"),
        (".gitignore", "ignore-list"),
    ],
)
def test_a_file_is_known_by_its_name(path: str, language: str) -> None:
    assert language_of(path) == language


@pytest.mark.parametrize("path", ["", "README", "photo.jpeg", ".unheard-of", "x.", "a/b.inc", "page.1"])
def test_a_file_that_is_no_known_code_has_no_language(path: str) -> None:
    assert language_of(path) is None


def test_there_are_hundreds_of_languages_and_no_two_of_one_name() -> None:
    assert len(LANGUAGES) == len(BY_NAME) > 500
    assert {"abap", "coq", "purescript", "cobol", "zig"} <= BY_NAME.keys()


def test_what_programs_write_for_programs_is_kept_only_on_request() -> None:
    assert {"csv", "svg", "lockfile", "gettext-catalog", "text", "diff"}.isdisjoint(KEPT_BY_DEFAULT)
    assert {"python", "json", "yaml", "toml", "html", "markdown", "jupyter-notebook"} <= KEPT_BY_DEFAULT
    assert all(language.is_kept for language in LANGUAGES if language.kind == "programming")


def test_an_extension_of_several_languages_is_ambiguous_and_its_owner_comes_first() -> None:
    assert claimants("include/x.h") == ("c", "c++", "objective-c")
    assert claimants("main.TS") == ("typescript", "xml")
    assert claimants("x.inc")[0] == "assembly" and language_of("x.inc") is None
    assert claimants("main.py") == claimants("Makefile") == ()
    for extension, languages in AMBIGUOUS.items():
        assert EXTENSIONS.get(extension, languages[0]) == languages[0]
        assert len(set(languages)) == len(languages) and set(languages) <= BY_NAME.keys()


@pytest.mark.parametrize("path", ["a.py", "bin/tool", "x.inc", "a.unheard-of", "Makefile", "tool.1"])
def test_a_name_that_leaves_it_open_is_worth_a_look(path: str) -> None:
    assert may_be_code(path)


@pytest.mark.parametrize("path", ["", "README", "docs/LICENSE", "photo.jpeg", "a.so", ".hidden", "lib.zip"])
def test_a_name_that_is_surely_no_code_is_not(path: str) -> None:
    assert not may_be_code(path)


def test_every_interpreter_belongs_to_one_language() -> None:
    assert sum(len(language.interpreters) for language in LANGUAGES) == len(INTERPRETERS)
    assert INTERPRETERS["python3"] == "python" and INTERPRETERS["node"] == "javascript"


def test_no_extension_and_no_file_name_belongs_to_two_languages() -> None:
    assert sum(len(language.extensions) for language in LANGUAGES) == len(EXTENSIONS)
    assert sum(len(language.filenames) for language in LANGUAGES) == len(FILENAMES)


def test_names_and_extensions_are_lower_case() -> None:
    assert all(language.name == language.name.lower() for language in LANGUAGES)
    assert all(extension == extension.lower() and extension[0] == "." for extension in [*EXTENSIONS, *AMBIGUOUS])


def test_comment_markers_are_known_for_the_languages_that_have_them() -> None:
    assert line_comments("python") == ("#",)
    assert line_comments("go") == ("//",)
    assert line_comments("json") == ()
    assert line_comments("klingon") == ()
