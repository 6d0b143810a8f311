from __future__ import annotations

import pytest

from understudy.formats.languages import EXTENSIONS, FILENAMES, LANGUAGES, language_of, line_comments


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
    ],
)
def test_a_file_is_known_by_its_name(path: str, language: str) -> None:
    assert language_of(path) == language


@pytest.mark.parametrize("path", ["", "README", "photo.jpeg", ".gitignore", "x.", "notes.txt"])
def test_a_file_that_is_no_known_code_has_no_language(path: str) -> None:
    assert language_of(path) is None


def test_no_extension_and_no_file_name_belongs_to_two_languages() -> None:
    assert sum(len(language.extensions) for language in LANGUAGES) == len(EXTENSIONS)
    assert sum(len(language.filenames) for language in LANGUAGES) == len(FILENAMES)


def test_names_and_extensions_are_lower_case() -> None:
    assert all(language.name == language.name.lower() for language in LANGUAGES)
    assert all(extension == extension.lower() and extension[0] == "." for extension in EXTENSIONS)


def test_comment_markers_are_known_for_the_languages_that_have_them() -> None:
    assert line_comments("python") == ("#",)
    assert line_comments("go") == ("//",)
    assert line_comments("json") == ()
    assert line_comments("klingon") == ()
