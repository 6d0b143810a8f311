"""Replaces e-mail addresses by `<EMAIL>`. Matrix products, decorators, file names and documentation examples stay."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from typing import ClassVar

from understudy.data.steps.contract import RedactingStep, Span

PLACEHOLDER = b"<EMAIL>"
# RFC 5321's dot-atoms, without the signs that open something in code (`/`, `=`, `{`, `#`, `!`, `*`); the most that a
# mailbox may have is 64 characters, a domain 255.
LOCAL = frozenset((string.ascii_letters + string.digits + "._%+'-").encode())
STARTS = frozenset((string.ascii_letters + string.digits + "_").encode())
DOMAIN = re.compile(
    rb"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9-]{1,63}){0,8}\.(?:[A-Za-z]{2,18}|xn--[a-z0-9-]{2,20})"
)
STRING_PREFIXES = frozenset(b"r b u f rb br fr rf".split())
MOST_LOCAL, MOST_DOMAIN = 64, 255
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
    ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw com net org edu gov mil int info biz name dev app
    cloud tech online email systems software blog page website digital agency studio company group team network
    solutions services science academy institute university xyz aero asia cat coop jobs mobi museum post pro tel travel
    bank berlin hamburg koeln paris london wien swiss bayern brussels amsterdam nyc tokyo africa chat codes computer
    consulting design directory engineering expert foundation global guru health house international law life live
    ltd gmbh inc llc management marketing media news ninja one partners photography press review rocks run sale school
    security shop site social solar space store support tools training tube ventures video vip wiki work works world
    """.split()
)
# Attributes of Python and JavaScript objects that are domains too: `x@layer.to(…)`, `a@b.id`.
ATTRIBUTES = frozenset(b"to id name is in do my at so as one run live post info app works tools computer".split())
EXAMPLES = frozenset(
    b"example domain mydomain yourdomain yourcompany your-domain mycompany company1 acme foo bar baz foobar test email "
    b"host localhost somewhere nowhere invalid xyz xxx abc".split()
)
EXAMPLE_ENDINGS = (b".example", b".test", b".invalid", b".localhost", b".local", b".internal", b".localdomain")
# Mailboxes that no one owns: robots of forges and registries.
NOBODY = (b"noreply", b"no-reply", b"no_reply", b"donotreply", b"do-not-reply", b"nobody", b"mailer-daemon")
NOBODYS_DOMAINS = (b"users.noreply.github.com", b"noreply.github.com", b"users.noreply.gitlab.com")
EXAMPLE_LOCALS = frozenset(
    b"foo bar baz foobar user username you your me someone somebody name email your.name your.email your_email "
    b"your-email youremail yourname example xxx xyz test".split()
)
REMOTES = frozenset(b"git hg svn cvs bzr gitlab gitea".split())


class Emails(RedactingStep):
    """Finds addresses of people."""

    name: ClassVar[str] = "emails"
    version: ClassVar[str] = "2"
    reason: ClassVar[str] = "email"

    def setup(self) -> None:
        """Nothing to prepare: from sign to sign is faster than any pattern over the whole text."""

    def identity(self, text: bytes) -> bytes:
        """Case means nothing in a domain and, in practice, nothing in a mailbox."""
        return text.lower()

    def find(self, data: bytes) -> Iterator[Span]:
        at = data.find(b"@")
        while at >= 0:
            if at and data[at - 1] in LOCAL and (domain := DOMAIN.match(data, at + 1, at + 1 + MOST_DOMAIN)):
                start, end = _local_start(data, at), domain.end()
                if start < at and is_persons(data, start, end):
                    yield Span(start, end, "email", PLACEHOLDER)
            at = data.find(b"@", at + 1)


def _local_start(data: bytes, at: int) -> int:
    """Where the mailbox before the `@` begins; `at` itself if none does."""
    first = at
    while first > 0 and at - first < MOST_LOCAL and data[first - 1] in LOCAL:
        first -= 1
    quote = data.rfind(b"'", first, at)
    if quote >= 0 and data[first:quote].lower() in STRING_PREFIXES:  # b'jane@…' is no mailbox of that name
        first = quote + 1
    while first < at and data[first] not in STARTS:
        first += 1
    return first


def is_persons(data: bytes, start: int, end: int) -> bool:
    """True for an address that someone may have, judged by its parts and by what stands around it."""
    local, _, domain = data[start:end].lower().rpartition(b"@")
    if not _is_deliverable(domain) or _is_nobodys(local, domain):
        return False
    return not (_is_operator(data, start, end, domain) or _is_remote(data, end, local) or _is_in_url(data, start))


def _is_deliverable(domain: bytes) -> bool:
    labels = domain.split(b".")
    if not (labels[-1] in DOMAINS or labels[-1].startswith(b"xn--")) or b"" in labels:
        return False
    return EXAMPLES.isdisjoint(labels[-3:-1]) and not domain.endswith(EXAMPLE_ENDINGS)


def _is_nobodys(local: bytes, domain: bytes) -> bool:
    return local.startswith(NOBODY) or domain in NOBODYS_DOMAINS or local in EXAMPLE_LOCALS


def _is_operator(data: bytes, start: int, end: int, domain: bytes) -> bool:
    """`x@m.to(device)`, `a@b.id`: a product whose right side has an attribute; `name@2x.png` never gets here."""
    after = data[end : end + 1]
    if after.isalnum() or (after and after in b"_(["):
        return True
    if (
        domain.rpartition(b".")[2] not in ATTRIBUTES
        or not data[start:end].replace(b"@", b"").replace(b".", b"").isalnum()
    ):
        return False
    line = data[data.rfind(b"\n", 0, start) + 1 : start]
    return not any(sign in line for sign in (b'"', b"'", b"#", b"//", b"*", b"<"))


def _is_remote(data: bytes, end: int, local: bytes) -> bool:
    """`git@github.com:…` is the address of a repository, `host:` and `/path` after any other name too."""
    after = data[end : end + 2]
    if local in REMOTES:
        return True
    return after[:1] == b":" and (after[1:].isalnum() or after[1:] in (b"~", b"/"))


def _is_in_url(data: bytes, start: int) -> bool:
    """The user's part of `https://user:password@host` or `ssh://user@host`; mailto: and file comments are none."""
    line_start = max(data.rfind(b"\n", 0, start), start - 300)
    before = data[line_start + 1 : start].split()[-1:] or [b""]
    return b"://" in before[0] and not before[0].endswith((b"mailto:",)) and b"/" not in before[0].partition(b"://")[2]
