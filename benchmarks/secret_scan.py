"""The secret scan beside detect-secrets and CredSweeper: what each finds of planted secrets, what else it flags, MB/s.

Secrets of the held-out half (kinds, styles of line and host files, by a hash: `planted_secrets.py`) are planted in real
files from a folder of sdists and the standard library. Findings count by line. What a scanner flags in the same files
before anything is planted counts against it, real or not: the files are published packages.

    python benchmarks/secret_scan.py --sdists FOLDER [--half tuned] [--labelled FOLDER]
    CREDSWEEPER=command runs it too; --labelled is the `tests` folder of CredSweeper's repository, whose samples and
    answers others wrote; there too one half, by the hash of a file's name, is held out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shlex
import shutil
import subprocess
import sysconfig
import tarfile
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from clock import Spent, timed
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings
from planted_secrets import PLACEHOLDERS, Planted, is_held_out, planted
from record import write_result

from understudy.data.steps.contract import RedactingStep
from understudy.data.steps.emails import Emails
from understudy.data.steps.ip_addresses import IpAddresses
from understudy.data.steps.secrets import Secrets

SUFFIXES = frozenset(
    ".py .js .ts .java .go .rb .php .c .h .yaml .yml .json .xml .sh .cfg .ini .toml .tf .md .rst".split()
)
HOST_BYTES = 6_000_000
SPEED_BYTES = 60_000_000
N_EACH = 12
N_ROUNDS = 3
Scan = Callable[[Path], set[tuple[str, int]]]  # (file's name, line) of each finding in a folder


def host_files(sdists: Path | None, held_out: bool, most: int) -> list[tuple[str, bytes]]:
    """Real files of one half, up to `most` bytes: an even share from each package and the standard library."""
    library = Path(sysconfig.get_paths()["stdlib"])
    sources: list[Iterator[tuple[str, bytes]]] = [
        ((path.name, path.read_bytes()) for path in sorted(library.rglob("*.py")) if "site-packages" not in path.parts)
    ]
    archives = sorted(sdists.glob("*.tar.gz")) if sdists else []
    sources += [_members(path) for path in archives if is_held_out(path.name) == held_out]
    share, files = most // len(sources), []
    for source in sources:
        taken = 0
        for name, data in source:
            if is_held_out(f"{name}{len(data)}") == held_out and 200 < len(data) < 100_000 and _is_text(data):
                files.append((name, data))
                taken += len(data)
                if taken > share:
                    break
    return files


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Every seventh member with a known suffix."""
    with tarfile.open(archive) as tar:
        for member in tar:
            chosen = hashlib.sha256(member.name.encode()).digest()[1] % 7 == 0
            if member.isfile() and member.size < 100_000 and Path(member.name).suffix in SUFFIXES and chosen:
                file = tar.extractfile(member)
                yield Path(member.name).name, file.read() if file else b""


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data and b"\r" not in data


def write_hosts(folder: Path, hosts: list[tuple[str, bytes]], secrets: list[Planted]) -> dict[tuple[str, int], Planted]:
    """The files in a folder, with one secret in each of the first ones; where they stand."""
    draw, places = random.Random(3), {}
    for number, (name, data) in enumerate(hosts):
        lines = data.decode().split("\n")
        file = f"{number:05}_{name}"
        if number < len(secrets):
            at = draw.randrange(len(lines))
            lines.insert(at, secrets[number].line)
            places[file, at + 1] = secrets[number]
        (folder / file).write_text("\n".join(lines), encoding="utf-8")
    return places


def ours(step: RedactingStep) -> Scan:
    def scan(folder: Path) -> set[tuple[str, int]]:
        found = set()
        for path in sorted(folder.iterdir()):
            data = path.read_bytes()
            found |= {(path.name, data.count(b"\n", 0, span.start) + 1) for span in step.find(data)}
        return found

    return scan


def detect_secrets(folder: Path) -> set[tuple[str, int]]:
    with default_settings():
        return {(path.name, item.line_number) for path in sorted(folder.iterdir()) for item in scan_file(str(path))}


def credsweeper(folder: Path) -> set[tuple[str, int]]:
    with tempfile.TemporaryDirectory() as target:
        report = Path(target, "report.json")
        command = [*shlex.split(os.environ["CREDSWEEPER"]), "--path", str(folder), "--save-json", str(report)]
        subprocess.run(command, check=True, capture_output=True)
        found = json.loads(report.read_text(encoding="utf-8"))
    return {(Path(line["path"]).name, line["line_num"]) for item in found for line in item["line_data_list"]}


def measure(
    scan: Scan, hosts: Path, mixed: Path, places: dict[tuple[str, int], Planted], n_bytes: int
) -> dict[str, Any]:
    """Recall by kind, what is flagged in files as they were published, precision over both, and the speed."""
    besides = scan(hosts)
    spent, found = timed(lambda: scan(mixed))
    hits = [places[place] for place in places if place in found]
    wrong = len(besides)
    totals, per_kind = Counter(item.kind for item in places.values()), Counter(item.kind for item in hits)
    return {
        "recall": round(len(hits) / len(places), 4),
        "planted_found": len(hits),
        "planted": len(places),
        "flagged_besides": wrong,
        "flagged_besides_per_mb": round(wrong / n_bytes * 1e6, 2),
        "precision": round(len(hits) / max(1, len(hits) + wrong), 4),
        "placeholders_flagged": _placeholders(scan),
        **_rates([spent], n_bytes),
        "by_kind": {kind: f"{per_kind[kind]}/{n}" for kind, n in sorted(totals.items())},
    }


def _placeholders(scan: Scan) -> str:
    with tempfile.TemporaryDirectory() as folder:
        for number, line in enumerate(PLACEHOLDERS):
            Path(folder, f"{number:03}.py").write_text(line + "\n", encoding="utf-8")
        return f"{len(scan(Path(folder)))}/{len(PLACEHOLDERS)}"


def _rates(spent: list[Spent], n_bytes: int) -> dict[str, float]:
    return {"mb_per_cpu_second": round(n_bytes / 1e6 / sorted(item.cpu for item in spent)[len(spent) // 2], 2)}


def speeds(hosts: list[tuple[str, bytes]], steps: dict[str, RedactingStep]) -> dict[str, dict[str, float]]:
    """MB per CPU-second of each step on one core, median of rounds, over files in memory."""
    n_bytes = sum(len(data) for _, data in hosts)
    return {
        name: _rates([timed(partial(_find_all, step, hosts))[0] for _ in range(N_ROUNDS)], n_bytes)
        for name, step in steps.items()
    } | {"corpus": {"mb": round(n_bytes / 1e6, 1), "files": len(hosts)}}


def _find_all(step: RedactingStep, hosts: list[tuple[str, bytes]]) -> int:
    return sum(len(list(step.find(data))) for _, data in hosts)


def labelled(scans: dict[str, Scan], tests: Path, held_out: bool) -> dict[str, Any]:
    """What each finds of the lines that CredSweeper's tests expect it to find, and how many other lines it flags."""
    expected = set()
    for item in json.loads((tests / "data" / "output.json").read_text(encoding="utf-8")):
        line = item["line_data_list"][0]  # of a key of many lines the first
        path = tests.parent / line["path"]
        if is_held_out(path.name) == held_out and path.is_file() and _is_text(path.read_bytes()):
            expected.add((path.name, line["line_num"]))
    with tempfile.TemporaryDirectory() as folder:
        for name in {name for name, _ in expected}:
            shutil.copyfile(tests / "samples" / name, Path(folder, name))
        found = {name: scan(Path(folder)) for name, scan in scans.items()}
    return {"lines": len(expected)} | {
        name: {"found": len(places & expected), "recall": round(len(places & expected) / len(expected), 4),
               "other_lines_flagged": len(places - expected)}
        for name, places in found.items()
    }  # fmt: skip


def missed(places: dict[tuple[str, int], Planted], found: set[tuple[str, int]]) -> None:
    """What was not found, for tuning on the tuned half."""
    styles = defaultdict(list)
    for place, item in places.items():
        if place not in found:
            styles[item.kind].append(item.line.strip()[:110])
    for kind, lines in styles.items():
        print(kind, len(lines), *lines[:6], sep="\n    ")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sdists", type=Path)
    parser.add_argument("--labelled", type=Path)
    parser.add_argument("--half", choices=("held-out", "tuned"), default="held-out")
    parser.add_argument("--only-ours", action="store_true")
    options = parser.parse_args()
    held_out = options.half == "held-out"
    secrets = planted(held_out, N_EACH, seed=11 if held_out else 12)
    random.Random(1).shuffle(secrets)
    hosts = host_files(options.sdists, held_out, HOST_BYTES)
    random.Random(2).shuffle(hosts)
    steps: dict[str, RedactingStep] = {step.name: step("redact") for step in (Secrets, Emails, IpAddresses)}
    for step in steps.values():
        step.setup()
    scans: dict[str, Scan] = {"understudy": ours(steps["secrets"])}
    if not options.only_ours:
        scans["detect_secrets"] = detect_secrets
        if "CREDSWEEPER" in os.environ:
            scans["credsweeper"] = credsweeper
    with tempfile.TemporaryDirectory() as plain, tempfile.TemporaryDirectory() as mixed:
        write_hosts(Path(plain), hosts, [])
        places = write_hosts(Path(mixed), hosts, secrets)
        n_bytes = sum(path.stat().st_size for path in Path(mixed).iterdir())
        measured = {name: measure(scan, Path(plain), Path(mixed), places, n_bytes) for name, scan in scans.items()}
        if not held_out:
            missed(places, scans["understudy"](Path(mixed)))
    measured |= {"half": options.half, "hosts": {"files": len(hosts), "mb": round(n_bytes / 1e6, 2)}}
    if options.labelled:
        measured["labelled_by_credsweeper"] = labelled(scans, options.labelled, held_out)
    measured["speed"] = speeds(host_files(options.sdists, held_out, SPEED_BYTES), steps)
    if held_out and not options.only_ours:
        write_result("secret_scan", measured, ("google-re2", "detect-secrets"))
    else:
        print(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
