"""Who may import whom: a layer imports lower layers only, and parts of one layer do not import each other."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import understudy

PACKAGE = Path(understudy.__file__).parent
LAYERS = {
    "core": 0,
    "formats": 1,
    "sandbox": 2,
    "model": 2,
    "engines": 2,
    "trackers": 2,
    "clusters": 2,
    "plan": 3,
    "data": 3,
    "tokenizer": 3,
    "train": 3,
    "eval": 3,
    "serve": 3,
    "feedback": 3,
    "pipeline": 4,
    "report": 4,
    "api": 5,
    "cli": 6,
    "web": 6,
    "lsp": 6,
    "__main__": 7,
}
EXTRA_ARROWS = {("engines", "model")}
FACES = {"cli", "web", "lsp"}
FACES_MAY = {"core", "api"}
HEAVY = {"torch", "numpy", "pyarrow", "duckdb", "pydantic", "yaml", "jinja2", "starlette", "transformers", "tokenizers"}
ALLOWED_IN_CORE = {"pydantic", "pydantic_core", "yaml", "rich", "xxhash"}


def part_of(file: Path) -> str:
    relative = file.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imported_modules(file: Path) -> list[str]:
    """Every module a file imports, those inside functions and TYPE_CHECKING too, and import_module("…") strings."""
    modules: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            modules.append(str(node.module))
            modules += [f"{node.module}.{alias.name}" for alias in node.names if node.module == "understudy"]
    return modules


def arrows() -> list[tuple[str, str, Path]]:
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        if file == PACKAGE / "__init__.py":
            continue
        for module in imported_modules(file):
            names = module.split(".")
            if names[0] == "understudy" and len(names) > 1:
                found.append((part_of(file), names[1], file))
    return found


def is_allowed(source: str, target: str) -> bool:
    if source == target or (source, target) in EXTRA_ARROWS:
        return True
    if source in FACES:
        return target in FACES_MAY
    return LAYERS[target] < LAYERS[source]


def test_every_part_is_on_the_map() -> None:
    parts = {part_of(file) for file in PACKAGE.rglob("*.py")} - {"__init__"}
    assert parts <= LAYERS.keys()


def test_imports_point_downwards_only() -> None:
    wrong = [f"{file.relative_to(PACKAGE)}: {a} → {b}" for a, b, file in arrows() if not is_allowed(a, b)]
    assert wrong == []


def test_the_rule_sees_a_forbidden_arrow() -> None:
    assert not is_allowed("train", "data")
    assert not is_allowed("core", "model")
    assert not is_allowed("cli", "pipeline")


def test_core_imports_nothing_heavy() -> None:
    allowed = set(sys.stdlib_module_names) | ALLOWED_IN_CORE | {"understudy", "__future__"}
    found = {module.split(".")[0] for file in (PACKAGE / "core").glob("*.py") for module in imported_modules(file)}
    assert found - allowed == set()


@pytest.mark.parametrize("code", ["import understudy", "import understudy.cli", "import understudy.api"])
def test_importing_does_no_heavy_work(code: str) -> None:
    heavy = HEAVY if code != "import understudy.api" else {"torch", "pyarrow", "duckdb", "transformers", "starlette"}
    program = f"{code}; import sys; print(*sorted({heavy!r} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == ""


def test_help_loads_no_heavy_package() -> None:
    program = (
        "import sys; sys.argv = ['understudy', '--help']\n"
        "from understudy.cli import main\n"
        "try: main()\n"
        f"except SystemExit: print('HEAVY', *sorted({HEAVY!r} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert output.strip().splitlines()[-1] == "HEAVY"
