"""Replaces public IP addresses by `<IP_ADDRESS>`. Private ranges, localhost, versions, documentation examples stay."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import re2

from understudy.data.steps.contract import RedactingStep, Span

if TYPE_CHECKING:
    from numpy.typing import NDArray

PLACEHOLDER = b"<IP_ADDRESS>"
FOUR = rb"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}"
# all that is given out
SIX = rb"2[0-9A-Fa-f]{3}(?::[0-9A-Fa-f]{1,4})*(?:::|:)[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})*"
# Well-known resolvers are no one's privacy (BigCode keeps them too); the sequences mean "some address".
KEPT = frozenset(
    """
    8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 1.1.1.2 1.0.0.2 1.1.1.3 1.0.0.3 9.9.9.9 9.9.9.10 149.112.112.112 149.112.112.10
    208.67.222.222 208.67.220.220 208.67.222.123 208.67.220.123 64.6.64.6 64.6.65.6 4.2.2.1 4.2.2.2 4.2.2.3 4.2.2.4
    94.140.14.14 94.140.15.15 76.76.2.0 76.76.10.0 185.228.168.9 185.228.169.9 77.88.8.8 77.88.8.1 84.200.69.80
    84.200.70.40 114.114.114.114 223.5.5.5 223.6.6.6 119.29.29.29 180.76.76.76 168.63.129.16 100.100.100.200
    2001:4860:4860::8888 2001:4860:4860::8844 2606:4700:4700::1111 2606:4700:4700::1001 2620:fe::fe 2620:fe::9
    2620:119:35::35 2620:119:53::53
    1.2.3.4 1.2.3.5 4.3.2.1 5.6.7.8 12.34.56.78 123.45.67.89 123.123.123.123 1.22.333.4 11.22.33.44 99.99.99.99
    """.split()
)
OBJECT_IDENTIFIERS = (
    "1.3.6.",
    "1.3.14.",
    "1.3.101.",
    "1.3.132.",
    "2.5.29.",
    "2.5.4.",
    "2.16.840.",
    "2.23.",
    "1.2.840.",
    "0.9.",
)
VERSION = re.compile(
    rb"(?:\bversions?|[_.-]version|\bver|\brelease[sd]?|\brev|\brevision|\bbuild|\bfirmware|\bsections?|\bchapter|\bfigure|"
    rb"\btable|\bupgraded? (?:to|from)|\bsince|\bdriver|\bpatch|\boid)\W{0,12}(?:v|is |of |to |number )?[\"'(]?$|"
    rb"[=<>~^!]=\s*[\"']?$|[A-Za-z]/v?$|[<>^~]\s?$|\bv\s?$",
    re.IGNORECASE,
)
NETMASK = re.compile(r"(?:255|254|252|248|240|224|192|128|0)\.(?:255|254|252|248|240|224|192|128|0)\.(?:0|255|\d+)\.0")
FIRST_ROOM = 1 << 12
LEAST_GROUPS = 3
SMALL = 20  # three numbers below this begin a version or a section number far more often than a host


class IpAddresses(RedactingStep):
    """Finds addresses that belong to some machine on the Internet."""

    name: ClassVar[str] = "ip-addresses"
    reason: ClassVar[str] = "ip-address"

    def setup(self) -> None:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        from understudy.data.address_signs import telling_signs

        self._pass = telling_signs
        self._either = re2.compile(rb"(?:%s)|(?:%s)" % (FOUR, SIX), options)

    def identity(self, text: bytes) -> bytes:
        """One address may be spelled in several ways."""
        return str(ipaddress.ip_address(text.decode())).encode()

    def find(self, data: bytes) -> Iterator[Span]:
        for _, spans in self.find_all([data]):
            yield from spans

    def find_all(self, documents: Sequence[bytes | None]) -> Iterator[tuple[int, Iterable[Span]]]:
        """RE2 reads only the lines that have three dots or a colon where an address has them: one in a thousand."""
        signs = _signs(self._pass, b"\n".join(data or b"" for data in documents))
        ends = np.cumsum([len(data or b"") + 1 for data in documents])
        rows = np.searchsorted(ends, signs, side="right")
        for row in np.unique(rows).tolist():
            data = documents[row] or b""
            begin = int(ends[row]) - len(data) - 1
            yield row, self._in_lines(data, (signs[rows == row] - begin).tolist())

    def _in_lines(self, data: bytes, signs: Sequence[int]) -> Iterator[Span]:
        last = -1
        for sign in signs:
            if sign > last:
                first, last = data.rfind(b"\n", 0, sign) + 1, data.find(b"\n", sign)
                last = len(data) if last < 0 else last
                yield from self._between(data, first, last)

    def _between(self, data: bytes, first: int, last: int) -> Iterator[Span]:
        for match in self._either.finditer(data, first, last):
            start, end = match.span()
            if not (_stands_alone(data, start, end) and _is_public(data[start:end].decode())):
                continue
            if not VERSION.search(data[max(0, start - 30) : start]):
                yield Span(start, end, "ip-address", PLACEHOLDER)


def _signs(compiled_pass: Any, data: bytes) -> NDArray[np.int64]:
    """Where an address may stand, in order."""
    out = np.empty(FIRST_ROOM, np.int64)
    n = compiled_pass(np.frombuffer(data or b"\n", np.uint8), out)
    if n > len(out):
        out = np.empty(n, np.int64)
        compiled_pass(np.frombuffer(data, np.uint8), out)
    return out[:n]


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    before, after = data[max(0, start - 1) : start], data[end : end + 1]
    if before.isalnum() or (before and before in b"_.-:"):
        return False
    if after.isalnum() or after == b"_":
        return False
    return not (after and after in b".-:" and data[end + 1 : end + 2].isalnum() and b":" not in after)


def _is_public(text: str) -> bool:
    if text.lower() in KEPT or text.startswith(OBJECT_IDENTIFIERS):
        return False
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if address.version == 4 and (_is_numbering([int(part) for part in text.split(".")]) or NETMASK.fullmatch(text)):
        return False
    if address.version == 6 and len(text.split(":")) - text.count("::") < LEAST_GROUPS:
        return False  # `2003::1` is what tests and manuals write
    return address.is_global and not address.is_multicast


def _is_numbering(parts: list[int]) -> bool:
    """A version or section, one number four times, a run as in 10.20.30.40, or a made-up net as in 20.0.0.5."""
    steps = {one - other for one, other in zip(parts[1:], parts, strict=False)}
    return all(part < SMALL for part in parts[:3]) or len(steps) == 1 or parts[1] == parts[2] == 0
