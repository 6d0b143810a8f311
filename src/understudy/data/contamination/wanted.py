"""The exams that a recipe names: found in the first second, indexed once, and known by a hash of what they hold."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from pathlib import Path

import xxhash

from understudy.core.errors import InputDataError, RecipeError
from understudy.core.paths import HOME_NAME, Project, hash_file
from understudy.core.recipe import ExamFile, Recipe
from understudy.formats.exams import Fields, TaskFiles, find_exam, read_tasks
from understudy.formats.records import KINDS

VERSION = 1  # of what is indexed, and of the rules in index.py; a new one makes every file be looked through again
EXAMS = "exams"  # below the project's home and the recipe's folder


def wanted_exams(recipe: Recipe, project: Project) -> list[TaskFiles]:
    """The files of every exam in `data.decontaminate`, none of them read yet.

    Raises RecipeError for an unknown name or one given twice, InputDataError for files that are not there.
    """
    folders = (project.home / EXAMS, recipe.resolve(f"{HOME_NAME}/{EXAMS}"), recipe.resolve(EXAMS))
    found = [_found(recipe, item, folders) for item in recipe.data.decontaminate]
    names = [files.suite for files in found]
    for name in names:
        if names.count(name) > 1:
            raise RecipeError(
                f"data.decontaminate has two exams called {name!r}", "give a file another name:   - {file: …, name: …}"
            )
    return found


def _found(recipe: Recipe, item: str | ExamFile, folders: tuple[Path, ...]) -> TaskFiles:
    if isinstance(item, str) and not _is_file_name(item):
        return find_exam(item, folders)
    given = ExamFile(file=item) if isinstance(item, str) else item
    path = recipe.resolve(given.file)
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise InputDataError(f"data.decontaminate: the file of tasks {path} {what}", "correct data.decontaminate")
    stated = Fields(given.statement, given.solution, given.test, given.id)
    is_stated = given.statement or given.solution or given.test
    return TaskFiles(given.name or path.name.split(".")[0], (path,), stated if is_stated else None)


def _is_file_name(item: str) -> bool:
    return "/" in item or item.removesuffix(".gz").endswith(KINDS)


def exams_digest(recipe: Recipe, project: Project) -> str:
    """A hash of the exams' files and of how they are read; empty where the recipe names none. Reads every file once.

    Raises as `wanted_exams` does, and where a file holds no task.
    """
    found = wanted_exams(recipe, project)
    if not found:
        return ""
    for files in found:
        if next(read_tasks(files), None) is None:
            raise InputDataError(f"data.decontaminate: {files.paths[0]} holds no task", "correct data.decontaminate")
    told = [
        [files.suite, files.fields and asdict(files.fields), [[path.name, hash_file(path)] for path in files.paths]]
        for files in found
    ]
    return xxhash.xxh3_128_hexdigest(json.dumps([VERSION, told]).encode())


def index_file(recipe: Recipe, project: Project) -> Path | None:
    """The index of the recipe's exams, made where it is not kept yet or damaged; None where the recipe names none.

    Takes half a second for HumanEval and MBPP, and ten for all known exams together.
    """
    digest = exams_digest(recipe, project)
    if not digest:
        return None
    path = project.cache / "contamination" / f"{digest}.npz"
    if not _is_whole(path):
        from understudy.data.contamination.index import build_index, save_index

        tasks = [task for files in wanted_exams(recipe, project) for task in read_tasks(files)]
        save_index(build_index(tasks), path)
    return path


def _is_whole(path: Path) -> bool:
    """True for an index that is there, and whose parts have the checksums they were written with."""
    try:
        with zipfile.ZipFile(path) as parts:
            return parts.testzip() is None
    except (OSError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile):
        return False
