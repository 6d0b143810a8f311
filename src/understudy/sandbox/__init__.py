"""Runs code that nobody has vouched for, without root and without packages.

    sandbox = Sandbox.probe()                                   attacked before it is trusted
    outcome = sandbox.run(program, ["f(2)"])                    outcome.values are for the caller to judge

kernel.py what the kernel forbids · child.py what runs in the child · run.py and watch.py the parent's side ·
attacks.py what is tried against it
"""

from __future__ import annotations

from understudy.sandbox.outcome import Limits, Outcome
from understudy.sandbox.run import Sandbox

__all__ = ["Limits", "Outcome", "Sandbox"]
