"""Every n-th write of the data stage fails, in the stage or in a worker: it says so, and the next run ends as if not.

The failing disk is a small library (failing_disk.c) between the processes and the system: it sees what Python, Arrow,
SQLite and git write, whatever thread or process does it.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from data_project import published, write_everything
from small_project import command, environment

SOURCE = Path(__file__).parent / "failing_disk.c"
SECONDS = 900  # on a machine that has much else to do
FULL = (errno.ENOSPC, errno.EDQUOT)


class Disk:
    """A project on a disk that can be told to fail."""

    def __init__(self, project: Path, library: Path) -> None:
        self.project, self.library = project, library
        self.count = project / "count"

    def run(self, at: int = 0, number: int = 0) -> subprocess.CompletedProcess[str]:
        """The command, with the `at`-th write failing with this error; from then on all, where the disk is full."""
        self.count.write_bytes(bytes(8))
        failing = {
            "LD_PRELOAD": str(self.library),
            "FAIL_BELOW": str(self.project / ".understudy"),
            "FAIL_COUNT": str(self.count),
            "FAIL_AT": str(at),
            "FAIL_WITH": str(number),
            "FAIL_ON": str(int(number in FULL)),
        }
        return subprocess.run(
            command("data", "recipe.yaml"),
            cwd=self.project,
            env=environment() | failing,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    @property
    def n_writes(self) -> int:
        return int.from_bytes(self.count.read_bytes(), "little")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or os.uname().sysname != "Linux":
        pytest.skip("a disk that fails is made with LD_PRELOAD and a C compiler")
    made = tmp_path_factory.mktemp("disk") / "failing.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", made, SOURCE, "-ldl"], check=True)
    return made


class Whole:
    """What an undisturbed run publishes, and how many writes it takes."""

    def __init__(self, disk: Disk) -> None:
        done = disk.run()
        assert done.returncode == 0, done.stderr
        self.files, self.n_writes = published(disk.project), disk.n_writes


@pytest.fixture(scope="module")
def whole(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    project = tmp_path_factory.mktemp("whole")
    write_everything(project)
    return Whole(Disk(project, library))


@pytest.fixture
def disk(library: Path, tmp_path: Path) -> Disk:
    write_everything(tmp_path)
    return Disk(tmp_path, library)


def failing(disk: Disk, whole: Whole, at: int, number: int) -> int:
    """Fail at this write, then run again; the exit status of the run that met it."""
    shutil.rmtree(disk.project / ".understudy", ignore_errors=True)
    failed = disk.run(at, number)
    told = f"write {at} of {whole.n_writes}: {failed.stderr}"
    assert "Traceback" not in failed.stderr and "internal error" not in failed.stderr, told
    if failed.returncode:
        assert failed.returncode in (4, 5) and "hint:" in failed.stderr, told
        assert not list((disk.project / ".understudy" / "store").glob("corpus/*/artifact.json")), told
        again = disk.run()
        assert again.returncode == 0, f"{told}\nthen: {again.stderr}"
    assert published(disk.project) == whole.files, told  # what failed may have been a cache, that nothing hangs on
    return failed.returncode


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.8, 0.9, 0.97])
def test_a_write_that_fails_is_told_and_the_next_run_ends_as_if_it_had_not(
    disk: Disk, whole: Whole, share: float
) -> None:
    number = (errno.ENOSPC, errno.EIO, errno.EDQUOT)[int(100 * share) % 3]
    failing(disk, whole, max(1, int(share * whole.n_writes)), number)


@pytest.mark.torture
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT], ids=errno.errorcode.get)
def test_whichever_write_fails_the_next_run_ends_as_if_it_had_not(disk: Disk, whole: Whole, number: int) -> None:
    codes = [failing(disk, whole, at, number) for at in range(1, whole.n_writes + 1, max(1, whole.n_writes // 100))]
    assert any(codes)
