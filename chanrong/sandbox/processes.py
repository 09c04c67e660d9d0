"""Starting, watching and ending the sandbox's own processes, and only those.

A process is recognised by its number *and* its start time, and, where the record was lost, by the settings file of
this sandbox (or its link to a program of Fabric's) on its command line. So `down` ends what a crash left behind and
never a stranger's process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Service
from consortium.errors import ChanrongError
from consortium.identity.files import write_file

STOP_GRACE_S = 10.0
POLL_S = 0.05
LOG_TAIL_LINES = 12
PRIVATE_UMASK = 0o077
"""Stores and logs are their owner's."""


@dataclass(frozen=True, slots=True)
class Running:
    """One service's process."""

    name: str
    process: psutil.Process


def command(service: Service, layout: Layout) -> list[str]:
    """The command line of a service, as an operator would type it."""
    words = {
        "ledger": ["ledger", "serve"],
        "industry": ["industry", "serve"],
        "finance": ["finance", "serve"],
        "adapter": ["adapter", service.name, "serve"],
        "chaincode": ["chaincode", "serve"],
    }[service.kind]
    return [sys.executable, "-m", "chanrong", *words, "--config", str(layout.config(service.name))]


def start(service: Service, layout: Layout, environment: dict[str, str] | None = None) -> Running:
    """Starts a service in the background, detached from the terminal, its output in its log."""
    return launch(service.name, command(service, layout), layout, {**os.environ, **(environment or {})})


def launch(name: str, argv: Sequence[str], layout: Layout, environment: Mapping[str, str]) -> Running:
    """Starts any program as a service of this sandbox; ``environment`` is all that it gets."""
    log = layout.log(name)
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
        popen = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=PRIVATE_UMASK,
            cwd=layout.root,
            env=dict(environment),
        )
    process = psutil.Process(popen.pid)
    record = {"pid": popen.pid, "created": process.create_time()}
    write_file(layout.pid(name), json.dumps(record).encode(), private=True)
    return Running(name, process)


def find(layout: Layout, name: str) -> Running | None:
    """The running process of a service, None when it does not run."""
    try:
        record = json.loads(layout.pid(name).read_bytes())
        process = psutil.Process(record["pid"])
        if abs(process.create_time() - record["created"]) < 1 and process.status() != psutil.STATUS_ZOMBIE:
            return Running(name, process)
    except (FileNotFoundError, ValueError, KeyError, psutil.Error):
        pass
    return None


def stray(layout: Layout) -> list[psutil.Process]:
    """Processes of this sandbox, recorded or not: their command line names its settings file or its own program."""
    markers = tuple(str(layout.root / folder) + os.sep for folder in ("services", "fabric/bin"))
    found = []
    for process in psutil.process_iter(["cmdline"]):
        cmdline: Iterable[str] = process.info["cmdline"] or ()
        if process.pid != os.getpid() and any(word.startswith(markers) for word in cmdline):
            found.append(process)
    return found


def stop(layout: Layout, name: str, grace_s: float = STOP_GRACE_S) -> None:
    """Ends one service, if it runs: asked first, killed after ``grace_s`` seconds."""
    running = find(layout, name)
    if running is not None:
        end([running.process], grace_s)


def stop_all(layout: Layout, grace_s: float = STOP_GRACE_S) -> int:
    """Ends every process of the sandbox: asked first, killed after ``grace_s`` seconds. Returns how many there were.

    The ledger goes last: gateways end faster while it still answers them.
    """
    processes = stray(layout)
    ledger = [process for process in processes if _carries_ledger(process, layout)]
    end([process for process in processes if process not in ledger], grace_s)
    end(ledger, grace_s)
    for record in (layout.root / "run").glob("*.json"):
        record.unlink(missing_ok=True)
    return len(processes)


def _carries_ledger(process: psutil.Process, layout: Layout) -> bool:
    programs = str(layout.root / "fabric" / "bin") + os.sep
    try:
        cmdline = process.cmdline()
    except psutil.Error:
        return False
    return any(word in ("ledger", "chaincode") or word.startswith(programs) for word in cmdline)


def end(processes: list[psutil.Process], grace_s: float) -> None:
    """Ends processes: asked first, killed after ``grace_s`` seconds."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    alive = _wait(processes, grace_s)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    _wait(alive, grace_s)


def _wait(processes: list[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Waits until all have ended; those that have not. A zombie has: whose child it is may look late, or never."""
    deadline = time.monotonic() + timeout_s
    while (alive := [process for process in processes if _alive(process)]) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return alive


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def wait_ready(
    running: Running, log: Path, ready: asyncio.Future[None] | asyncio.Task[None], timeout_s: float
) -> None:
    """Waits until ``ready`` is done, the process ends or the time is up.

    :raises ChanrongError: reason SERVICE_FAILED, with the end of the log
    """

    async def gone() -> None:
        while _alive(running.process):  # noqa: ASYNC110 - the other side is another process
            await asyncio.sleep(0.1)

    watcher = asyncio.create_task(gone())
    try:
        done, _ = await asyncio.wait({ready, watcher}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        watcher.cancel()
    if ready in done:
        ready.result()
        return
    ready.cancel()
    what = "ended while starting" if watcher in done else f"was not healthy within {timeout_s:.0f} s"
    raise failed(running.name, what, log)


def failed(name: str, what: str, log: Path) -> ChanrongError:
    """The error of a service that does not run as it should; the end of its log is part of it."""
    return ChanrongError(
        f"Service {name} {what}. The end of its log:\n{tail(log)}",
        reason="SERVICE_FAILED",
        remedy=f"The whole log is {log}.",
    )


def tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of a log."""
    try:
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"
