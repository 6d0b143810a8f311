"""Replaces public IP addresses by `<IP_ADDRESS>`. Private ranges, localhost, versions, documentation examples stay."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import ClassVar

import re2

from understudy.data.steps.contract import RedactingStep, Span

PLACEHOLDER = b"<IP_ADDRESS>"
FOUR = rb"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}"
# all that is given out
SIX = rb"2[0-9A-Fa-f]{3}(?::[0-9A-Fa-f]{1,4})*(?:::|:)[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})*"
# Well-known resolvers are no one's privacy (BigCode keeps them too); the sequences mean "some address".
KEPT = frozenset(
    """
    8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 208.67.222.222 208.67.220.220
    1.2.3.4 4.3.2.1 12.34.56.78 123.45.67.89
    """.split()
)
OBJECT_IDENTIFIERS = ("1.3.6.1", "2.5.29.", "2.5.4.", "1.2.840.")
VERSION = re.compile(
    rb"(?:version|ver|release|rev|revision|build|firmware|sections?)\W{0,12}$|[=<>~^!]=\s*[\"']?$|[A-Za-z]/$",
    re.IGNORECASE,
)
SMALL = 20  # three numbers below this begin a version or a section number far more often than a host


class IpAddresses(RedactingStep):
    """Finds addresses that belong to some machine on the Internet."""

    name: ClassVar[str] = "ip-addresses"
    reason: ClassVar[str] = "ip-address"

    def setup(self) -> None:
        self._either = re2.compile(rb"(?:%s)|(?:%s)" % (FOUR, SIX))

    def find(self, data: bytes) -> Iterator[Span]:
        for match in self._either.finditer(data):
            start, end = match.span()
            before = data[max(0, start - 30) : start]
            if _stands_alone(data, start, end) and _is_public(data[start:end].decode()) and not VERSION.search(before):
                yield Span(start, end, "ip-address", PLACEHOLDER)


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    before, after = data[max(0, start - 1) : start], data[end : end + 1]
    if before.isalnum() or (before and before in b"_.-:"):
        return False
    if after.isalnum() or after == b"_":
        return False
    return not (after and after in b".-:" and data[end + 1 : end + 2].isalnum() and b":" not in after)


def _is_public(text: str) -> bool:
    if text in KEPT or text.startswith(OBJECT_IDENTIFIERS):
        return False
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.version == 4 and _is_numbering([int(part) for part in text.split(".")]):
        return False
    return address.is_global and not address.is_multicast


def _is_numbering(parts: list[int]) -> bool:
    return all(part < SMALL for part in parts[:3]) or len(set(parts)) == 1
