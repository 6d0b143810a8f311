"""A licence at the top of every file makes no two of them alike."""

from __future__ import annotations

import pyarrow as pa
import pytest

from understudy.data.near_duplicates.headers import header_end, without_headers

LICENSE = "# Copyright 2026 Acme.\n#\n# Licensed to nobody: whoever reads this has to forget it at once.\n\n"
CODE = "class EntityType:\n    USER = 'user'\n    GROUP = 'group'\n"


@pytest.mark.parametrize(
    "header",
    [
        LICENSE,
        "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n" + LICENSE,
        "\ufeff// Copyright Acme\r\n// All rights reserved.\r\n\r\n",
        "/*\n * Licensed to the Foundation\n */\n\n// @ts-check\n",
        "..\n      Licensed under the Apache License, Version 2.0\n\n      in its own words\n\n",
        "<!-- Copyright Acme\n nobody else -->\n",
        "-- copyright acme\n",
        "{# (c) acme; all rights reserved #}\n",
    ],
)
def test_a_text_begins_after_the_licence_at_its_top(header: str) -> None:
    text = (header + CODE).encode()
    assert text[header_end(text) :].lstrip() == CODE.encode()


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        "# What this does: it counts.\n" + CODE,  # a comment, but of the code
        "#include <copyright.h>\nint main(void) { return 0; }\n",
        "#license { color: red }\n",
        "/* Copyright, and no end\nint f(void);\n",
        LICENSE,  # nothing else: what is alike is all there is
        "",
    ],
)
def test_other_texts_stay_whole(text: str) -> None:
    assert header_end(text.encode()) == 0


def test_a_column_keeps_its_nulls_and_its_order_also_as_a_part_of_another() -> None:
    texts = pa.array(["before", LICENSE + "one two", None, "naïve", LICENSE + "three"]).slice(1)
    assert without_headers(texts).to_pylist() == ["one two", None, "naïve", "three"]
