"""A corpus with everything switched on: every kind of source, every decision, every side file. Seconds to make."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sysconfig
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
SIDE_FILES = {
    "contamination.json", "funnel.json", "held_out.jsonl", "licenses.json", "near_duplicates.parquet",
    "redactions.parquet", "statistics.json",
}  # fmt: skip
NOT_CONTENT = {"artifact.json", "lineage.json"}  # they hold times
RECIPE = """\
name: everything
data:
  sources:
    - dir: folder
    - git: repository
      name: acme/api
    - archive: packed-1.0.tar.gz
      weight: 2.0
    - parquet: rows.parquet
    - jsonl: lines.jsonl
  python2: separate
  licenses: {deny: [AGPL-3.0-only]}
  opt_out: opt-out.txt
  decontaminate: [tasks.jsonl]
  split: {valid: 0.2}
"""
TASK = """    best_start, best_length, start = 0, 1, 0
    for place in range(1, len(heights)):
        if abs(heights[place] - heights[place - 1]) > tolerance:
            start = place
        if place - start + 1 > best_length:
            best_start, best_length = start, place - start + 1
    return best_start, best_length
"""
PYTHON2 = "".join(f"def report_{n}(value):\n    print 'value %d of {n}' % value\n\n\n" for n in range(8))
PRIVATE = (
    "# ask jane.doe@corp-of-ours.io\nHOST = '51.15.77.20'\nKEY = 'AKIA' 'none'\n" + "def host():\n    return HOST\n"
)
FOLDER = ("asyncio", "email", "json")
GIT = ("unittest", "xml", "http")
PACKED = ("logging", "importlib", "multiprocessing")
MIT = (
    "MIT License\n\nCopyright (c) 2020 Acme\n\nPermission is hereby granted, free of charge, to any person obtaining a "
    'copy of this software and associated documentation files (the "Software"), to deal in the Software without '
    "restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, "
    "sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, "
    "subject to the following conditions:\n\nThe above copyright notice and this permission notice shall be included "
    'in all copies or substantial portions of the Software.\n\nTHE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF '
    "ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A "
    "PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY "
    "CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR "
    "IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.\n"
)


def write_everything(root: Path) -> Path:
    """The sources and `recipe.yaml` below `root`; returns the recipe."""
    root.mkdir(parents=True, exist_ok=True)
    _folder(root / "folder")
    _repository(root / "repository")
    _archive(root)
    _rows(root)
    task = {"task_id": "posts/1", "prompt": "def plateau(heights, tolerance):\n", "canonical_solution": TASK}
    (root / "tasks.jsonl").write_text(json.dumps(task) + "\n")
    unwanted = hashlib.sha256((LIBRARY / "heapq.py").read_bytes()).hexdigest()
    (root / "opt-out.txt").write_text(f"acme/api:unittest/mock.py\n{unwanted}\n")
    (root / "recipe.yaml").write_text(RECIPE)
    return root / "recipe.yaml"


def _copied(names: tuple[str, ...], target: Path) -> None:
    for name in names:
        shutil.copytree(LIBRARY / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))


def _folder(folder: Path) -> None:
    for repository in ("ours", "theirs"):
        (folder / repository / ".git").mkdir(parents=True)
    ours, theirs = folder / "ours", folder / "theirs"
    _copied(FOLDER, ours)
    (ours / "LICENSE").write_text(MIT)
    (ours / "old.py").write_text(PYTHON2)
    (ours / "mail.py").write_text(PRIVATE)
    (ours / "exam.py").write_text("def plateau(heights, tolerance):\n" + TASK)
    (ours / "heap.py").write_bytes((LIBRARY / "heapq.py").read_bytes())
    (ours / "tests").mkdir()
    (ours / "tests" / "test_all.py").write_text("".join(map(_tests, sorted(ours.glob("*/*.py")))))
    for name in sorted((ours / "email").glob("*.py"))[:12]:  # nearly the same: one cluster each
        (theirs / name.name).write_text(name.read_text().replace("import", "import", 1) + "\n\nCHANGED_HERE = True\n")
    (theirs / "bad.py").write_text((LIBRARY / "textwrap.py").read_text().replace("import re", "import re (", 1))
    (theirs / "good.py").write_text((LIBRARY / "textwrap.py").read_text() + "\n# one more line\n")
    (theirs / "agpl.py").write_text("# SPDX-License-Identifier: AGPL-3.0-only\n" + (LIBRARY / "cmd.py").read_text())


def _tests(module: Path) -> str:
    """A test for each function of a module: the held-out functions that have tests are found by them."""
    name = f"{module.parent.name}.{module.stem}"
    functions = [node.name for node in ast.parse(module.read_text()).body if isinstance(node, ast.FunctionDef)]
    return "".join(
        f"from {name} import {function}\n\ndef test_{function}_of_{module.stem}():\n    assert {function}(1) == 1\n\n\n"
        for function in functions
    )


def git(folder: Path, *arguments: str, time: int = 1_700_000_000) -> None:
    """Run git with nothing of this machine's in it."""
    names = {f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    times = {"GIT_AUTHOR_DATE": f"{time} +0000", "GIT_COMMITTER_DATE": f"{time} +0000"}
    none = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=folder, env=os.environ | names | times | none, check=True)


def commit(folder: Path, time: int = 1_700_000_000) -> None:
    """Commit all there is."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "work", time=time)


def _repository(folder: Path) -> None:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    _copied(GIT, folder)
    (folder / "LICENSE").write_text(MIT)
    commit(folder)


def _archive(root: Path) -> None:
    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        member.mtime, member.uid, member.gid, member.uname, member.gname = 1_600_000_000, 0, 0, "", ""
        return None if "__pycache__" in member.name else member

    with tarfile.open(root / "packed-1.0.tar.gz", "w:gz") as file:
        for name in PACKED:
            file.add(LIBRARY / name, f"packed-1.0/{name}", filter=plain)


def _rows(root: Path) -> None:
    modules = [LIBRARY / f"{name}.py" for name in ("argparse", "ast", "bisect", "calendar", "cmd", "code", "copy")]
    rows = [{"content": module.read_text(), "path": module.name, "repo_name": "them/it"} for module in modules]
    pq.write_table(pa.Table.from_pylist(rows[:4]), root / "rows.parquet")
    (root / "lines.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[3:]))


def published(project: Path) -> dict[str, str]:
    """The hash of every file of the one corpus in the store."""
    (manifest,) = (project / ".understudy" / "store" / "corpus").glob("*/artifact.json")
    files = {
        str(path.relative_to(manifest.parent)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(manifest.parent.rglob("*"))
        if path.is_file() and path.name not in NOT_CONTENT
    }
    listed = set(json.loads(manifest.read_text())["files"]) - NOT_CONTENT
    assert listed == files.keys(), "files that nobody listed"
    return files
