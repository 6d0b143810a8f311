"""Real attacks, each run inside the sandbox against real victims; and the proof that they are attacks."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

from understudy.core.errors import ResourceError
from understudy.sandbox import Sandbox, run
from understudy.sandbox.attacks import ATTACKS, Attack, gets_through, leaks

if sys.platform != "linux":
    pytest.skip("the sandbox is Linux's", allow_module_level=True)
STRONGEST = "landlock+seccomp"
if run.available_level() != STRONGEST:
    pytest.skip(f"this kernel offers {run.available_level()} only", allow_module_level=True)

# What resource limits and a watchful parent stop by themselves. All the others must get through where nothing else is
# in their way, or the test below proves nothing. (io_uring is switched off on many kernels.)
STOPPED_BY_LIMITS = {
    *("raise the limits", "memory bomb", "endless loop", "loop that ignores signals", "sleep for ever", "flood stdout"),
    *("fill the disk", "nest folders", "overflow the stack", "io_uring"),
}


def name(attack: Attack) -> str:
    return attack.name


@pytest.mark.parametrize("attack", ATTACKS, ids=name)
def test_an_attack_is_contained(attack: Attack) -> None:
    assert not gets_through(Sandbox(STRONGEST), attack)


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack.name not in STOPPED_BY_LIMITS], ids=name)
def test_the_same_attack_gets_through_where_there_are_only_limits(attack: Attack) -> None:
    assert gets_through(Sandbox("rlimits only"), attack)


def test_a_level_that_leaks_is_refused_and_the_leaks_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "available_level", lambda: "seccomp")
    with pytest.raises(ResourceError, match=r"\(seccomp\) does not contain: .*read a secret"):
        Sandbox.probe()


def test_a_sandbox_that_contains_everything_is_given_with_its_level() -> None:
    assert Sandbox.probe().level == STRONGEST


def test_elsewhere_than_on_linux_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    run.available_level.cache_clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ResourceError, match="on Linux only"):
        Sandbox.probe()
    run.available_level.cache_clear()


def test_attacks_leave_nothing_behind_and_the_next_program_runs() -> None:
    sandbox = Sandbox(STRONGEST)
    before = set(Path(tempfile.gettempdir()).glob("understudy-*"))
    assert leaks(sandbox) == ()
    assert set(Path(tempfile.gettempdir()).glob("understudy-*")) <= before
    assert sandbox.run("", ["1 + 1"]).values == (2,)
