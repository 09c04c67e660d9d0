"""Ending a sandbox's processes, those and no others."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from chanrong.sandbox import processes
from chanrong.sandbox.layout import Layout

WAIT_S = 30.0
SCRIPT = """
import signal, sys, time
def end(*_):
    if sys.argv[1] == "stubborn":
        return
    with open(sys.argv[2], "a") as log:
        log.write(sys.argv[1] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True:
    time.sleep(0.05)
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path.resolve())


def begin(layout: Layout, name: str, word: str) -> processes.Running:
    """A process of the sandbox that says ``word`` into a file when it is asked to end."""
    argv = [sys.executable, "-c", SCRIPT, word, str(layout.root / "said"), str(layout.config(name))]
    running = processes.launch(name, argv, layout, os.environ)
    deadline = time.monotonic() + WAIT_S
    while "ready" not in processes.tail(layout.log(name)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return running


def gone(running: processes.Running) -> bool:
    """Whether a process has ended."""
    return not running.process.is_running() or running.process.status() == psutil.STATUS_ZOMBIE


def test_it_is_found_until_it_ends(layout: Layout) -> None:
    running = begin(layout, "tax", "plain")
    assert processes.find(layout, "tax") == running
    processes.stop(layout, "tax")
    assert processes.find(layout, "tax") is None
    assert gone(running)


def test_one_that_does_not_listen_is_killed(layout: Layout) -> None:
    running = begin(layout, "tax", "stubborn")
    processes.stop(layout, "tax", grace_s=0.2)
    assert gone(running)


def test_all_are_ended_the_ledger_last_and_strangers_stay(layout: Layout, tmp_path: Path) -> None:
    stranger_at = Layout((tmp_path / "other").resolve())
    stranger = begin(stranger_at, "ledger", "ledger")
    try:
        mine = [begin(layout, "ledger", "ledger"), begin(layout, "bank-a", "bank")]
        layout.pid("ledger").unlink()
        assert processes.stop_all(layout) == 2
        assert [gone(each) for each in mine] == [True, True]
        assert (layout.root / "said").read_text().split() == ["bank", "ledger"]
        assert not gone(stranger)
        assert not layout.pid("bank-a").exists()
    finally:
        processes.stop_all(stranger_at)
    assert gone(stranger)
