"""The licence that a source file names in its head: SPDX lines, and the notices that licences ask to be put there.

One pass of an RE2 set over the head says which notices are there; only then are single patterns asked for details.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import re2

from understudy.data.licenses.expressions import all_of, any_of, canonical
from understudy.data.licenses.names import expression_of

HEAD_LINES = 60
HEAD_BYTES = 5_000  # sixty full lines; the longest notice in use, MIT's below a list of authors, ends before
BETWEEN_WORDS = r"[\s#/*;:.,'\"!%<>()|_=+-]+"  # in any comment style


GPL_KIND = r"gnu (?:(lesser|library|affero) )?(?:general )?public licen[sc]e"
# A notice says "under the terms of the GNU…" or starts a line with it; other texts merely mention it.
GPL_NOTICE = rf"(?:\b(?:under|of|by|the)|\n|^) (?:the )?{GPL_KIND}|{GPL_KIND} v\d"
UNDER = r"under (?:the )?(?:terms of )?(?:the )?"


class Notice(NamedTuple):
    """A notice and what it means: an expression, or `gpl`, `mit`, `bsd`, `isc`, whose kind is read from the text.

    A space in a pattern stands for whatever is between two words of a comment, line ends included.
    """

    pattern: str
    means: str


NOTICES = (
    Notice(
        r"licensed under (?:both )?(?:the )?(?:terms of )?(?:the )?apache licen[sc]e (?:version )?v?2", "Apache-2.0"
    ),
    Notice(r"apache\.org/licenses/license-2\.0", "Apache-2.0"),
    Notice(r"apache-2\.0 licen[sc]e", "Apache-2.0"),
    Notice(r"permission is hereby granted free of charge to any person obtaining a copy of this software and", "mit"),
    Notice(r"(?:under|the terms of) the (?:mit|expat|mit/x11|mit/expat) (?:software )?licen[sc]e", "MIT"),
    Notice(r"mit licensed?\b[\s.]*(?:$|\n)", "MIT"),
    Notice(r"opensource\.org/licenses/mit\b", "MIT"),
    Notice(r"redistribution and use in source and binary forms", "bsd"),
    Notice(UNDER + r"(?:bsd 3-clause|3-clause bsd|new bsd|modified bsd|revised bsd|bsd-3-clause)", "BSD-3-Clause"),
    Notice(UNDER + r"(?:bsd 2-clause|2-clause bsd|simplified bsd|bsd-2-clause)", "BSD-2-Clause"),
    Notice(
        r"permission to use copy modify and(?:/or)? distribute this software for any purpose with or without fee", "isc"
    ),
    Notice(GPL_NOTICE, "gpl"),
    Notice(r"cannot simply be copied and put under another distribution licen[sc]e", "SSLeay-standalone"),
    Notice(r"terms of the mozilla public licen[sc]e v 2", "MPL-2.0"),
    Notice(r"subject to the mozilla public licen[sc]e version 1\.1", "MPL-1.1"),
    Notice(r"eclipse public licen[sc]e (?:version )?v? ?2\.0|eclipse\.org/legal/epl-(?:2\.0|v20)", "EPL-2.0"),
    Notice(r"eclipse public licen[sc]e (?:version )?v? ?1\.0|eclipse\.org/legal/epl-v10", "EPL-1.0"),
    Notice(r"common development and distribution licen[sc]e", "CDDL-1.0"),
    Notice(r"boost software licen[sc]e version 1\.0", "BSL-1.0"),
    Notice(
        r"this software is provided as-is without any express or implied warranty in no event will the authors?", "Zlib"
    ),
    Notice(r"this is free and unencumbered software released into the public domain", "Unlicense"),
    Notice(r"creativecommons\.org/publicdomain/zero/1\.0", "CC0-1.0"),
    Notice(r"licensed to psf under a contributor agreement", "PSF-2.0"),
    Notice(r"under the same terms as perl itself", "Artistic-1.0-Perl OR GPL-1.0-or-later"),
    Notice(r"do what the fuck you want to public licen[sc]e", "WTFPL"),
    Notice(r"zope public licen[sc]e version 2\.1", "ZPL-2.1"),
    Notice(r"universal permissive licen[sc]e v ?1\.0", "UPL-1.0"),
    Notice(UNDER + r"isc licen[sc]e", "ISC"),
)
# A head without any of these words holds no notice; most heads are done here.
TRIGGER = rb"licen[sc]e|hereby|unencumbered|redistribution|as-is|publicdomain|same\s+terms"
SPDX_LINE = (
    rb"(?m)^(?:[^\w\n\"'(]{0,12}|[ \t]*(?:dnl|rem)[ \t]+)SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() \t-]{2,200})"
)
LICENSE_LINE = rb"(?m)^[^\w\n]{0,12}(?:__|@)?licen[sc]e(?:__)?[ \t]*(?:[:=][ \t]*|[ \t])[\"']?([^\n\"']{2,80})"
GPL_VERSION = r"(?:version|licen[sc]e v|licen[sc]e)[\s#/*;]*v?([123](?:\.[01])?)\b|\bgpl-?v?([123](?:\.[01])?)\b"
LATER = r"any later version|or later|\bv[123](?:\.[01])?\+"
CHOICE = (
    r"\balternatively\b|either the|at your option under|\bdual licensed|licensed under both"
    r"| or (?:the )?(?:mit|apache|boost|bsd|gnu|gpl|mozilla)\b"
)
NO_MARKS = bytes.maketrans(b"#/*;%!-", b" " * 7)
# Notices that hold the words of others.
INSTEAD_OF = {"SSLeay-standalone": ("bsd", "gpl")}
GPL_NAMES = {None: "GPL", b"lesser": "LGPL", b"library": "LGPL", b"affero": "AGPL"}


def license_of_head(data: bytes) -> str | None:
    """The expression that a file's first lines state, or None. Notices all apply, unless they offer a choice."""
    head = data[:HEAD_BYTES]
    patterns = _patterns()
    if patterns.trigger.search(head) is None:
        return None
    head = _first_lines(head)
    stated = _spdx_lines(patterns, head)
    if stated:
        return all_of(stated)
    means = [NOTICES[number].means for number in sorted(patterns.notices.Match(head) or ())]
    if not means:
        return _license_line(patterns, head)
    hidden = {other for one in means for other in INSTEAD_OF.get(one, ())}
    names = [name for one in means if one not in hidden and (name := _meaning(patterns, one, head))]
    names = list(dict.fromkeys(names))
    if len(names) > 1 and patterns.choice.search(head):
        return canonical(any_of(names))
    return all_of(names) or None


class _Patterns(NamedTuple):
    trigger: Any
    spdx: Any
    notices: Any
    gpl_kind: Any
    gpl_version: Any
    later: Any
    choice: Any
    line: Any


@cache
def _patterns() -> _Patterns:
    options = re2.Options()
    options.case_sensitive = False
    options.one_line = False
    options.encoding = re2.Options.Encoding.LATIN1
    notices = re2.Set.SearchSet(options)
    for notice in NOTICES:
        notices.Add(_any_comment(notice.pattern))
    notices.Compile()
    return _Patterns(
        trigger=re2.compile(TRIGGER, options),
        spdx=re2.compile(SPDX_LINE, options),
        notices=notices,
        gpl_kind=re2.compile(_any_comment(GPL_KIND).encode(), options),
        gpl_version=re2.compile(_any_comment(GPL_VERSION).encode(), options),
        later=re2.compile(_any_comment(LATER).encode(), options),
        choice=re2.compile(_any_comment(CHOICE).encode(), options),
        line=re2.compile(LICENSE_LINE, options),
    )


def _any_comment(pattern: str) -> str:
    return pattern.replace(" ?", BETWEEN_WORDS[:-1] + "*").replace(" ", BETWEEN_WORDS)


def _first_lines(head: bytes) -> bytes:
    at = -1
    for _ in range(HEAD_LINES):
        at = head.find(b"\n", at + 1)
        if at < 0:
            return head
    return head[:at]


def _spdx_lines(patterns: _Patterns, head: bytes) -> list[str]:
    """Expressions on SPDX lines. One that is not in SPDX's list is read as a name (`Apache 2.0`), else passed over."""
    texts = (match.group(1).decode("ascii").strip(" \t-") for match in patterns.spdx.finditer(head))
    return [name for text in texts if (name := canonical(text) or expression_of(text))]


def _license_line(patterns: _Patterns, head: bytes) -> str | None:
    """`License: BSD 3 clause`, `__license__ = "MIT"`, `@license MIT`: where the words are a licence's name."""
    for match in patterns.line.finditer(head):
        words = match.group(1).decode("utf-8", "replace").strip(" \t*/;,")
        if name := expression_of(words):
            return name
    return None


def _meaning(patterns: _Patterns, means: str, head: bytes) -> str | None:
    lower = b" ".join(head.translate(NO_MARKS).lower().split()) if means in ("mit", "bsd", "isc") else b""
    if means == "mit":
        if b"oss.sgi.com" in lower:
            return "SGI-B-2.0"
        if b"except as contained in this notice" in lower:
            return "X11"
        return "MIT" if b"subject to the fol" in lower else "MIT-0"
    if means == "bsd":
        if b"advertising materials" in lower:
            return "BSD-4-Clause"
        return "BSD-3-Clause" if b"endorse" in lower else "BSD-2-Clause"
    if means == "isc":
        return "ISC" if b"provided that the above" in lower or b"above copyright" in lower else "0BSD"
    return _gpl(patterns, head) if means == "gpl" else means


def _gpl(patterns: _Patterns, head: bytes) -> str | None:
    """The id of a GPL notice: its kind, its version, and whether later ones may be chosen."""
    kind = patterns.gpl_kind.search(head)
    rest = head[kind.start() :]
    version = patterns.gpl_version.search(rest) or patterns.gpl_version.search(head)
    later = patterns.later.search(head)
    name = GPL_NAMES[kind.group(1).lower() if kind.group(1) else None]
    if version is None:
        return f"{name}-{'2.0' if name == 'LGPL' else '1.0'}-or-later" if name != "AGPL" else "AGPL-3.0-only"
    number = (version.group(1) or version.group(2)).decode()
    number = number if "." in number else f"{number}.0"
    return canonical(f"{name}-{number}-{'or-later' if later else 'only'}")
