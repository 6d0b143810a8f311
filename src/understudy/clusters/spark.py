"""Tasks on Spark: the session that is open, or one made for us; each task is one row of a DataFrame (`mapInArrow`).

orders ──waves──▶ a file each, in a folder that every machine sees ──one Spark task each──▶ small answers

Only numbers go through Spark itself: orders lie in files, results too. Spark may run a task twice or start it anew
elsewhere; a task that kills its Python worker is tried again, four times.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import signal
import sys
import threading
import time
import uuid
import warnings
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from understudy.clusters import Task
from understudy.clusters.answers import answer_in, carried_out
from understudy.core.errors import Interrupted, ResourceError
from understudy.core.hardware import n_cores

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

ANSWERS = "number long, answer string"
TASKS_A_SLOT = 4  # of a wave; the slots that are done with one wave go on with the next
WAVES_AT_ONCE = 2
POLL_SECONDS = 0.1
TRIES = 4
UNKNOWN_SLOTS = 64  # behind Spark Connect the number of cores is not told
# No heavy work passes through Java here, so it should start fast: half the CPU time of its usual compiler and GC.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
LOGGING = Path(__file__).with_name("log4j2.properties")


def require_spark() -> None:
    """Raises ResourceError where Spark cannot run: without its package, or without Java."""
    try:
        with _quietly():
            from pyspark.sql import SparkSession
    except ImportError as error:
        raise ResourceError(
            f"data.compute: spark needs pyspark ({error})", "pip install 'understudy[spark]'"
        ) from error
    if SparkSession.getActiveSession() is not None or "SPARK_REMOTE" in os.environ:
        return
    home = os.environ.get("JAVA_HOME")
    if shutil.which(Path(home, "bin", "java") if home else "java") is None:
        where = f"in JAVA_HOME ({home})" if home else "on the PATH"
        raise ResourceError(
            f"data.compute: spark needs Java 17 or newer, and there is none {where}",
            "install it (apt install openjdk-17-jre-headless), or set data.compute: local",
        )


class SparkCluster:
    """A Spark session and tasks on it."""

    def __init__(self, folder: Path, settings: Mapping[str, str], should_stop: Callable[[], bool]) -> None:
        require_spark()
        self._folder, self._should_stop = folder, should_stop
        self._group = f"understudy-{uuid.uuid4().hex[:12]}"
        with _quietly():
            self._was_open, self.session = _session(settings)
        self._n_slots = _slots(self.session)
        is_remote = "connect" in type(self.session).__module__
        self._has_tags = is_remote or not self.session.version.startswith("3.")

    def run(self, task: Task, orders: Iterable[Any]) -> Iterator[Any]:
        """The answer to each order, wave by wave."""
        stream, waiting = iter(orders), deque[Future[list[str]]]()
        with ThreadPoolExecutor(WAVES_AT_ONCE, thread_name_prefix="wave") as threads:
            try:
                while wave := list(islice(stream, self._n_slots * TASKS_A_SLOT)):
                    waiting.append(threads.submit(self._wave, task, wave))
                    if len(waiting) == WAVES_AT_ONCE:
                        yield from map(answer_in, self._finished(waiting.popleft()))
                while waiting:
                    yield from map(answer_in, self._finished(waiting.popleft()))
            finally:
                self._cancel(list(waiting))

    def close(self) -> None:
        """End the session, if it was made for us."""
        if not self._was_open:
            self.session.stop()

    def _finished(self, wave: Future[list[str]]) -> list[str]:
        while True:
            if self._should_stop():
                self._cancel([wave])
                raise Interrupted("stopped; what is finished is kept", "run the same command to continue")
            with contextlib.suppress(NotYet):
                return wave.result(POLL_SECONDS)

    def _wave(self, task: Task, orders: Sequence[Any]) -> list[str]:
        folder = self._folder / uuid.uuid4().hex
        folder.mkdir(parents=True)
        try:
            for number, order in enumerate(orders):
                (folder / str(number)).write_bytes(zlib.compress(pickle.dumps((task, order)), 1))
            return self._answers(folder, len(orders))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _answers(self, folder: Path, n: int) -> list[str]:
        self._mark_jobs()
        numbers = self.session.range(0, n, 1, n)  # one in each partition: Spark hands them to whoever is free
        try:
            with _quietly():
                rows = numbers.mapInArrow(partial(_carry_out, str(folder)), ANSWERS).collect()
        except Exception as error:  # py4j's and Connect's have no common ancestor
            raise ResourceError(f"Spark gave up on a task: {_last_line(error)}", "its own log says more") from error
        return [row.answer for row in sorted(rows, key=lambda row: row.number)]

    def _mark_jobs(self) -> None:
        """Name this thread's jobs, so that a stop ends them and nobody else's."""
        if self._has_tags:
            self.session.addTag(self._group)
        else:
            self.session.sparkContext.setJobGroup(self._group, "understudy", interruptOnCancel=True)

    def _cancel(self, waves: Sequence[Future[list[str]]]) -> None:
        """End the jobs under way. Again and again: a job may have been about to start."""
        while not all(wave.cancel() or wave.done() for wave in waves):
            if self._has_tags:
                self.session.interruptTag(self._group)
            else:
                self.session.sparkContext.cancelJobGroup(self._group)
            time.sleep(POLL_SECONDS)


def _carry_out(folder: str, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """On the executor: the answers to these numbers."""
    import pyarrow as pa

    for batch in batches:
        numbers = batch.column(0).to_pylist()
        texts = []
        for number in numbers:
            task, order = pickle.loads(zlib.decompress(Path(folder, str(number)).read_bytes()))
            texts.append(carried_out(task, order))
        yield pa.RecordBatch.from_pydict({"number": pa.array(numbers, pa.int64()), "answer": pa.array(texts)})


def _session(settings: Mapping[str, str]) -> tuple[bool, SparkSession]:
    """The session, and whether it was open before."""
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    if active is not None:
        return True, active
    builder = SparkSession.builder.appName("understudy")
    if "SPARK_REMOTE" not in os.environ:
        settings = {**_usual(settings), **settings}
    for name, value in settings.items():
        builder = builder.config(name, value)
    with _own_interrupts():
        return False, builder.getOrCreate()


def _usual(settings: Mapping[str, str]) -> dict[str, str]:
    """What a session on this machine gets; none of it where spark-submit or a configuration names a master."""
    from pyspark import SparkConf

    if "SPARK_CONF_DIR" in os.environ or "PYSPARK_GATEWAY_PORT" in os.environ:
        master = settings.get("spark.master") or SparkConf().get("spark.master")
    else:
        master = settings.get("spark.master", "local")
    if not str(master).startswith("local"):
        return {}
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    return {
        "spark.master": f"local[{n_cores()},{TRIES}]",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"{JAVA_OPTIONS} -Dlog4j2.configurationFile={LOGGING.as_uri()}",
        "spark.sql.shuffle.partitions": str(n_cores()),
        "spark.sql.session.timeZone": "UTC",
    }


def _slots(session: SparkSession) -> int:
    try:
        return max(1, int(session.sparkContext.defaultParallelism))
    except Exception:  # Spark Connect has no context, and says so in a different way in each version
        return UNKNOWN_SLOTS


@contextlib.contextmanager
def _own_interrupts() -> Iterator[None]:
    """Keep our answer to Ctrl-C: Spark puts its own in its place."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, ours)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without Spark's warnings about pandas, which we do not use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.lstrip().startswith("at ")]
    told = [line for line in lines if "Error: " in line or "Exception: " in line]
    return (told or lines or [type(error).__name__])[-1][:300]
