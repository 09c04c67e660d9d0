"""Helper processes as the gateway sees them: started, given slices, started again when one dies.

A slice that a helper had when it died is not tried again: whatever killed it may be in the slice. Its push
fails, nothing of the chunk is acknowledged, and the same push may be repeated.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson
import structlog

from consortium.errors import UnavailableError
from industry_gateway.intake import frames
from industry_gateway.intake.reading import Readied, Source
from industry_gateway.parties.directory import PartyDirectory, Tenant

MAX_SLICES = 3
"""Slices that one helper has at a time: one at work, the others on their way there or back."""
SLICE_TIMEOUT_S = 120.0
"""A helper that needs longer for one slice hangs, and is ended."""
RESTART_S = 1.0
FAREWELL_S = 2.0

_log = structlog.get_logger(__name__)

_Answer = asyncio.Future[list[list[Readied]]]


class HelperProcesses:
    """All helpers of one gateway.

    :param keys: the consortium's key file, as bytes
    :param processes: how many; 0 leaves all work to the gateway
    """

    def __init__(self, keys: bytes, directory: PartyDirectory, processes: int) -> None:
        self._helpers = [_Helper(keys, directory) for _ in range(processes)]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Starts them; until they have said hello, :attr:`there` is false."""
        self._tasks = [asyncio.create_task(helper.run()) for helper in self._helpers]

    async def stop(self) -> None:
        """Ends them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def there(self) -> bool:
        """Whether one of them works."""
        return any(helper.there for helper in self._helpers)

    async def ready(self, tenant: Tenant, sources: Sequence[Source]) -> list[list[Readied]]:
        """Has a slice read and prepared by the helper that has the least to do.

        :raises UnavailableError: ``HELPER_LOST``
        """
        found = [helper for helper in self._helpers if helper.there]
        if not found:
            raise _lost()
        return await min(found, key=lambda helper: helper.load).ready(tenant, sources)


class _Helper:
    def __init__(self, keys: bytes, directory: PartyDirectory) -> None:
        self._keys = keys
        self._directory = directory
        self._told: list[Tenant] | None = None
        self._process: Process | None = None
        self._asked: deque[_Answer] = deque()
        self._room = asyncio.Semaphore(MAX_SLICES)
        self._writing = asyncio.Lock()
        self.there = False
        self.load = 0

    async def run(self) -> None:
        """Keeps one process running until cancelled."""
        while True:
            try:
                await self._live()
            except Exception:  # noqa: BLE001
                _log.exception("helper process failed")
            _log.warning("helper process ended and is started again")
            await asyncio.sleep(RESTART_S)

    async def ready(self, tenant: Tenant, sources: Sequence[Source]) -> list[list[Readied]]:
        self.load += 1
        try:
            async with self._room:
                try:
                    async with asyncio.timeout(SLICE_TIMEOUT_S):
                        return await (await self._ask(tenant, sources))
                except TimeoutError:
                    self._kill()
                    raise _lost() from None
        finally:
            self.load -= 1

    async def _ask(self, tenant: Tenant, sources: Sequence[Source]) -> _Answer:
        content = frames.prepare_frame(tenant, sources)
        async with self._writing:
            process = self._process
            if not self.there or process is None or process.stdin is None:
                raise _lost()
            parties = self._directory.all()
            if self._told != parties:
                self._told = parties
                process.stdin.write(frames.tenants_frame(parties))
            answer: _Answer = asyncio.get_running_loop().create_future()
            self._asked.append(answer)
            process.stdin.write(content)
            # A helper that dies meanwhile is told by its output, which ends.
            with suppress(OSError):
                await process.stdin.drain()
        return answer

    async def _live(self) -> None:
        """One process from its start to its end."""
        self._told = None
        # The keys go through the pipe; the environment and the command line can be seen by others.
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "industry_gateway.intake.helper", stdin=PIPE, stdout=PIPE
        )
        try:
            assert process.stdin is not None
            process.stdin.write(frames.frame([frames.KEYS], self._keys))
            assert process.stdout is not None
            with suppress(asyncio.IncompleteReadError, OSError):
                while True:
                    self._take(*await _next(process.stdout))
        finally:
            self.there = False
            self._process = None
            while self._asked:
                answer = self._asked.popleft()
                if not answer.done():
                    answer.set_exception(_lost())
            await _ended(process)

    def _take(self, head: list[Any], blob: bytes) -> None:
        if head[0] == frames.HELLO:
            self.there = True
            return
        answer = self._asked.popleft()
        if answer.done():  # whoever asked has gone
            return
        if head[0] == frames.FAILED:
            answer.set_exception(RuntimeError(f"a helper process met {head[1]}"))
        else:
            answer.set_result(frames.groups_of(head[1], blob))

    def _kill(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()


async def _next(stream: asyncio.StreamReader) -> tuple[list[Any], bytes]:
    head, blob = frames.PREFIX.unpack(await stream.readexactly(frames.PREFIX.size))
    content = await stream.readexactly(head + blob)
    return orjson.loads(content[:head]), content[head:]


async def _ended(process: Process) -> None:
    """Closes its input, at which it ends; kills it when it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(FAREWELL_S):
            await process.wait()
    except TimeoutError:
        _log.warning("helper process does not end and is killed")
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()


def _lost() -> UnavailableError:
    return UnavailableError(
        "The process that reads documents was lost; what was not acknowledged is not stored.",
        reason="HELPER_LOST",
        remedy="Repeat the push under its idempotency key; when it happens again, push fewer documents.",
    )
