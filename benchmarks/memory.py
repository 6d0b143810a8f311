# ruff: noqa: E501  # one line for each language
"""Peak memory of the data stage on a made-up corpus of any size: 10 GB unless told otherwise (`--gb 2`).

The corpus is the same every time: repositories in five languages, a fifth of the bytes as files of one folder, a fifth
in one large archive, the rest as an archive for each repository. A fifth of the files are near-copies of others, some
are exact copies, generated, minified, too short or not Python after all, and some hold addresses and keys. Twice its
size has to be free on the disk: `--folder` says where.
"""

from __future__ import annotations

import argparse
import io
import random
import shutil
import string
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from observe import observed
from record import write_result

from understudy.core.hardware import n_cores
from understudy.core.units import bytes_text

REPOSITORY_BYTES = 5_000_000
BLOCKS = 30  # functions of a file, in the middle: 12 kB
POOL = 30_000  # functions of a language: two files share next to none by chance
RECENT = 2_000  # files that a near-copy can be of
LICENSE = "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission notice appear in all copies.\n"
WORDS = [
    first + second
    for first in ("re", "un", "pre", "sub", "over", "inter", "micro", "multi", "auto", "co")
    for second in "load parse index cache queue token frame batch model query write shard route merge split parcel order user item node edge graph table column buffer stream signal clock field".split()
]  # fmt: skip
LANGUAGES = {
    "py": 'def {a}_{b}({c}, {d}={n}):\n    """{A} the {b} of {c} before {d} is {e}."""\n    {e} = {c}.{a}({d} + {n})\n    for {b} in range({n}):\n        if {e}[{b}] > {m}:\n            {e} = {c}.{d}({b}, {a}={e})\n    return {e} or "{f} {g} {h}"\n\n\n',
    "js": 'export function {a}{A}({c}, {d}) {{\n  // {A} the {b} of {c} before {d} is {e}\n  const {e} = {c}.{a}({d} + {n});\n  for (let {b} = 0; {b} < {m}; {b}++) {{\n    {e}.push({c}.{h}({b}, "{f} {g}"));\n  }}\n  return {e};\n}}\n\n',
    "go": 'func {a}{A}({c} *{f}, {d} int) ({f}, error) {{\n\t// {A} the {b} of {c} before {d} is {e}\n\t{e} := {c}.{a}({d} + {n})\n\tif {e} > {m} {{\n\t\treturn nil, errors.New("{f} {g} {h}")\n\t}}\n\treturn {e}.{h}({c}, {n}), nil\n}}\n\n',
    "c": "static int {a}_{b}(struct {c} *{c}, int {d})\n{{\n\t/* {A} the {b} of {c} before {d} is {e} */\n\tint {e} = {c}->{a} + {d} * {n};\n\twhile ({e}-- > {m})\n\t\t{c}->{h}[{e}] = {f}({e}, {g});\n\treturn {e};\n}}\n\n",
    "rs": 'pub fn {a}_{b}({c}: &{A}, {d}: u32) -> Option<u32> {{\n    // {A} the {b} of {c} before {d} is {e}\n    let mut {e} = {c}.{a}({d} + {n});\n    for {b} in 0..{m} {{\n        {e} += {c}.{h}({b}, "{f} {g}");\n    }}\n    Some({e})\n}}\n\n',
}
SHARES = {"py": 60, "js": 15, "go": 10, "c": 10, "rs": 5}


class Written(NamedTuple):
    """One file of the corpus."""

    path: str
    data: bytes


class Corpus:
    """Repository after repository, by one die."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._pools = {name: self._pool(template) for name, template in LANGUAGES.items()}
        self._recent: list[tuple[str, list[bytes]]] = []

    def repository(self, number: int, size_bytes: int) -> Iterator[Written]:
        """Files of about so many bytes in all."""
        yield Written("LICENSE", LICENSE.encode())
        written = 0
        for n in range(10**9):
            file = self._file(number, n)
            written += len(file.data)
            yield file
            if written >= size_bytes:
                return

    def _pool(self, template: str) -> list[bytes]:
        draw = self._random
        return [
            template.format(
                n=draw.randrange(10_000), m=draw.randrange(10_000), A=draw.choice(WORDS).title(),
                **{name: f"{draw.choice(WORDS)}{draw.randrange(1000)}" for name in "abcdefgh"},
            ).encode()
            for _ in range(POOL)
        ]  # fmt: skip

    def _file(self, repository: int, number: int) -> Written:
        draw, die = self._random, self._random.random()
        if die < 0.23 and self._recent:
            ending, blocks = draw.choice(self._recent)
            if die < 0.20:  # a near-copy; the rest are exact ones
                blocks = [*blocks]
                for _ in range(max(1, len(blocks) // 20)):
                    blocks[draw.randrange(len(blocks))] = draw.choice(self._pools[ending])
        else:
            ending = draw.choices(list(SHARES), list(SHARES.values()))[0]
            blocks = draw.choices(self._pools[ending], k=min(1500, max(1, round(draw.lognormvariate(3.2, 0.8)))))
            self._remember(ending, blocks)
        folder = draw.choice(("src", "lib/core", "pkg/api", "tests", "tools"))
        name = f"{draw.choice(WORDS)}_{number}.{ending}"
        return Written(f"{folder}/{name}", self._oddity(b"".join(blocks), ending, repository))

    def _remember(self, ending: str, blocks: list[bytes]) -> None:
        if len(self._recent) < RECENT:
            self._recent.append((ending, blocks))
        else:
            self._recent[self._random.randrange(RECENT)] = (ending, blocks)

    def _oddity(self, data: bytes, ending: str, repository: int) -> bytes:
        """One file in ten has something that a step finds."""
        draw, die = self._random, self._random.random()
        comment = b"# " if ending == "py" else b"// "
        if die < 0.01:
            return comment + b"Code generated by a tool. DO NOT EDIT.\n" + data
        if die < 0.02:
            return data.replace(b"\n", b" ")
        if die < 0.03:
            return b"\n" * draw.randrange(20)
        if die < 0.04:
            return data + b"def broken(:\n"
        if die < 0.05:
            key = "".join(draw.choices(string.ascii_uppercase + "234567", k=16))
            return data + comment + f'key = "AKIA{key}"\n'.encode()
        if die < 0.10:
            return comment + f"by {draw.choice(WORDS)}@team{repository}.org\n".encode() + data
        return data


def generate(folder: Path, size_bytes: int) -> None:
    """Write the corpus into an empty folder."""
    corpus = Corpus(17)
    n = max(5, size_bytes // REPOSITORY_BYTES)
    (folder / "archives").mkdir(parents=True)
    for number in range(n // 5):
        root = folder / "tree" / f"repository{number:05d}"
        (root / ".git").mkdir(parents=True)  # that is how a folder is told to be a repository
        for file in corpus.repository(number, REPOSITORY_BYTES):
            path = root / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
    _archive(corpus, folder / "archives" / "monorepo.tar.gz", n, size_bytes // 5)
    for number in range(n // 5, n - n // 5):
        _archive(corpus, folder / "archives" / f"repository{number:05d}.tar.gz", number, REPOSITORY_BYTES)


def _archive(corpus: Corpus, path: Path, number: int, size_bytes: int) -> None:
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for file in corpus.repository(number, size_bytes):
            info = tarfile.TarInfo(f"{path.name.partition('.')[0]}/{file.path}")
            info.size, info.mtime = len(file.data), 1_600_000_000 + number
            archive.addfile(info, io.BytesIO(file.data))


RECIPE = """name: memory
data:
  sources:
    - dir: {folder}/tree
    - archive: {folder}/archives/*.tar.gz
  filters: {{max_archive_bytes: 100000000000}}
"""


def main() -> None:
    """Make the corpus where it is not there yet, and the stage's run on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gb", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, help="where the corpus is made and kept; a temporary folder without")
    parser.add_argument("--only-generate", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).resolve()
        if not (folder / "made").exists():
            generate(folder, int(given.gb * 1e9))
            (folder / "made").touch()
        if given.only_generate:
            return
        recipe, project = folder / "recipe.yaml", folder / "project"
        recipe.write_text(RECIPE.format(folder=folder))
        shutil.rmtree(project, ignore_errors=True)
        seen = observed(recipe, project)
        figures = {"size": bytes_text(int(given.gb * 1e9)), "workers": n_cores()} | seen.as_json(int(given.gb * 1e9))
        write_result("memory", figures, ("pyarrow", "duckdb", "numba"))


if __name__ == "__main__":
    main()
