"""Which files of a repository a file needs, by its import lines, and an order in which needed files come first.

Python is read by its own parser, the other languages by the shape of their import lines. What cannot be found inside
the repository (a library, a generated file) is no dependency. Names are resolved by the tree of files alone: nothing
is built or run, and no build file is read.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

# Every repetition has an end: what may stand beside another repetition of the same letters would else cost its square.
JAVASCRIPT = re.compile(r"""\b(?:from|import|require)[ \t]{0,9}\(?[ \t]{0,9}["'](\.{1,2}/[^"'\n]{0,300}|\.{1,2})["']""")
INCLUDE = re.compile(r"""^[ \t]{0,99}#[ \t]{0,99}(?:include|import)[ \t]{0,99}["<]([^">\n]{1,300})[">]""", re.MULTILINE)
GO_IMPORT = re.compile(
    r"""^[ \t]{0,99}(?:import[ \t]{1,9})?(?:[\w.]{1,99}[ \t]{1,9})?"([\w./~-]{1,300})"[ \t]{0,99}(?://.*)?$""",
    re.MULTILINE,
)
JAVA_IMPORT = re.compile(
    r"^[ \t]{0,99}import[ \t]{1,9}(?:static[ \t]{1,9})?([\w.]{1,300}?)(\.\*)?[ \t]{0,99};?[ \t]{0,99}$", re.MULTILINE
)
RUST_MODULE = re.compile(
    r"^[ \t]{0,99}(?:pub(?:\([\w: ]{1,40}\))?[ \t]{1,9})?mod[ \t]{1,9}(\w{1,100})[ \t]{0,9};", re.MULTILINE
)
RUST_USE = re.compile(
    r"^[ \t]{0,99}(?:pub(?:\([\w: ]{1,40}\))?[ \t]{1,9})?use[ \t]{1,9}((?:crate|super|self)(?:::\w{1,100}){1,20})",
    re.MULTILINE,
)
PYTHON_IMPORT = re.compile(
    r"^[ \t]{0,99}(?:from[ \t]{1,9}([\w.]{1,300})[ \t]{1,9}import|import[ \t]{1,9}([\w.]{1,300}))", re.MULTILINE
)
JAVASCRIPT_ENDINGS = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".vue", ".svelte")
MOST_NAMES = 2_000  # import lines looked at in one file: more are a generated list


@dataclass(slots=True)
class Tree:
    """The files of a repository by path, by name (with and without the folder's), and by folder."""

    paths: Sequence[str]
    known: set[str] = field(default_factory=set)
    by_name: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    by_folder: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    folders_by_name: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, paths: Iterable[str]) -> Tree:
        """The tree of these paths."""
        tree = cls(sorted(paths))
        tree.known = set(tree.paths)
        for path in tree.paths:
            folder, name = posixpath.split(path)
            tree.by_name[name].append(path)
            tree.by_name[f"{posixpath.basename(folder)}/{name}"].append(path)
            tree.by_folder[folder].append(path)
            tree.folders_by_name[posixpath.basename(folder)].add(folder)
        return tree

    def ending(self, tail: str, near: str) -> str | None:
        """The file whose path ends in `tail`; of several the one with most folders in common with `near`."""
        last_two = "/".join(tail.split("/")[-2:])  # every package has an `__init__.py`: its name alone finds too many
        found = [path for path in self.by_name.get(last_two, ()) if _ends(path, tail)]
        return min(found, key=lambda path: (-_n_shared(path, near), len(path), path), default=None)

    def first(self, candidates: Iterable[str]) -> str | None:
        """The first of the candidates that is a file here."""
        return next((path for path in candidates if path in self.known), None)


def _ends(path: str, tail: str) -> bool:
    return path == tail or path.endswith(f"/{tail}")


def _n_shared(one: str, other: str) -> int:
    n = 0
    for left, right in zip(one.split("/")[:-1], other.split("/")[:-1], strict=False):
        if left != right:
            break
        n += 1
    return n


def in_dependency_order(files: Sequence[tuple[str, str, str]]) -> list[int]:
    """The places of files given as (path, language, content), needed ones before those that need them, else by path.

    A cycle is broken at the import that closes it, walking from its first path.
    """
    tree = Tree.of(path for path, _, _ in files)
    places = {path: place for place, (path, _, _) in enumerate(files)}
    needs = {path: sorted(set(dependencies(path, lang, content, tree))) for path, lang, content in files}
    return [places[path] for path in ordered(needs)]


def ordered(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """All keys, each after what it needs, where that is possible. Needs that are no key are left out."""
    result: list[str] = []
    seen: set[str] = set()
    for start in sorted(needs):
        if start in seen:
            continue
        seen.add(start)
        walk = [(start, iter(needs[start]))]
        while walk:
            path, waiting = walk[-1]
            below = next((other for other in waiting if other in needs and other not in seen), None)
            if below is None:
                result.append(path)
                walk.pop()
            else:
                seen.add(below)
                walk.append((below, iter(needs[below])))
    return result


def dependencies(path: str, lang: str, content: str, tree: Tree) -> Iterator[str]:
    """The files of the tree that this file imports, in the order of its lines; never itself."""
    find = FINDERS.get(lang)
    for other in find(path, content, tree) if find else ():
        if other is not None and other != path:
            yield other


def _python(path: str, content: str, tree: Tree) -> Iterator[str | None]:
    for level, module, names in _python_imports(content):
        if level:
            folder = path
            for _ in range(level):
                folder = posixpath.dirname(folder)
            base = posixpath.join(folder, *module.split(".")) if module else folder
            for name in names:
                yield tree.first((f"{base}/{name}.py".lstrip("/"), f"{base}/{name}/__init__.py".lstrip("/")))
            yield tree.first((f"{base}.py", f"{base}/__init__.py".lstrip("/")))
        else:
            parts = module.replace(".", "/")
            for name in names:
                yield _module(tree, f"{parts}/{name}", path)
            yield _module(tree, parts, path)


def _module(tree: Tree, parts: str, near: str) -> str | None:
    """A module by its dotted name. `import json` in a repository with a/b/json.py does not mean that file, so a name
    without a dot must stand at the top, below `src` or beside the file that asks."""
    for tail in (f"{parts}.py", f"{parts}/__init__.py"):
        found = tree.ending(tail, near)
        if found is None:
            continue
        root = found[: len(found) - len(tail)].strip("/")
        if "/" in parts or root in ("", "src", "lib", "python", posixpath.dirname(near)):
            return found
    return None


def _python_imports(content: str) -> Iterator[tuple[int, str, list[str]]]:
    """(level, module, names) of each import, by the parser, or by the lines where it cannot parse."""
    try:
        nodes = [node for node in ast.walk(ast.parse(content)) if isinstance(node, ast.Import | ast.ImportFrom)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        for match in list(PYTHON_IMPORT.finditer(content))[:MOST_NAMES]:
            name = match.group(1) or match.group(2) or ""
            module = name.lstrip(".")
            yield len(name) - len(module), module, []
        return
    for node in nodes[:MOST_NAMES]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield 0, alias.name, []
        else:
            yield node.level, node.module or "", [alias.name for alias in node.names]


def _javascript(path: str, content: str, tree: Tree) -> Iterator[str | None]:
    folder = posixpath.dirname(path)
    for name in _names(JAVASCRIPT, content):
        target = posixpath.normpath(posixpath.join(folder, name))
        stem = re.sub(r"\.(?:js|jsx|mjs|cjs)$", "", target)  # TypeScript imports `./x.js` and means x.ts
        endings = [f"{base}{ending}" for base in (target, stem) for ending in JAVASCRIPT_ENDINGS]
        yield tree.first((target, *endings, *(f"{target}/index{ending}" for ending in JAVASCRIPT_ENDINGS)))


def _c(path: str, content: str, tree: Tree) -> Iterator[str | None]:
    folder = posixpath.dirname(path)
    for name in _names(INCLUDE, content):
        beside = posixpath.normpath(posixpath.join(folder, name))
        yield beside if beside in tree.known else tree.ending(posixpath.normpath(name).lstrip("./"), path)


def _go(path: str, content: str, tree: Tree) -> Iterator[str | None]:
    head = content[: content.find("\nfunc ")] if "\nfunc " in content else content
    for name in _names(GO_IMPORT, head):
        folders = [folder for folder in tree.folders_by_name.get(posixpath.basename(name), ()) if _ends(name, folder)]
        folder = max(folders, key=lambda folder: (len(folder), folder), default=None)
        if folder and folder != posixpath.dirname(path):
            yield from (other for other in tree.by_folder[folder] if _is_go_source(other))


def _is_go_source(path: str) -> bool:
    return path.endswith(".go") and not path.endswith("_test.go")


def _java(path: str, content: str, tree: Tree) -> Iterator[str | None]:
    ending = posixpath.splitext(path)[1]
    for match in list(JAVA_IMPORT.finditer(content))[:MOST_NAMES]:
        parts = match.group(1).replace(".", "/")
        if match.group(2):
            first = next(
                (folder for folder in sorted(tree.folders_by_name[posixpath.basename(parts)]) if _ends(folder, parts)),
                "",
            )
            yield from (other for other in tree.by_folder.get(first, ()) if first and other.endswith(ending))
        yield tree.ending(f"{parts}{ending}", path)
        yield tree.ending(f"{posixpath.dirname(parts)}{ending}", path)  # a static import names a member


def _rust(path: str, content: str, tree: Tree) -> Iterator[str | None]:
    folder, name = posixpath.split(path)
    own = folder if name in ("mod.rs", "lib.rs", "main.rs") else posixpath.join(folder, name.removesuffix(".rs"))
    for module in _names(RUST_MODULE, content):
        yield tree.first((posixpath.join(own, f"{module}.rs"), posixpath.join(own, module, "mod.rs")))
    root = path[: path.rfind("src/") + 4] if "src/" in path else ""
    for used in _names(RUST_USE, content):
        start, *parts = used.split("::")
        base = root if start == "crate" else own if start == "self" else posixpath.dirname(own)
        while parts and parts[0] == "super":
            base, parts = posixpath.dirname(base), parts[1:]
        for length in range(len(parts), 0, -1):
            stem = posixpath.join(base, *parts[:length])
            found = tree.first((f"{stem}.rs", f"{stem}/mod.rs"))
            if found:
                yield found
                break


def _names(pattern: re.Pattern[str], content: str) -> list[str]:
    return [match.group(1) for match in list(pattern.finditer(content))[:MOST_NAMES]]


Finder = Callable[[str, str, Tree], Iterator[str | None]]
FINDERS: dict[str, Finder] = {
    "python": _python,
    **dict.fromkeys(("javascript", "typescript", "jsx", "tsx", "vue", "svelte"), _javascript),
    **dict.fromkeys(("c", "c++", "cuda", "objective-c", "objective-c++"), _c),
    "go": _go,
    **dict.fromkeys(("java", "kotlin", "scala", "groovy"), _java),
    "rust": _rust,
}
