"""What secrets look like: one row for each kind, and what tells a real one from a placeholder.

`trigger` is short and cheap, and one RE2 set of all triggers is run over every file; `pattern` is exact and runs only
where its trigger was seen. Formats are the issuers' own.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

KEY = b"<KEY>"
PASSWORD = b"<PASSWORD>"


def shannon_bits(value: bytes) -> float:
    """Bits for each byte of `value`, from its own byte counts."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values()) if total else 0.0


FILLERS = re.compile(
    rb"example|sample|placeholder|change.?me|dummy|fake|your|insert|replace|redact|x{4}|0{6}|\*{3}|\.{3}|1234567|abcdefg|"
    rb"abc123|deadbeef|foobar|qwerty|<|>|\$\{|\{\{|%\(|\$\(|\(\?|\[\^?[a-z0-9]-|\{[a-z_]*\}",
    re.IGNORECASE,
)


def is_real(value: bytes) -> bool:
    """True for a token's body that is neither a filler nor a repetition."""
    return not FILLERS.search(value) and len(set(value)) >= 8


def is_web_token(value: bytes) -> bool:
    """True if the first part decodes to a JSON object that names an algorithm, as a JWT's header must."""
    header = value.split(b".")[0]
    try:
        fields = json.loads(base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and "alg" in fields


def is_key_block(value: bytes) -> bool:
    """True for a private key with a body, and not just its first and last line in a parser's source."""
    body = re.sub(rb"-----[A-Z ]+-----|[\s\"'\\n,+]|\\n", b"", value)
    return len(body) >= 64 and not FILLERS.search(body[:64])


PLAIN_WORDS = re.compile(
    rb"^(?:my)?(?:pass(?:word|wd)?|pwd|pw|secret|token|user(?:name)?|root|admin|guest|test(?:ing)?|"
    rb"foo|bar|baz|spam|eggs|none|null)\d*$",
    re.IGNORECASE,
)


def is_password(value: bytes) -> bool:
    """True for a password in a connection string that is neither a variable nor a word from a manual."""
    return not PLAIN_WORDS.match(value) and not FILLERS.search(value) and not value.startswith((b"$", b"%", b"{", b":"))


HEXADECIMAL = re.compile(rb"^[0-9a-fA-F]+$")
NAME_LIKE = re.compile(
    rb"^[A-Za-z]+(?:[_.:/-][A-Za-z0-9]{1,12}){2,}$|^[a-z]+[0-9]{0,4}$|^https?:|^[/.~]", re.IGNORECASE
)
LEAST_HEX_BITS = 2.8  # random hex of 16 digits has 3.0 to 3.6; dates and counters less
LEAST_BITS = 3.3  # random base64 of 16 characters has 3.5 to 4.0; English words joined have 3.0 to 3.4


def is_random(value: bytes) -> bool:
    """True for a value that was drawn by a machine, judged by its alphabet and entropy."""
    if len(value) < 12 or FILLERS.search(value) or NAME_LIKE.match(value):
        return False
    if HEXADECIMAL.match(value):
        return len(value) >= 16 and not value.isdigit() and shannon_bits(value) >= LEAST_HEX_BITS
    n_digits = sum(48 <= code <= 57 for code in value)
    n_letters = sum(chr(code).isalpha() for code in value)
    return n_digits >= 2 and n_letters >= 4 and shannon_bits(value) >= LEAST_BITS


def is_strong(value: bytes) -> bool:
    """True for an assigned password that mixes letters, digits and signs, or looks drawn by a machine."""
    kinds = [any(test(chr(code)) for code in value) for test in (str.islower, str.isupper, str.isdigit, _is_sign)]
    if is_random(value):
        return True
    return sum(kinds) >= 3 and len(value) >= 8 and is_password(value) and not NAME_LIKE.match(value)


def _is_sign(character: str) -> bool:
    return character in "!#$%^&*+?~@"


class Rule(NamedTuple):
    """One kind of secret. Group 1 of `pattern` is what is replaced, where it has one; the whole match otherwise."""

    kind: str
    trigger: bytes
    pattern: bytes
    accepts: Callable[[bytes], bool] = is_real
    placeholder: bytes = KEY


_ASSIGNED = rb"[\w.-]{0,20}[\"'\])]{0,2}(?:\s?:\s?[\w\[\]|. ]{1,30})?\s{0,4}(?::=|=>|=|:)\s{0,4}[rRbBfFuU]{0,2}[\"'`]"
_KEY_NAMES = (
    rb"(?:secret|token|api[_-]?key|auth[_-]?key|access[_-]?key|private[_-]?key|encryption[_-]?key|signing[_-]?key|"
    rb"credential|client[_-]?secret)"
)
_PASSWORD_NAMES = rb"(?:passwd|password|passphrase|pwd)"

RULES = (
    Rule("aws-access-key", rb"A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{4}", rb"\b(A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16})\b"),
    Rule(
        "aws-secret-key", rb"(?i)aws.{0,20}(?:secret|key)",
        rb"(?i)aws.{0,20}(?:secret|key).{0,20}[\"'=:\s]([0-9A-Za-z/+]{40})(?:[^0-9A-Za-z/+=]|$)", is_random,
    ),
    Rule("github-token", rb"gh[pousr]_[A-Za-z0-9]{4}", rb"\b(gh[pousr]_[A-Za-z0-9]{36,})\b"),
    Rule("github-token", rb"github_pat_", rb"\b(github_pat_[A-Za-z0-9_]{60,})\b"),
    Rule("gitlab-token", rb"gl[a-z]{2,5}-", rb"\b(gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[A-Za-z0-9_-]{20,})"),
    Rule("slack-token", rb"xox[abeoprs]-|xapp-", rb"\b((?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,})"),
    Rule("slack-webhook", rb"hooks\.slack\.com", rb"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9+/]{24,})"),
    Rule("stripe-key", rb"[sr]k_(?:live|test)_", rb"\b([sr]k_(?:live|test)_[0-9A-Za-z]{16,})\b"),
    Rule("stripe-key", rb"whsec_", rb"\b(whsec_[A-Za-z0-9+/]{24,})"),
    Rule("google-key", rb"AIza", rb"\b(AIza[0-9A-Za-z_-]{35})"),
    Rule("google-key", rb"GOCSPX-", rb"\b(GOCSPX-[0-9A-Za-z_-]{28})"),
    Rule("google-key", rb"ya29\.", rb"\b(ya29\.[0-9A-Za-z_-]{30,})"),
    Rule("openai-key", rb"sk-[A-Za-z0-9]", rb"\b(sk-[A-Za-z0-9_-]{20,})", is_random),
    Rule("huggingface-token", rb"hf_[A-Za-z]{4}", rb"\b(hf_[A-Za-z0-9]{34})\b"),
    Rule("npm-token", rb"npm_[A-Za-z0-9]{4}", rb"\b(npm_[A-Za-z0-9]{36})\b"),
    Rule("pypi-token", rb"pypi-A", rb"\b(pypi-A[A-Za-z0-9_-]{50,})"),
    Rule("sendgrid-key", rb"SG\.[A-Za-z0-9_-]{4}", rb"\b(SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,})"),
    Rule("telegram-token", rb"[0-9]:AA", rb"\b([0-9]{8,10}:AA[0-9A-Za-z_-]{33})"),
    Rule("digitalocean-token", rb"do[opr]_v1_", rb"\b(do[opr]_v1_[0-9a-f]{64})\b"),
    Rule("databricks-token", rb"dapi[0-9a-f]{4}", rb"\b(dapi[0-9a-f]{32})\b"),
    Rule("shopify-token", rb"shp(?:at|ca|pa|ss)_", rb"\b(shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32})\b"),
    Rule("twilio-key", rb"SK[0-9a-f]{8}", rb"\b(SK[0-9a-f]{32})\b"),
    Rule("mailgun-key", rb"key-[0-9a-f]{4}", rb"\b(key-[0-9a-f]{32})\b"),
    Rule("azure-key", rb"AccountKey=", rb"AccountKey=([A-Za-z0-9+/]{86}==)"),
    Rule(
        "private-key", rb"PRIVATE KEY(?: BLOCK)?-----",
        rb"(-----BEGIN [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
        rb"(?s:.+?)-----END [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----)",
        is_key_block,
    ),
    Rule(
        "web-token", rb"eyJ[A-Za-z0-9_-]{5}",
        rb"\b(eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})", is_web_token,
    ),
    Rule(
        "connection-password", rb"://[^\s:/@\"'<>]{0,}:[^\s@/\"'<>]",
        rb"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:/@\"'<>]{0,}:([^\s@/\"'<>]{3,})@[A-Za-z0-9\[]", is_password, PASSWORD,
    ),
    Rule(
        "assigned-key", rb"(?i)" + _KEY_NAMES + _ASSIGNED + rb"[^\"'`\s]{12}",
        rb"(?i)" + _KEY_NAMES + _ASSIGNED + rb"([^\"'`\s]{12,})[\"'`]", is_random,
    ),
    Rule(
        "assigned-password", rb"(?i)" + _PASSWORD_NAMES + _ASSIGNED + rb"[^\"'`\s]{8}",
        rb"(?i)" + _PASSWORD_NAMES + _ASSIGNED + rb"([^\"'`\s]{8,})[\"'`]", is_strong, PASSWORD,
    ),
)  # fmt: skip
