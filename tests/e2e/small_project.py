"""A small real corpus, some modules of the running Python's own library, with a recipe that takes seconds."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

NAMES = """
abc argparse ast base64 bisect calendar cmd code codecs collections/__init__ colorsys configparser contextlib
copy csv dataclasses datetime difflib dis enum fileinput fnmatch fractions functools gettext glob gzip hashlib
heapq hmac inspect io json/decoder json/encoder keyword linecache locale logging/__init__ mailbox numbers
operator os pathlib pickle platform plistlib pprint queue random reprlib sched selectors shelve shlex shutil
signal socket statistics string subprocess tempfile textwrap threading timeit token tokenize traceback types
uuid weakref zipfile
"""
MODULES = NAMES.split()

RECIPE = """\
name: small
data:
  sources:
    - dir: code
  split: {valid: 0.15}
tokenizer: {train: {vocabulary: 600}}
model: {scratch: {layers: 1, hidden: 32}}
train:
  - context: 64
    tokens: 163840
    batch_tokens: 1024
    precision: fp32
    compile: false
    checkpoint_every_seconds: 0.1
eval: {samples: 12, max_tokens: 8}
"""


def write_project(folder: Path, modules: tuple[str, ...] | list[str] = tuple(MODULES)) -> Path:
    """A folder with `code/` and `recipe.yaml`; returns the recipe."""
    library = Path(sysconfig.get_paths()["stdlib"])
    for name in modules:
        target = folder / "code" / f"{name}.py"
        target.parent.mkdir(parents=True, exist_ok=True)
        if (library / f"{name}.py").exists():
            shutil.copyfile(library / f"{name}.py", target)
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE)
    return recipe


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "NO_COLOR": "1", "COLUMNS": "160"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "understudy", *map(str, arguments)]
