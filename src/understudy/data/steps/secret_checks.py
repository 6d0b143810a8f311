"""What tells a real secret from a placeholder, a printed example, a name or a path: the checks that rules name."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import xxhash

from understudy.data.steps.randomness import naturalness_bits

FILLERS = re.compile(
    rb"example|sample|placeholder|change.?(?:me|this|it)|dummy|fake|your|insert|replace|redact|mock|secret.?key|"
    rb"xxxx|\bXXX|\*{3}|\.{3}|1234567|7654321|abcdef|abc123|deadbeef|cafebabe|foobar|qwerty|lorem|"
    rb"<|>|\$\{|\{\{|%\(|\$\(|\(\?|\[\^?[a-z0-9]-|\{[a-z_]*\}|%[sd]\b|\\[wdWDS]|\\x[0-9a-f]{2}",
    re.IGNORECASE,
)
# Values that are printed in manuals and emulators (Stripe, Slack, Azurite, Cosmos DB, jwt.io, RFC 6749, 6750, 7519,
# 7617), by xxh3 of the whole value or of a JWT's signature: they open nothing.
DOCUMENTED = frozenset(
    """
    ce555596716c94ba 095aacf02a5cbebb b9a4a4ca04b71520 2fe7688f0e934e73 04f27e0744612f2d 891365612828b70e
    cf1f03e77543ea29 3b3497e6e9a6ef4a 3c6e5c2482c59266 6490438c51a9729c 99b6d4f9f82b6fe5 21d132071bbf345d
    11117c7c712b2e9a 2ca5c4538c41f76b 3ac1218554287ff3 7ccf41398516a71f
    """.split()
)


def is_filler(value: bytes) -> bool:
    """True for a placeholder, a run like `aaaa` or `01234`, a short text repeated, or an issuer's printed example."""
    return (
        FILLERS.search(value) is not None
        or len(set(value)) < min(8, 1 + len(value) // 2)
        or _is_run(value)
        or _is_repeated(value)
        or xxhash.xxh3_64_hexdigest(value) in DOCUMENTED
    )


def _is_run(value: bytes) -> bool:
    """Whether most characters follow their neighbour (`abcdef`, `98765`) or repeat it."""
    near = sum(abs(one - other) <= 1 for one, other in pairwise(value))
    return near > 0.45 * len(value)


def _is_repeated(value: bytes) -> bool:
    """Whether a short text, written twice or more, makes the value; its last character may differ."""
    return len(value) >= 8 and value[:-1] in (value[:-1] + value[:-1])[1:-1]


def shannon_bits(value: bytes) -> float:
    """Bits for each byte of `value`, from its own byte counts."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values()) if total else 0.0


def is_token(value: bytes) -> bool:
    """True for a value in an issuer's own format that is no filler."""
    return not is_filler(value)


CONSTANT = re.compile(rb"[A-Z][A-Z0-9]{0,11}(?:_[A-Z0-9]{1,11})+")  # HAVE_STRUCT_PASSWD_PW_PASSWD
HEXADECIMAL = re.compile(rb"(?:0x)?[0-9a-fA-F]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
NUMBERS = re.compile(rb"[\d.,:+/TZe_-]+|[\d.-]+[a-zA-Z]{1,4}")
LEAST_HEX_BITS = 2.8  # random hex of 16 digits has 3.0 to 3.6; dates and counters less
DRAWN = -10.0  # of 16 random letters and digits 99.9 % are below, of words in code 2 %


def is_random(value: bytes) -> bool:
    """True for a value that was drawn by a machine: random hex, or letters in an order that no one writes."""
    if len(value) < 10 or is_filler(value) or NUMBERS.fullmatch(value) or CONSTANT.fullmatch(value):
        return False
    if HEXADECIMAL.fullmatch(value):
        return len(value) >= 16 and shannon_bits(value.lower()) >= LEAST_HEX_BITS
    n_letters = sum(65 <= code <= 90 or 97 <= code <= 122 for code in value)
    n_digits = sum(48 <= code <= 57 for code in value)
    if n_letters < 4 or n_letters + n_digits < 0.75 * len(value):
        return False
    return naturalness_bits(value) <= (DRAWN if n_digits else 2 * DRAWN)


WORD = re.compile(rb"[A-Za-z0-9+/_=~%-]+(?:\.[A-Za-z0-9+/_=~%-]{16,})*")


def is_lone_token(value: bytes) -> bool:
    """True for a random value without spaces and dots, with digits in it: for rules whose context proves little."""
    return (
        WORD.fullmatch(value) is not None
        and any(48 <= code <= 57 for code in value)
        and (is_random(value) and (HEXADECIMAL.fullmatch(value) is not None or naturalness_bits(value) <= 2 * DRAWN))
    )


PLAIN_WORDS = re.compile(
    rb"(?:my|the|an?|new|old|bad|wrong|some|super|very|db|dev|prod|ftp|smtp|ssl|key|store|valid|good)*[_.-]?"
    rb"(?:pass(?:word|wd|phrase|code)?|passwort|pwd|pw|secret|s3cr3t|token|user(?:name)?|root|admin(?:istrator)?|guest|"
    rb"test(?:ing|er|user|pass(?:word)?)?|foo|bar|baz|spam|eggs|none|null|true|false|default|letmein|welcome|hunter|"
    rb"postgres(?:ql)?|mysql|redis|mongo|rabbitmq|oracle|sa|hello|world|swordfish|trustno|p[a@4]ss?w[o0]rd|"
    rb"p[a@4][s5$]{2}|anonymous|empty|required|optional|string|value|public|private)?"
    rb"(?:[_.-]?(?:pass(?:word)?|pwd|pw|secret|here|user|\d{1,4}))*[!?.@#]*",
    re.IGNORECASE,
)
VARIABLE = re.compile(rb"[$%{:@&#].*|[A-Z]+(?:_[A-Z0-9]+)+|.*[$%#][{(].*|%[a-z(].*|\\.*", re.DOTALL)
NAME_LIKE = re.compile(
    rb"[A-Za-z_]+(?:[_.:/-][A-Za-z0-9]{1,16})+|[A-Za-z]+[0-9]{0,2}|https?:.*|[/.~].*|[a-z]+(?:[A-Z][a-z]+)+", re.DOTALL
)


def is_password(value: bytes) -> bool:
    """True for a password in a connection string that is neither a variable nor a word from a manual."""
    return not (PLAIN_WORDS.fullmatch(value) or FILLERS.search(value) or VARIABLE.fullmatch(value)) and (
        len(set(value)) >= 4 and not _is_run(value)
    )


LEAST_KINDS = 3


def is_strong(value: bytes) -> bool:
    """True for an assigned password that mixes letters, digits and signs, or looks drawn by a machine."""
    if is_random(value):
        return True
    if len(value) < 6 or not is_password(value) or NAME_LIKE.fullmatch(value) or NUMBERS.fullmatch(value):
        return False
    tests = (bytes.islower, bytes.isupper, bytes.isdigit, _is_sign)
    kinds = sum(any(test(value[at : at + 1]) for at in range(len(value))) for test in tests)
    return kinds >= LEAST_KINDS or (kinds == LEAST_KINDS - 1 and naturalness_bits(value) <= DRAWN / 2)


def _is_sign(character: bytes) -> bool:
    return character in b"!#$%^&*+?~@"


def is_web_token(value: bytes) -> bool:
    """True if the first part decodes to a JSON object that names an algorithm, as a JWT's header must."""
    header = value.split(b".")[0]
    try:
        fields = json.loads(base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and "alg" in fields and not is_filler(value.rpartition(b".")[2])


BODY = re.compile(rb"(?:[A-Za-z0-9+/]{4}){10,}")


def is_key_block(value: bytes) -> bool:
    """True for a private key with a body, and not just its first and last line in a parser's source."""
    if len(value) > 40_000:
        return False
    text = re.sub(rb"-----[A-Z0-9 ]+-----|\\[rn]", b" ", value)
    body = re.sub(rb"[\s\"'`\\,+#*|>]", b"", re.sub(rb"[A-Z][A-Za-z-]+: [^\n]*\n", b"", text))
    run = BODY.search(body)
    return run is not None and not is_filler(run[0][:64]) and naturalness_bits(run[0][:64]) <= 2 * DRAWN


def is_basic(value: bytes) -> bool:
    """True for `user:password` in base64, with a password that is no word from a manual."""
    try:
        user, colon, password = base64.b64decode(value, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    if xxhash.xxh3_64_hexdigest(value) in DOCUMENTED:
        return False
    return bool(user and colon) and user.isascii() and password.isascii() and is_password(password)


CHECKS: dict[str, Callable[[bytes], bool]] = {
    "any": lambda value: True,
    "token": is_token,
    "random": is_random,
    "lone-token": is_lone_token,
    "strong": is_strong,
    "password": is_password,
    "web-token": is_web_token,
    "basic": is_basic,
    "key-block": is_key_block,
}
