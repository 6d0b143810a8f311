"""The licence that a package declares in its own metadata: what each kind of file says, as an SPDX expression."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any

from understudy.data.licenses.expressions import any_of, canonical
from understudy.data.licenses.names import VAGUE, expression_of, expression_of_classifier

SETUP_LICENSE = re.compile(r"\blicen[sc]e\s*=\s*([\"'])(.{1,200}?)\1")
SETUP_CLASSIFIER = re.compile(r"[\"'](License :: [^\"'\n]{1,200})[\"']")
GEMSPEC = re.compile(r"\.licenses?\s*=\s*(\[[^\]]*\]|%w\[[^\]]*\]|[\"'][^\"'\n]{1,200}[\"'])")
QUOTED = re.compile(r"[\"']([^\"'\n]{1,200})[\"']")
POM = re.compile(r"<license>.*?<name>\s*([^<]{1,200}?)\s*</name>.*?</license>", re.DOTALL)
HEADER = re.compile(r"^(License-Expression|License|Classifier): *(.*(?:\n[ \t]+.*)*)", re.MULTILINE)


def declared(path: str, data: bytes) -> str | None:
    """The expression that this metadata file declares, or None: it says nothing, or nothing that has a name."""
    reader = _reader(PurePosixPath(path).name)
    if reader is None:
        return None
    try:
        return reader(data.decode("utf-8-sig", "replace"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, configparser.Error):
        return None  # not valid for its kind: it declares nothing


def is_metadata(name: str) -> bool:
    """Whether a file of this name may declare a licence."""
    return _reader(name) is not None


def _reader(name: str) -> Callable[[str], str | None] | None:
    return _gemspec if name.endswith(".gemspec") else READERS.get(name)


def _core_metadata(text: str) -> str | None:
    """PKG-INFO and METADATA. `License-Expression` is new and exact; classifiers are vague, the free field is both."""
    found: dict[str, list[str]] = {"License-Expression": [], "License": [], "Classifier": []}
    for match in HEADER.finditer(text.split("\n\n", 1)[0]):
        found[match[1]].append(match[2].strip())
    for exact in found["License-Expression"]:
        if expression := canonical(exact):
            return expression
    return _of_package(" ".join(found["License"][:1]), found["Classifier"])


def _of_package(field: Any, classifiers: Iterable[str]) -> str | None:
    """A package's free licence field, sharpened by its classifiers where they say more."""
    named = expression_of(field) if isinstance(field, str) else None
    classified = [name for item in classifiers if (name := expression_of_classifier(str(item)))]
    if not classified:
        return named
    if named is None:
        return any_of(classified) if len(classified) > 1 else classified[0]
    sharper = [name for name in classified if _says_more(name, named)]
    return sharper[0] if len(sharper) == 1 else named


def _says_more(one: str, other: str) -> bool:
    """True for any version beside the bare word `GPL`, and for `GPL-3.0-or-later` beside `GPLv3`."""
    if one in VAGUE or one.partition("-")[0] != other.partition("-")[0]:
        return False
    return other in VAGUE or one == other.replace("-only", "-or-later") != other


def _pyproject(text: str) -> str | None:
    values = tomllib.loads(text)
    project, poetry = values.get("project", {}), values.get("tool", {}).get("poetry", {})
    field = project.get("license", poetry.get("license"))
    if isinstance(field, dict):
        field = field.get("text")
    return _of_package(field, [*project.get("classifiers", ()), *poetry.get("classifiers", ())])


def _setup_cfg(text: str) -> str | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(text)
    values = parser["metadata"] if parser.has_section("metadata") else {}
    return _of_package(values.get("license"), str(values.get("classifiers", values.get("classifier", ""))).splitlines())


def _setup_py(text: str) -> str | None:
    field = SETUP_LICENSE.search(text)
    return _of_package(field[2] if field else None, SETUP_CLASSIFIER.findall(text))


def _cargo(text: str) -> str | None:
    values = tomllib.loads(text)
    for package in (values.get("package", {}), values.get("workspace", {}).get("package", {})):
        if isinstance(package.get("license"), str):
            return expression_of(package["license"])
    return None


def _package_json(text: str) -> str | None:
    values = json.loads(text)
    found = values.get("license") or values.get("licenses")
    listed = found if isinstance(found, list) else [found]
    words = [item.get("type") if isinstance(item, dict) else item for item in listed]
    return _joined((word for word in words if isinstance(word, str)), any_of)


def _pom(text: str) -> str | None:
    return _joined(POM.findall(text), any_of)  # Maven: "the project may be distributed under" any of them


def _gemspec(text: str) -> str | None:
    match = GEMSPEC.search(text)
    if match is None:
        return None
    words = match[1][3:-1].split() if match[1].startswith("%w") else QUOTED.findall(match[1])
    return _joined(words, any_of)


def _joined(words: Iterable[str], join: Callable[[Iterable[str]], str]) -> str | None:
    names = [name for word in words if (name := expression_of(word))]
    return canonical(join(names)) if names else None


READERS: dict[str, Callable[[str], str | None]] = {
    "PKG-INFO": _core_metadata,
    "METADATA": _core_metadata,
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
    "package.json": _package_json,
    "composer.json": _package_json,
    "Cargo.toml": _cargo,
    "pom.xml": _pom,
}

__all__ = ["declared", "is_metadata"]
