"""Fetches the packages that the data benchmarks run on, by name and version, from Python's package index.

    python benchmarks/corpus.py FOLDER [--index URL]

Source archives are downloaded and never unpacked, built or run. Each is compared with the hash that the index states;
what is there already is not fetched again.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import urllib.parse
import urllib.request
from pathlib import Path

INDEX = "https://pypi.org/simple"
LINK = re.compile(r'<a\s[^>]*?href="([^"#]+)#sha256=([0-9a-f]{64})')
SECONDS = 120

# 34 source archives of 30 projects, 1.02 GB of files in languages that are kept by default; two versions of some.
SDISTS = """
Django-4.2.16 Django-5.1.3 Nuitka-2.4.11 ansible_core-2.17.6 astropy-6.1.6 botocore-1.34.162 botocore-1.35.60
buildbot-4.1.0 celery-5.4.0 kubernetes-31.0.0 matplotlib-3.9.2 mercurial-6.8.2 mypy-1.13.0 networkx-3.3 networkx-3.4.2
numpy-1.26.4 numpy-2.1.3 pandas-2.1.4 pandas-2.2.3 pytest-8.3.3 salt-3007.1 scikit_learn-1.5.2 scipy-1.14.1
setuptools-75.5.0 sphinx-7.4.7 sphinx-8.1.3 sqlalchemy-1.4.54 sqlalchemy-2.0.36 statsmodels-0.14.4 sympy-1.12
sympy-1.13.3 transformers-4.45.2 transformers-4.46.3 twisted-24.7.0
""".split()


def fetch(sdist: str, folder: Path, index: str) -> str:
    """Bring one source archive into the folder; returns what became of it."""
    target = folder / f"{sdist}.tar.gz"
    if target.exists():
        return "is there"
    project = re.sub(r"[-_.]+", "-", sdist.rpartition("-")[0]).lower()
    page_url = f"{index.rstrip('/')}/{project}/"
    for url, sha256 in LINK.findall(_read(page_url).decode()):
        if url.rpartition("/")[2].lower() == target.name.lower():
            data = _read(urllib.parse.urljoin(page_url, url))
            if hashlib.sha256(data).hexdigest() != sha256:
                return "has another hash than the index states; not kept"
            target.write_bytes(data)
            return f"{len(data):,} bytes"
    return "is not in the index"


def _read(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        data: bytes = answer.read()
        return data


def archives_in(folder: Path) -> list[Path]:
    """The archives of the list. Raises SystemExit naming those that are missing."""
    missing = [name for name in SDISTS if not (folder / f"{name}.tar.gz").exists()]
    if missing:
        sys.exit(f"{folder} lacks {', '.join(missing)}: python benchmarks/corpus.py {folder}")
    return [folder / f"{name}.tar.gz" for name in SDISTS]


def main() -> None:
    """Fetch what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--index", default=INDEX)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for sdist in SDISTS:
        print(sdist, fetch(sdist, given.folder, given.index), flush=True)


if __name__ == "__main__":
    main()
