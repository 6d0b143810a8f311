"""What people write for a licence becomes an SPDX expression, or nothing."""

from __future__ import annotations

import pytest

from understudy.data.licenses.names import expression_of, expression_of_classifier

WRITTEN = {
    "MIT": "MIT",
    "The MIT License (MIT)": "MIT",
    "mit license": "MIT",
    "BSD 3-Clause": "BSD-3-Clause",
    "New BSD": "BSD-3-Clause",
    "Simplified BSD": "BSD-2-Clause",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache 2": "Apache-2.0",
    "GPLv3": "GPL-3.0-only",
    "GPLv3+": "GPL-3.0-or-later",
    "GPL v2 or later": "GPL-2.0-or-later",
    "GNU GPLv2 or any later version": "GPL-2.0-or-later",
    "LGPL-2.1": "LGPL-2.1-only",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GPL": "GPL-1.0-or-later",
    "GPL-2.0+": "GPL-2.0-or-later",
    "MIT/Apache-2.0": "MIT OR Apache-2.0",
    "Apache 2.0 or BSD": "Apache-2.0 OR BSD-3-Clause",
    "BSD-3-Clause AND MIT": "BSD-3-Clause AND MIT",
    "GPL-2.0-only WITH Classpath-exception-2.0": "GPL-2.0-only WITH Classpath-exception-2.0",
    "LicenseRef-Acme": "LicenseRef-Acme",
}


@pytest.mark.parametrize(("written", "expected"), WRITTEN.items())
def test_a_name_is_understood(written: str, expected: str) -> None:
    assert expression_of(written) == expected


@pytest.mark.parametrize(
    "written", ["", "proprietary", "see LICENSE", "MIT or something", "x" * 5_000, "((((", "MIT AND"]
)
def test_what_is_no_name_is_none(written: str) -> None:
    assert expression_of(written) is None


@pytest.mark.parametrize(
    ("classifier", "expected"),
    [
        ("License :: OSI Approved :: MIT License", "MIT"),
        ("License :: OSI Approved :: BSD License", "BSD-3-Clause"),
        ("License :: OSI Approved :: Apache Software License", "Apache-2.0"),
        ("License :: OSI Approved :: GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"),
        ("License :: OSI Approved :: GNU Lesser General Public License v2 or later (LGPLv2+)", "LGPL-2.0-or-later"),
        ("License :: OSI Approved :: GNU Library or Lesser General Public License (LGPL)", "LGPL-2.0-or-later"),
        ("License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("License :: OSI Approved :: Python Software Foundation License", "PSF-2.0"),
        ("License :: CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "CC0-1.0"),
        ("License :: OSI Approved", None),
        ("Programming Language :: Python", None),
    ],
)
def test_a_classifier_is_understood(classifier: str, expected: str | None) -> None:
    assert expression_of_classifier(classifier) == expected
