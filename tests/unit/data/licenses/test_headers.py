"""A source file's own head says its licence: SPDX lines first, then the notices that licences ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from understudy.data.licenses.headers import license_of_head

TEXTS = Path(__file__).parents[3] / "fixtures" / "licenses"


def commented(text: str, mark: str) -> str:
    return "".join(f"{mark} {line}\n" for line in text.splitlines())


APACHE = """\
Licensed under the Apache License, Version 2.0 (the "License");
you may not use this file except in compliance with the License.
You may obtain a copy of the License at
    http://www.apache.org/licenses/LICENSE-2.0
"""
GPL = """\
This program is free software; you can redistribute it and/or modify
it under the terms of the GNU General Public License as published by
the Free Software Foundation; either version 2 of the License, or
(at your option) any later version.
"""
MIT_OR_GPL = "Dual licensed under the MIT license or the GNU General Public License version 2.\n"
OPENSSL = """\
Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions
are met: ... All advertising materials ... endorse ...
The licence and distribution terms for any publically available version or
derivative of this code cannot be changed.  i.e. this code cannot simply be
copied and put under another distribution licence
[including the GNU Public Licence.]
"""
HEADS = [
    ("# SPDX-License-Identifier: MIT\n", "MIT"),
    ("#!/bin/sh\n// SPDX-License-Identifier: (GPL-2.0+ OR MIT)\n", "GPL-2.0-or-later OR MIT"),
    ("/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */\n", "Apache-2.0 WITH LLVM-exception"),
    ("<!-- SPDX-License-Identifier: CC0-1.0 -->\n", "CC0-1.0"),
    ("# SPDX-License-Identifier: MIT\n# SPDX-License-Identifier: Zlib\n", "MIT AND Zlib"),
    (commented(APACHE, "//"), "Apache-2.0"),
    (commented(APACHE, " *"), "Apache-2.0"),
    (commented(GPL, "#"), "GPL-2.0-or-later"),
    (commented(GPL.replace("\n(at your option) any later version.", "."), ";;"), "GPL-2.0-only"),
    (commented(GPL.replace("General", "Lesser General").replace("2 of", "2.1 of"), "#"), "LGPL-2.1-or-later"),
    (commented(GPL.replace("General", "Affero General").replace("2 of", "3 of"), "#"), "AGPL-3.0-or-later"),
    ("# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses)\n", "GPL-3.0-or-later"),
    (commented(MIT_OR_GPL, "//"), "MIT OR GPL-2.0-only"),
    (commented(OPENSSL, " *"), "SSLeay-standalone"),
    ("# License: BSD 3 clause\nimport os\n", "BSD-3-Clause"),
    ('__license__ = "MIT"\n', "MIT"),
    ("/**\n * @license MIT\n */\n", "MIT"),
    ("# This Source Code Form is subject to the terms of the Mozilla Public\n# License, v. 2.0.\n", "MPL-2.0"),
    ("// Distributed under the Boost Software License, Version 1.0.\n", "BSL-1.0"),
    ("# Licensed to PSF under a Contributor Agreement.\n", "PSF-2.0"),
]  # fmt: skip
SILENT = [
    "",
    "import os\n",
    "# See the LICENSE file for the licence of this project.\n",
    'print("SPDX-License-Identifier: MIT")\n',
    "# SPDX-License-Identifier: Something-Of-Ours\n",
    "# Use of this source code is governed by a BSD-style license that can be\n# found in the LICENSE file.\n",
    "# the license manager checks GNU Public Licence texts\n",
    "\n" * 80 + "# SPDX-License-Identifier: MIT\n",
    "x = 1  # " + "y" * 6_000 + "\n# SPDX-License-Identifier: MIT\n",
]


@pytest.mark.parametrize(("head", "expected"), HEADS)
def test_a_head_is_understood(head: str, expected: str) -> None:
    assert license_of_head(f"{head}\ndef f():\n    pass\n".encode()) == expected


@pytest.mark.parametrize("head", SILENT)
def test_a_head_that_names_none_is_none(head: str) -> None:
    assert license_of_head(head.encode()) is None


@pytest.mark.parametrize("mark", ["#", "//", " *", "--", "%"])
@pytest.mark.parametrize("name", ["MIT", "MIT-0", "X11", "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause", "ISC", "0BSD"])
def test_a_whole_licence_in_the_head_is_that_licence(name: str, mark: str) -> None:
    text = (TEXTS / f"{name}.txt").read_text(encoding="utf-8")
    assert license_of_head(commented(text, mark).encode()) == name


def test_bytes_that_are_no_text_are_no_trouble() -> None:
    assert license_of_head(bytes(range(256)) * 40 + b"license") is None
