"""The command line as a user types it: every call is a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

TIMEOUT_S = 120


@dataclass(frozen=True)
class Cli:
    """The command line with one sandbox folder, and variables of its own."""

    directory: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = TIMEOUT_S

    def run(self, *words: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Runs a command; fails the test when its exit code is another than expected."""
        command = [sys.executable, "-m", "chanrong", *words]
        done = subprocess.run(  # noqa: PLW1510 - the code is checked below
            command,
            capture_output=True,
            text=True,
            timeout=self.timeout_s,
            env={**environment(), **self.variables, "CHANRONG_DIR": str(self.directory)},
        )
        assert code is None or done.returncode == code, (
            f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        """Runs a command with --json; its one JSON value."""
        return orjson.loads(self.run(*words, "--json", code=code).stdout)


def environment() -> dict[str, str]:
    """This process's environment without settings of Chanrong's."""
    import os

    return {name: value for name, value in os.environ.items() if not name.startswith("CHANRONG_")}


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A running consortium: one industry gateway, two banks."""
    made = Cli(tmp_path_factory.mktemp("sandbox") / "consortium")
    try:
        made.run("up", "--banks", "2")
        yield made
    finally:
        made.run("down", "--purge", code=None)
