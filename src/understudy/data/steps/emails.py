"""Replaces e-mail addresses by `<EMAIL>`. Matrix products, decorators, file names and documentation examples stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import re2

from understudy.data.steps.contract import RedactingStep, Span

PLACEHOLDER = b"<EMAIL>"
ADDRESS = rb"[A-Za-z0-9][A-Za-z0-9._%+'-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,18}"
# Country codes (ISO 3166 as delegated) without those that are mostly file extensions (.py, .sh, .md, .rs), and the
# generic domains that people have addresses in. `q@k.transpose` ends in none of them.
DOMAINS = frozenset(
    b"""
    ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc
    cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga
    gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo
    jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc me mg mh mk ml mm mn mo mp mq mr ms
    mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw qa re ro ru
    rw sa sb sc sd se sg si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz
    ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw com org net edu gov mil int info biz name dev app
    cloud tech online email systems software blog page website digital agency studio company group team network
    solutions services science academy institute university xyz
    """.split()
)
EXAMPLES = frozenset(
    (b"example", b"domain", b"mydomain", b"yourdomain", b"yourcompany", b"foo", b"bar", b"test", b"email")
)
EXAMPLE_ENDINGS = (b".example", b".test", b".invalid", b".localhost")


class Emails(RedactingStep):
    """Finds addresses of people."""

    name: ClassVar[str] = "emails"
    reason: ClassVar[str] = "email"

    def setup(self) -> None:
        self._address = re2.compile(ADDRESS)

    def find(self, data: bytes) -> Iterator[Span]:
        if b"@" not in data:
            return
        for match in self._address.finditer(data):
            if _is_persons(data, match.start(), match.end()):
                yield Span(match.start(), match.end(), "email", PLACEHOLDER)


def _is_persons(data: bytes, start: int, end: int) -> bool:
    local, _, domain = data[start:end].lower().rpartition(b"@")
    labels = domain.split(b".")
    if labels[-1] not in DOMAINS or labels[-2] in EXAMPLES or domain.endswith(EXAMPLE_ENDINGS):
        return False
    after = data[end : end + 1]
    if after.isalnum() or (after and after in b"_(["):
        return False  # `x@m.to(device)`: a method of a product's right side
    if local in (b"git", b"hg", b"svn") and after in (b":", b"/"):
        return False  # `git@github.com:…` is an address of a repository
    line_start = max(data.rfind(b"\n", 0, start), start - 300)
    before = data[line_start + 1 : start].split()[-1:] or [b""]
    return b"://" not in before[0] or before[0].endswith((b"//", b"mailto:"))
