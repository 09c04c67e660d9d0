"""What all tests share: one real Fabric network for a whole run, and a line that says how many tests ran on it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import settings

from tests.support.fabric import SHARED, FabricWorld, fabric_missing, programs, shared_fabric, take_down

PREFIX = "chanrong-fabric-"

# How long an example takes says what else the machine does.
settings.register_profile("chanrong", deadline=None)
settings.load_profile("chanrong")
RAN = ("ran on", "fabric")
"""Goes with a test's report from the worker to the controller."""


@pytest.fixture(scope="session")
def fabric() -> FabricWorld:
    """The network that this run's tests share, with nothing deployed but what tests deploy."""
    return shared_fabric()


def pytest_configure(config: pytest.Config) -> None:
    """The controller says where the shared network will be; workers inherit that."""
    if hasattr(config, "workerinput"):
        return
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    os.environ[SHARED] = str(folder)
    config.stash[_FOLDER] = folder


def pytest_unconfigure(config: pytest.Config) -> None:
    """The controller takes the shared network down, after Ctrl-C as well."""
    folder = config.stash.get(_FOLDER, None)
    if folder is not None:
        _remove(folder)
        os.environ.pop(SHARED, None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests that need Fabric are skipped with one line where its programs are missing."""
    if item.get_closest_marker("fabric") is None:
        return
    if (why := fabric_missing()) is not None:
        pytest.skip(why)
    item.user_properties.append(RAN)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How many tests ran on Fabric, or why none did."""
    if (why := fabric_missing()) is not None:
        terminalreporter.write_line(f"fabric: not run: {why}")
        return
    ran = {
        report.nodeid
        for outcome in ("passed", "failed", "xfailed", "xpassed")
        for report in terminalreporter.stats.get(outcome, ())
        if getattr(report, "when", "") == "call" and RAN in map(tuple, report.user_properties)
    }
    found = programs()
    version = found if isinstance(found, str) else found.version_text
    terminalreporter.write_line(f"fabric: {len(ran)} tests ran on Fabric {version}")


_FOLDER = pytest.StashKey[Path]()


def _remove(folder: Path) -> None:
    from chanrong.sandbox.layout import Layout

    take_down(Layout(folder.resolve()))
    shutil.rmtree(folder, ignore_errors=True)


def _sweep() -> None:
    """Ends the networks of runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        number = folder.name.removeprefix(PREFIX).partition("-")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            with contextlib.suppress(OSError):
                _remove(folder)
