"""A bank's gateway in a process of its own, for tests that kill it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil

from chanrong.sandbox import processes
from chanrong.sandbox.clients import healthy
from consortium.storage import failpoints
from tests.support.finance_bank import Bank

START_S = 60.0
GONE_S = 30.0


class Killed:
    """A process that kills itself at a named place."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process

    async def gone(self) -> None:
        """Waits until it has."""
        code = await asyncio.to_thread(self._process.wait, GONE_S)
        assert code == failpoints.EXIT_CODE, f"it ended by itself: {code}"


@asynccontextmanager
async def armed(bank: Bank, name: str, place: str, count: int = 1) -> AsyncIterator[Killed]:
    """A bank's gateway that serves until it has reached a failpoint ``count`` times."""
    service = bank.sandbox.profile.service(name)
    layout = bank.sandbox.layout
    running = processes.start(service, layout, {failpoints.VARIABLE: f"{place}:{count}"})
    try:
        async with asyncio.timeout(START_S):
            while not await healthy(layout, service):
                assert running.process.is_running(), layout.log(name).read_text()[-3000:]
                await asyncio.sleep(0.05)
        yield Killed(running.process)
    finally:
        if running.process.is_running():
            running.process.kill()
            await asyncio.to_thread(running.process.wait, GONE_S)
