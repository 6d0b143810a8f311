"""Licence detection on real packages: agreement of LICENSE texts with declared metadata, and speed of text and heads.

A package's own word (PKG-INFO) is compared with what the texts of its licence files alone say. Rules were tuned on
every other archive by name; the others are the held-out half. The rival for texts is `identify` (pre-commit's), which
knows one licence to a file and is asked about the first top-level one.

    python benchmarks/licences.py --sdists FOLDER
"""

from __future__ import annotations

import argparse
import tarfile
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
from clock import rates, timed
from record import write_result

from understudy.data.documents import Placed, working_batch
from understudy.data.licenses import is_license_file, repository_licenses
from understudy.data.licenses.expressions import ids_in
from understudy.data.licenses.metadata import declared
from understudy.data.licenses.repository import MAX_LICENSE_BYTES
from understudy.data.licenses.texts import licenses_in
from understudy.data.listing import Entry
from understudy.data.steps.license_header import LicenseHeader

CODE = (".py", ".c", ".h", ".cc", ".cpp", ".js", ".ts", ".pyx", ".rs", ".go", ".java")
SPEED_BYTES = 200_000_000
N_ROUNDS = 3


def license_files(archive: Path) -> dict[str, bytes]:
    """The licence files of an sdist, by path below its top folder."""
    found = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            path = member.name.partition("/")[2]
            if member.isreg() and 0 < member.size <= MAX_LICENSE_BYTES and is_license_file(path):
                file = tar.extractfile(member)
                found[path] = file.read() if file else b""
    return found


def code(archives: list[Path]) -> list[bytes]:
    """Source files up to SPEED_BYTES, an even share from each archive."""
    files = []
    for archive in archives:
        taken = 0
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isreg() and member.name.endswith(CODE) and member.size < 1_000_000:
                    file = tar.extractfile(member)
                    files.append(file.read() if file else b"")
                    taken += member.size
                    if taken > SPEED_BYTES // len(archives):
                        break
    return files


def agreement(files: dict[str, bytes]) -> tuple[str, str, str]:
    """(how the texts agree with PKG-INFO, what the texts say, what PKG-INFO says)."""
    said = declared("PKG-INFO", files.get("PKG-INFO", b""))
    texts = {path: data for path, data in files.items() if declared(path, data) is None}
    found = repository_licenses(texts).get("")
    if said is None or found is None:
        return (
            ("nothing declared" if said is None else "no licence text"),
            found.expression if found else "",
            said or "",
        )
    mine, theirs = set(ids_in(found.expression)), set(ids_in(said))
    if mine == theirs:
        return "same", found.expression, said
    same_family = {family(name) for name in theirs} <= {family(name) for name in {*mine, *found.also}}
    return ("same family" if same_family else "different"), found.expression, said


def family(name: str) -> str:
    """The name without version and variant: `GPL` of `GPL-3.0-or-later`."""
    return name.split("-")[0]


def rival(files: dict[str, bytes], folder: Path) -> str | None:
    """What `identify` says of the first top-level licence text."""
    from identify.identify import license_id

    for path, data in sorted(files.items()):
        if "/" not in path and declared(path, data) is None and path.lower().startswith(("licen", "copying")):
            copy = folder / "LICENSE"
            copy.write_bytes(data)
            try:
                return license_id(str(copy))
            except UnicodeDecodeError:
                return None
    return None


def heads(files: list[bytes]) -> dict[str, Any]:
    """How fast the step goes over source files, by their whole size, and how many name a licence."""
    rows = [Placed(Entry("r", str(n), None, len(data), "", "", "", "")) for n, data in enumerate(files)]
    batch = working_batch("archive", rows)
    texts = pa.array([data.decode("utf-8", "replace") for data in files], pa.large_string()).cast(pa.string())
    batch = pa.record_batch([texts, *batch.columns[1:]], schema=batch.schema)
    step = LicenseHeader()
    step.setup()
    rounds = [timed(lambda: step(batch)) for _ in range(N_ROUNDS)]
    stated = sum(bool(item) for item in rounds[0][1].column("spdx").to_pylist())
    n_bytes = sum(map(len, files))
    spent = [spent for spent, _ in rounds]
    return {"n_files": len(files), "n_bytes": n_bytes, "n_stated": stated, **rates(spent, n_bytes)}


def main() -> None:
    """Print and keep the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sdists", type=Path, required=True)
    archives = sorted(parser.parse_args().sdists.glob("*.tar.gz"))
    result: dict[str, Any] = {"n_archives": len(archives)}
    texts: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for half, mine in (("tuned", archives[::2]), ("held_out", archives[1::2])):
            counts: Counter[str] = Counter()
            rivals: Counter[str] = Counter()
            differing = []
            for archive in mine:
                files = license_files(archive)
                texts += [
                    data.decode("utf-8", "replace") for path, data in files.items() if declared(path, data) is None
                ]
                how, found, said = agreement(files)
                counts[how] += 1
                if how in ("same", "same family", "different"):
                    theirs = rival(files, Path(folder))
                    rivals[
                        "none" if theirs is None else "found" if theirs.split("-")[0] in found + said else "other"
                    ] += 1
                if how in ("same family", "different"):
                    differing.append({"archive": archive.name, "text": found, "declared": said})
            result[half] = {"agreement": dict(counts), "identify": dict(rivals), "differing": differing}
    licenses_in(texts[0])
    spent = [timed(lambda: [licenses_in(text) for text in texts])[0] for _ in range(N_ROUNDS)]
    result["texts"] = {"n_files": len(texts), **rates(spent, sum(map(len, texts)))}
    result["heads"] = heads(code(archives))
    write_result("licences", result)


if __name__ == "__main__":
    main()
