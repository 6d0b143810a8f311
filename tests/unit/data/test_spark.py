"""Spark, a real one on this machine: the same files as the local engine, whatever is killed on the way."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from understudy.clusters import spark as cluster_module
from understudy.core.errors import Interrupted, ResourceError
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import silent
from understudy.data import survey
from understudy.data.compute import Checkpoints, Orders, crew, local
from understudy.data.compute import spark as spark_module
from understudy.data.compute.spark import SparkCompute
from understudy.data.listing import Entry
from understudy.data.portions import Filled, Load
from understudy.data.sources.archive import Limits
from understudy.data.sources.reading import raw_id
from understudy.data.stage import STAGE
from understudy.data.steps import StepSetting

pyspark_sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed (extra `spark`)")
JAVA = shutil.which("java") or os.environ.get("JAVA_HOME")
pytestmark = pytest.mark.skipif(JAVA is None, reason="there is no Java for Spark")

MakeCorpus = Callable[..., Any]
LIBRARY = Path(sysconfig.get_paths()["stdlib"])

# On the executors: a worker with one more step, and a task that kills Spark's own Python once.
ON_EXECUTORS = '''
import os, signal
from pathlib import Path
from understudy.data.compute import crew, spark

crew.START = """
import json, os, signal, sys
sys.path[:] = json.loads(sys.argv[1])
from understudy.data import steps
from understudy.data.compute import worker
from understudy.data.steps.contract import JudgingStep

class Bomb(JudgingStep):
    name = "bomb"
    def judge(self, text, path, lang):
        if "crash" in text:
            os.kill(os.getpid(), signal.SIGSEGV)

steps.STEPS["bomb"] = steps.StepRow(Bomb, lambda recipe: {})
worker.main()
"""

def work_off(order):
    return spark.work_off(order)

def dies_once(order):
    mark = Path(order.folder, "died")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return spark.work_off(order)

def fails(order):
    raise ValueError("a defect in a task")
'''


@pytest.fixture(scope="module")
def on_executors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The module above, for the executors that are started after this and for this process."""
    folder = tmp_path_factory.mktemp("executors")
    (folder / "understudy_bombs.py").write_text(ON_EXECUTORS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        patch.syspath_prepend(str(folder))
        start = crew.START
        module = import_module("understudy_bombs")
        patch.setattr(crew, "START", start)  # importing it changed that here too
        yield module


@pytest.fixture(scope="module")
def session(on_executors: Any) -> Iterator[Any]:
    """A session that was open before: the engine uses it and leaves it open."""
    with cluster_module._quietly():
        _, session = cluster_module._session({"spark.master": "local[2,4]"})
    yield session
    session.stop()


@pytest.fixture
def sources(tmp_path: Path, library: Path) -> list[dict[str, Any]]:
    """A folder, an archive, and files that are broken, doubled, private or named strangely."""
    folder = tmp_path / "mixed"
    shutil.copytree(library / "email", folder / "email")
    (folder / "copy.py").write_text((library / "email" / "charset.py").read_text())
    (folder / "broken.py").write_text("def f(:\n    return None  # this is no Python\n")
    (folder / "naïve\nname.py").write_text("KEY = 'AKIAQYLPMN5HFIQR7XYA'\nHOST = '93.184.216.34'\n" * 3)
    (folder / "LICENSE").write_text("Apache License\nVersion 2.0, January 2004\n")
    archive = tmp_path / "things-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(library / "json", "things-1.0/json")
        tar.add(library / "http", "things-1.0/http")
    return [{"dir": str(folder)}, {"archive": str(archive)}]


def test_the_files_are_those_of_the_local_engine(
    session: Any, sources: list[dict[str, Any]], make_corpus: MakeCorpus, tmp_path: Path
) -> None:
    on_spark = make_corpus(sources, work="spark", compute="spark")
    shutil.rmtree(on_spark.project.cache)
    on_cores = make_corpus(sources, work="local")
    assert on_spark.hashes() == on_cores.hashes()
    assert on_spark.figures == on_cores.figures
    assert pyspark_sql.SparkSession.getActiveSession() is session
    assert not list((on_spark.project.cache / "batches" / "spark").glob("*"))


def test_every_query_gives_the_same_table_on_both_engines(
    session: Any,
    sources: list[dict[str, Any]],
    make_corpus: MakeCorpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, dict[str, Any], pa.Table]] = []
    of_duckdb = local.LocalCompute.sql

    def listening(self: local.LocalCompute, query: str, **tables: Any) -> pa.Table:
        asked.append((query, tables, of_duckdb(self, query, **tables)))
        return asked[-1][2]

    monkeypatch.setattr(local.LocalCompute, "sql", listening)
    make_corpus(sources)
    assert len(asked) > 8
    compute = SparkCompute(Checkpoints(tmp_path / "batches"), silent(), {})
    for query, tables, expected in asked:
        found = compute.sql(query, **tables)
        assert found.schema.equals(expected.schema), query
        assert found.equals(expected.combine_chunks()) or found.to_pylist() == expected.to_pylist(), query


def test_a_query_reads_parquet_files_too(session: Any, tmp_path: Path) -> None:
    for number in range(3):
        pq.write_table(pa.table({"n": [number, number], "text": ["a", None]}), tmp_path / f"{number}.parquet")
    files = [tmp_path / f"{number}.parquet" for number in range(3)]
    query = "SELECT text, CAST(sum(n) AS BIGINT) AS total FROM numbers GROUP BY text ORDER BY text NULLS LAST"
    checkpoints = Checkpoints(tmp_path / "batches")
    for compute in (SparkCompute(checkpoints, silent(), {}), local.LocalCompute(checkpoints, 1, silent())):
        assert compute.sql(query, numbers=files).to_pylist() == [  # type: ignore[attr-defined]
            {"text": "a", "total": 3},
            {"text": None, "total": 3},
        ]


ORDERS = Orders((StepSetting("read", {"limit": 1_000_000}), StepSetting("decode"), StepSetting("bomb")), "cleaning")


def loads(folder: Path, *batches: tuple[str, ...]) -> list[Load]:
    """A load for each batch of texts."""
    made = []
    for number, texts in enumerate(batches):
        entries = []
        for place, text in enumerate(texts):
            path = folder / f"{number}-{place}.py"
            path.write_text(text)
            entries.append(Entry("r", path.name, "python", len(text), str(path), raw_id(text.encode()), "", ""))
        cut = Filled(f"{number:032x}", 100, tuple(entries))
        made.append(Load("folder", str(folder), Limits(1_000_000, 1_000_000), (cut,)))
    return made


def reasons(compute: SparkCompute, number: int) -> list[str | None]:
    table = pq.read_table(compute.checkpoints.facts(f"{number:032x}"))
    return table["drop_reason"].to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("task", ["work_off", "dies_once"])
def test_files_that_kill_and_processes_that_are_killed_cost_no_other_file(
    task: str, session: Any, on_executors: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_module, "work_off", getattr(on_executors, task))
    compute = SparkCompute(Checkpoints(tmp_path / "batches"), silent(), {})
    batches = [("ordinary", "crash", "ordinary"), ("ordinary",), ("crash",), ("ordinary", "fine")]
    compute.map(loads(tmp_path, *batches), ORDERS, 400)
    assert [reasons(compute, number) for number in range(4)] == [
        [None, "deadly", None],
        [None],
        ["deadly"],
        [None, None],
    ]


def test_a_checkpoint_that_cannot_be_written_is_reported_as_here(
    session: Any, on_executors: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_module, "work_off", on_executors.work_off)
    compute = SparkCompute(Checkpoints(tmp_path / "batches"), silent(), {})
    (tmp_path / "batches" / f"{0:032x}.arrow").mkdir()
    with pytest.raises(IsADirectoryError):
        compute.map(loads(tmp_path, ("ordinary",)), ORDERS, 100)


def test_a_defect_in_a_task_is_told_with_its_last_words(
    session: Any, on_executors: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark_module, "work_off", on_executors.fails)
    compute = SparkCompute(Checkpoints(tmp_path / "batches"), silent(), {})
    with pytest.raises(ResourceError, match="ValueError: a defect in a task"):
        compute.map(loads(tmp_path, ("ordinary",)), ORDERS, 100)


def test_a_stop_ends_the_tasks(session: Any, sources: list[dict[str, Any]]) -> None:
    stopped = silent()
    stopped.sinks = (lambda record: stopped.stop.set() if record.get("what") == "cleaning" else None,)
    recipe = Recipe.model_validate({"name": "t", "data": {"compute": "spark", "sources": sources}})
    project = Project(Path(sources[0]["dir"]).parent / "stopped")
    with pytest.raises(Interrupted):
        STAGE.run(recipe, Inputs({}, project, survey(recipe, project, silent())), project.root / "work", stopped)


SCRIPT = """
import sys
from pathlib import Path
from understudy.core.paths import Project
from understudy.core.recipe import Recipe
from understudy.core.stage import Inputs
from understudy.core.tracking import silent
from understudy.data import survey
from understudy.data.stage import STAGE
data = {"sources": [{"dir": sys.argv[1]}], "compute": "spark", "spark": {"spark.master": sys.argv[3]}}
recipe = Recipe.model_validate({"name": "t", "data": data})
project = Project(Path(sys.argv[2]))
STAGE.run(recipe, Inputs({}, project, survey(recipe, project, silent())), project.root / "work", silent())
"""


def test_a_killed_driver_is_continued_by_the_next_run_on_another_engine(
    library: Path, make_corpus: MakeCorpus, project: Any, undisturbed: dict[str, str]
) -> None:
    command = [sys.executable, "-c", SCRIPT, str(library), str(project.root), "local[2,4]"]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    folder = project.cache / "batches"
    deadline = time.monotonic() + 120
    while not list(folder.glob("*.done")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    finished = {path: path.stat().st_mtime_ns for path in folder.glob("*.done")}
    assert make_corpus(library).hashes() == undisturbed
    assert all(path.stat().st_mtime_ns == when for path, when in finished.items())


def executors() -> set[int]:
    """The processes of executors on this machine."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"CoarseGrainedExecutorBackend" in path.read_bytes():
                found.add(int(path.parent.name))
    return found


@pytest.mark.torture
@pytest.mark.parametrize("seconds", [0.5, 2.0, 4.0])
def test_an_executor_that_is_killed_is_replaced_and_costs_nothing(
    seconds: float, library: Path, project: Project, undisturbed: dict[str, str]
) -> None:
    before = executors()
    command = [sys.executable, "-c", SCRIPT, str(library), str(project.root), "local-cluster[2,1,1024]"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while not (mine := executors() - before):
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(seconds)
        os.kill(min(mine), signal.SIGKILL)
    assert process.returncode == 0
    folder = project.root / "work"
    for name, expected in undisturbed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected, name


def test_the_engine_is_no_part_of_what_a_corpus_is() -> None:
    recipes = [Recipe.model_validate({"name": "t", "data": {"compute": name}}) for name in ("local", "spark")]
    assert recipes[0].section(STAGE.reads) == recipes[1].section(STAGE.reads)


def test_without_java_the_error_names_it_before_any_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pyspark_sql.SparkSession, "getActiveSession", classmethod(lambda cls: None))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert STAGE.check is not None
    with pytest.raises(ResourceError, match="needs Java 17 or newer") as error:
        STAGE.check(Recipe.model_validate({"name": "t", "data": {"compute": "spark"}}))
    assert error.value.hint and "data.compute: local" in error.value.hint


def test_without_pyspark_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(ResourceError, match="needs pyspark") as error:
        cluster_module.require_spark()
    assert error.value.hint == "pip install 'understudy[spark]'"
