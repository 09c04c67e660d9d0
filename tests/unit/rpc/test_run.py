"""A service's life: in the test's own loop, and as a process with signals."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import consortium.rpc.run
from consortium.errors import ConfigurationError
from consortium.rpc.run import (
    EXIT_CONFIGURATION,
    EXIT_FAILED,
    EXIT_OK,
    Lifecycle,
    ready,
    running,
    until_stopped,
)
from consortium.rpc.settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60

Start = Callable[..., "subprocess.Popen[str]"]


def _wait(condition: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the sample service, waits until it is ready, ends it at the end."""
    started: list[subprocess.Popen[str]] = []

    def begin(mode: str, toml: str = "", *, wait: bool = True) -> subprocess.Popen[str]:
        file = tmp_path / "service.toml"
        grace = "" if "grace_s" in toml else "grace_s = 0.2\n"
        file.write_text(f'ready_file = "{tmp_path}/ready.json"\n{grace}{toml}')
        command = [sys.executable, str(Path(__file__).with_name("sample_service.py")), mode, str(file)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        started.append(process)
        if wait:
            _wait((tmp_path / "ready.json").exists, process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(start: Start, tmp_path: Path, number: signal.Signals) -> None:
    process = start("good")
    assert json.loads((tmp_path / "ready.json").read_text()) == {"pid": process.pid, "ports": {"grpc": 1234}}
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == EXIT_OK
    assert [json.loads(line)["event"] for line in err.splitlines()] == [
        "ready",
        "stopping",
        "cleaned up",
        "ended",
    ]
    assert not (tmp_path / "ready.json").exists()


def test_a_closed_terminal_does_not_end_it(start: Start) -> None:
    process = start("good")
    process.send_signal(signal.SIGHUP)
    assert process.stderr is not None
    process.stderr.close()  # nobody reads the log any more
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == EXIT_OK


@pytest.mark.parametrize("mode", ["slow", "hangs"])
def test_a_service_that_does_not_end_is_ended_after_its_grace(start: Start, mode: str) -> None:
    process = start(mode)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == EXIT_FAILED
    assert ("cleaned up" in err) == (mode == "slow")


def test_a_second_signal_ends_it_at_once(start: Start) -> None:
    process = start("hurry", "grace_s = 600\n")
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    while "stopping" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == EXIT_FAILED
    assert "cleaned up" in err


def test_a_failure_is_logged_and_told_by_the_exit_code(start: Start) -> None:
    process = start("fails", wait=False)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == EXIT_FAILED
    assert json.loads(err.splitlines()[-1])["exception"][0]["message"] == "broken"


def test_wrong_settings_are_told_in_plain_words(start: Start) -> None:
    process = start("good", 'unknown = 1\n[log]\nlevel = "loud"\n', wait=False)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == EXIT_CONFIGURATION
    assert "unknown" in err
    assert "log.level" in err
    assert "Traceback" not in err


def test_a_service_whose_parent_is_gone_ends(start: Start) -> None:
    # This process is its parent; a parent of another number is as good as gone.
    process = start("good", f"parent_pid = {os.getpid() + 1}\n", wait=False)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == EXIT_OK
    assert "parent is gone" in err


async def test_within_a_test_it_runs_for_the_time_of_the_block() -> None:
    ended = False

    async def serve(_settings: ServiceSettings) -> None:
        nonlocal ended
        ready(grpc=5, rest=6)
        await until_stopped()
        ended = True

    async with running(serve, ServiceSettings()) as life:
        assert life.ports == {"grpc": 5, "rest": 6}
        assert not ended
    assert ended


async def test_what_a_service_raises_at_its_start_is_raised() -> None:
    async def serve(_settings: ServiceSettings) -> None:
        raise ConfigurationError("The port is taken.")

    with pytest.raises(ConfigurationError, match="taken"):
        async with running(serve, ServiceSettings()):
            pass


async def test_a_service_that_ends_early_or_is_never_ready_is_an_error() -> None:
    async def early(_settings: ServiceSettings) -> None:
        return

    async def never(_settings: ServiceSettings) -> None:
        await until_stopped()

    with pytest.raises(RuntimeError, match="before it was ready"):
        async with running(early, ServiceSettings()):
            pass
    with pytest.raises(TimeoutError):
        async with running(never, ServiceSettings(), timeout_s=0.05):
            pass


async def test_a_service_that_does_not_stop_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consortium.rpc.run, "EXTRA_GRACE_S", 0.0)
    cancelled = False

    async def serve(_settings: ServiceSettings) -> None:
        nonlocal cancelled
        ready()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled = True
            raise

    async with running(serve, ServiceSettings(grace_s=0)):
        pass
    assert cancelled


async def test_without_a_life_cycle_a_service_runs_until_cancelled() -> None:
    ready(grpc=1)
    task = asyncio.create_task(until_stopped())
    done, _ = await asyncio.wait({task}, timeout=0.05)
    assert not done
    task.cancel()


async def test_two_services_in_one_loop_have_their_own_lives() -> None:
    async def serve(settings: ServiceSettings) -> None:
        ready(grpc=int(settings.grace_s))
        await until_stopped()

    async with (
        running(serve, ServiceSettings(grace_s=1)) as one,
        running(serve, ServiceSettings(grace_s=2)) as two,
    ):
        assert isinstance(one, Lifecycle)
        assert (one.ports["grpc"], two.ports["grpc"]) == (1, 2)
