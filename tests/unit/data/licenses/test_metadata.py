"""Each kind of package says its licence in its own way."""

from __future__ import annotations

import pytest

from understudy.data.licenses.metadata import declared

OSI = "Classifier: License :: OSI Approved ::"
GNU = "GNU General Public License"
MIT_CLASSIFIER = "License :: OSI Approved :: MIT License"
DECLARED = [
    ("PKG-INFO", f"Metadata-Version: 2.1\nLicense: BSD\n{OSI} BSD License\n", "BSD-3-Clause"),
    ("METADATA", "Name: x\nLicense-Expression: MIT OR Apache-2.0\n\nLicense: GPLv3\n", "MIT OR Apache-2.0"),
    ("PKG-INFO", f"Name: x\nLicense: UNKNOWN\nClassifier: {MIT_CLASSIFIER}\n", "MIT"),
    ("PKG-INFO", f"License: GPL\n{OSI} {GNU} v2 (GPLv2)\n", "GPL-2.0-only"),
    ("PKG-INFO", f"License: GNU GPLv2 or any later version\n{OSI} {GNU} (GPL)\n", "GPL-2.0-or-later"),
    ("PKG-INFO", "Name: x\n\nLicense: MIT\n", None),
    ("pyproject.toml", '[project]\nlicense = "Apache-2.0"\n', "Apache-2.0"),
    ("pyproject.toml", '[project]\nlicense = {text = "BSD 2-Clause"}\n', "BSD-2-Clause"),
    ("pyproject.toml", f'[project]\nlicense = {{file = "LICENSE"}}\nclassifiers = ["{MIT_CLASSIFIER}"]\n', "MIT"),
    ("pyproject.toml", '[tool.poetry]\nlicense = "ISC"\n', "ISC"),
    ("setup.cfg", "[metadata]\nlicense = MPL 2.0\n", "MPL-2.0"),
    ("setup.py", 'setup(name="x", license="GPLv3+", classifiers=["Topic :: Software"])', "GPL-3.0-or-later"),
    ("setup.py", f"setup(classifiers=['{MIT_CLASSIFIER}'])", "MIT"),
    ("package.json", '{"license": "(MIT OR CC0-1.0)"}', "MIT OR CC0-1.0"),
    ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "Apache-2.0"}]}', "MIT OR Apache-2.0"),
    ("package.json", '{"license": "UNLICENSED"}', None),
    ("composer.json", '{"license": ["LGPL-2.1-only", "GPL-3.0-or-later"]}', "LGPL-2.1-only OR GPL-3.0-or-later"),
    ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"\n', "MIT OR Apache-2.0"),
    ("pom.xml", "<project><license><name>Apache License, Version 2.0</name></license></project>", "Apache-2.0"),
    ("x.gemspec", 'Gem::Specification.new do |s|\n  s.licenses = ["MIT", "Ruby"]\nend', "MIT OR Ruby"),
    ("x.gemspec", "s.license = 'MIT'", "MIT"),
]  # fmt: skip
BROKEN = [
    ("pyproject.toml", b"[project\n"),
    ("pyproject.toml", b"project = 3\n"),
    ("package.json", b"[" * 200_000),
    ("package.json", b"[]"),
    ("setup.cfg", b"no section"),
    ("PKG-INFO", b"\xff\xfe\x00"),
    ("Cargo.toml", b'package = "x"\n'),
    ("README.md", b"License: MIT"),
]


@pytest.mark.parametrize(("name", "text", "expected"), DECLARED)
def test_what_is_declared_is_read(name: str, text: str, expected: str | None) -> None:
    assert declared(f"a/b/{name}", text.encode()) == expected


@pytest.mark.parametrize(("name", "data"), BROKEN)
def test_what_is_broken_declares_nothing(name: str, data: bytes) -> None:
    assert declared(name, data) is None
