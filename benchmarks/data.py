"""MB/s of the data stage beside a plain Python pool with `re` and `ast`, and of its secret scan beside detect-secrets.

The pool does the same work on the same files: read, decode, the same filters and markers, parse, the same redaction
rules, exact duplicates, Parquet out. detect-secrets (used by BigCode and dolma) reads a part of the files, for it takes
minutes over all of them. Both sides' starting of processes counts.
"""

from __future__ import annotations

import ast
import hashlib
import os
import random
import re
import shutil
import statistics
import string
import sysconfig
import tempfile
import warnings
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from clock import Spent, rates, ratios, timed
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings
from record import write_result

from understudy.core.hardware import n_cores
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import silent
from understudy.data import survey
from understudy.data.sources.folder import PASSED_OVER
from understudy.data.stage import STAGE
from understudy.data.steps import emails, generated, ip_addresses
from understudy.data.steps.secret_checks import CHECKS
from understudy.data.steps.secret_rules import own_rules
from understudy.data.steps.secrets import Secrets

N_ROUNDS = 3
SCAN_BYTES = 3_000_000  # for detect-secrets
LIBRARY = Path(sysconfig.get_paths()["stdlib"])


def python_files() -> list[Path]:
    files = []
    for folder, folders, names in os.walk(LIBRARY):
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER)
        files += [Path(folder, name) for name in sorted(names) if name.endswith(".py")]
    return [path for path in files if path.stat().st_size <= 1_000_000]


# The rival: what one writes in an afternoon, with the same rules.
_MARKERS = re.compile("|".join(f"(?:{marker})" for marker in generated.MARKERS), re.IGNORECASE | re.MULTILINE)
_SECRETS = [
    (re.compile(rule.pattern.encode()), f"<{rule.placeholder}>".encode(), CHECKS[rule.check]) for rule in own_rules()
]
_EMAIL, _ADDRESS = (
    re.compile(rb"[A-Za-z0-9_][A-Za-z0-9._%+'-]{0,63}@" + emails.DOMAIN.pattern),
    re.compile(rb"(?:%s)|(?:%s)" % (ip_addresses.FOUR, ip_addresses.SIX)),
)


def pool_document(path: Path) -> tuple[str, str, str | None, str]:
    """(path, content, reason, hash) of one file."""
    data = path.read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return str(path), "", "undecodable", ""
    reason = pool_reason(text)
    for pattern, placeholder, accepts in _SECRETS:
        data = pattern.sub(lambda m, p=placeholder, a=accepts: m[0].replace(m[1], p) if a(m[1]) else m[0], data)
    data = _EMAIL.sub(emails.PLACEHOLDER, data)
    data = _ADDRESS.sub(ip_addresses.PLACEHOLDER, data)
    return str(path), data.decode(), reason, hashlib.blake2b(data, digest_size=16).hexdigest()


def pool_reason(text: str) -> str | None:
    lengths = [len(line) for line in text.split("\n")]
    if len(text) < 32:
        return "too-short"
    if max(lengths) > 1000 or sum(lengths) / len(lengths) > 100:
        return "long-lines"
    if sum(character.isalnum() for character in text) / len(text) < 0.25:
        return "few-alphanumeric"
    if _MARKERS.search(text[:3000]):
        return "generated"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "unparsable"
    return None


def run_pool(files: list[Path], folder: Path) -> None:
    with get_context("spawn").Pool(n_cores()) as pool:
        rows = pool.map(pool_document, files, chunksize=32)
    seen: set[str] = set()
    kept = []
    for path, content, reason, digest in rows:
        if reason is None and digest not in seen:
            seen.add(digest)
            kept.append({"path": path, "content": content, "id": digest})
    pq.write_table(pa.Table.from_pylist(kept), folder / "pool.parquet", compression="zstd")


def run_stage(folder: Path) -> dict[str, Any]:
    """Survey and stage on an empty project: nothing is remembered from the round before."""
    shutil.rmtree(folder / "project", ignore_errors=True)
    project = Project(folder / "project")
    recipe = Recipe.model_validate({"name": "b", "data": {"sources": [{"stdlib": True}], "languages": ["python"]}})
    events = silent()
    return STAGE.run(recipe, Inputs({}, project, survey(recipe, project, events)), project.root / "work", events)


def measure_stage(folder: Path) -> dict[str, Any]:
    files = python_files()
    n_bytes = sum(path.stat().st_size for path in files)
    ours, theirs = [], []
    for _ in range(N_ROUNDS):
        ours.append(timed(lambda: run_stage(folder))[0])
        theirs.append(timed(lambda: run_pool(files, folder))[0])
    return {
        "n_files": len(files),
        "size_mb": round(n_bytes / 1e6, 1),
        "understudy": seconds(ours) | rates(ours, n_bytes),
        "python_pool": seconds(theirs) | rates(theirs, n_bytes),
    } | ratios(ours, theirs)


def measure_secrets() -> dict[str, Any]:
    random.seed(17)
    files, n_bytes = [], 0
    for path in random.sample(python_files(), 1000):
        if n_bytes < SCAN_BYTES:
            files.append(path)
            n_bytes += path.stat().st_size
    step = Secrets("redact")
    step.setup()
    ours = [timed(lambda: [list(step.find(path.read_bytes())) for path in files])[0] for _ in range(N_ROUNDS)]
    with default_settings():
        theirs = [timed(lambda: [list(scan_file(str(path))) for path in files])[0]]
    return {
        "size_mb": round(n_bytes / 1e6, 2),
        "understudy": seconds(ours) | rates(ours, n_bytes),
        "detect_secrets": seconds(theirs) | rates(theirs, n_bytes),
        "ratio_cpu": round(theirs[0].cpu / statistics.median(item.cpu for item in ours), 1),
    } | planted(step)


def planted(step: Secrets) -> dict[str, Any]:
    """How many made-up secrets each finds, and how many placeholders each flags. Formats are the issuers' published
    ones, which our rules know: this shows gaps, not how either does on secrets of kinds nobody listed."""
    draw = random.Random(5)

    def some(n: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(draw.choices(alphabet, k=n))

    hexadecimal, base32 = "0123456789abcdef", string.ascii_uppercase + "234567"
    secrets = [
        line
        for _ in range(3)
        for line in (
            f'KEY = "AKIA{some(16, base32)}"', f'token = "ghp_{some(36)}"', f'"glpat-{some(20)}"', f'"npm_{some(36)}"',
            f'"xoxb-{some(12, string.digits)}-{some(12, string.digits)}-{some(24)}"', f'stripe("sk_live_{some(24)}")',
            f'"AIza{some(35)}"', f'"sk-proj-{some(48)}"', f'"pypi-AgEIcHlwaS5vcmc{some(60)}"', f'"hf_{some(34)}"',
            f'"SG.{some(22)}.{some(43)}"', f'"dop_v1_{some(64, hexadecimal)}"', f'client_secret: "{some(32)}"',
            f'url = "postgres://app:{some(14)}@db.internal/app"', f'api_key = "{some(32, hexadecimal)}"',
        )
    ]  # fmt: skip
    placeholders = [
        'api_key = "YOUR_API_KEY_HERE_1234"', 'token = "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"',
        'aws = "AKIAIOSFODNN7EXAMPLE"', 'password = os.environ["DB_PASSWORD"]', 'secret = "${VAULT_SECRET}"',
        'url = "http://user:password@host/"', 'token_url = "https://example.org/oauth2/token"',
        'secret_name = "projects.acme.secrets.api"', 'password = "<password>"', 'key = "0000000000000000000000000000"',
    ]  # fmt: skip
    found: dict[str, dict[str, int]] = {"planted_found": {}, "placeholders_flagged": {}}
    with tempfile.TemporaryDirectory() as folder, default_settings():
        path = Path(folder, "line.py")
        for name, lines in (("planted_found", secrets), ("placeholders_flagged", placeholders)):
            ours = sum(bool(list(step.find(line.encode()))) for line in lines)
            theirs = 0
            for line in lines:
                path.write_text(line + "\n")
                theirs += bool(list(scan_file(str(path))))
            found[name] = {"understudy": ours, "detect_secrets": theirs, "of": len(lines)}
    return found


def seconds(spent: list[Spent]) -> dict[str, float]:
    """By the median round."""
    return {"seconds": round(statistics.median(item.wall for item in spent), 2)}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        measured = {"stage": measure_stage(Path(folder)), "secrets": measure_secrets()}
    write_result("data", measured, ("pyarrow", "duckdb", "google-re2", "detect-secrets"))


if __name__ == "__main__":
    main()
