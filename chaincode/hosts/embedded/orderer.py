"""The ordering service: takes envelopes, cuts blocks, hands them to the committer's thread, tells who waits.

A block takes what is there when the committer is free, up to the limits on transactions and bytes; an
envelope above the preferred size gets a block of its own. What is accepted is in memory only, as with any
single orderer: it may still vanish when the process dies, and its client sends the same bytes again. What is
told as committed is on disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor

import structlog

from chaincode.hosts.embedded.committer import CommittedBlock, Committer
from chaincode.hosts.embedded.settings import EmbeddedSettings
from chaincode.hosts.embedded.validator import Checked

RETRY_S = (0.1, 0.5, 1.0, 2.0, 5.0)
SPACE_TIMEOUT_S = 30.0
log = structlog.get_logger(__name__)


class UnavailableError(Exception):
    """The envelope was not taken."""


class Orderer:
    """Queue, block cutter and notifier of one channel."""

    def __init__(
        self,
        settings: EmbeddedSettings,
        committer: Committer,
        thread: Executor,
        on_block: Callable[[CommittedBlock], None],
        on_health: Callable[[bool], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._committer = committer
        self._thread = thread
        self._on_block = on_block
        self._on_health = on_health
        self._queue: deque[Checked] = deque()
        self._queued_bytes = 0
        self._arrived = asyncio.Event()
        self._space = asyncio.Condition()
        self._stopping = False
        self._failure = ""
        self._task: asyncio.Task[None] | None = None

    @property
    def failure(self) -> str:
        """Why blocks cannot be stored at present; empty when they can."""
        return self._failure

    def start(self) -> None:
        """Begins to cut blocks."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Takes nothing more, commits what was taken, and ends."""
        self._stopping = True
        self._arrived.set()
        if self._task is not None:
            await self._task

    async def order(self, checked: Checked) -> None:
        """Takes one envelope; waits while the queue is full.

        :raises UnavailableError: when the ledger stops, cannot write, or stays full
        """
        try:
            async with asyncio.timeout(SPACE_TIMEOUT_S), self._space:
                await self._space.wait_for(
                    lambda: self._stopping or bool(self._failure) or self._has_space(checked)
                )
        except TimeoutError as error:
            raise UnavailableError("the ordering queue is full") from error
        if self._stopping:
            raise UnavailableError("the ledger is stopping")
        if self._failure:
            raise UnavailableError(f"the ledger cannot write: {self._failure}")
        self._queue.append(checked)
        self._queued_bytes += len(checked.envelope)
        self._arrived.set()

    def _has_space(self, checked: Checked) -> bool:
        return not self._queue or (
            len(self._queue) < self._settings.max_queued_transactions
            and self._queued_bytes + len(checked.envelope) <= self._settings.max_queued_bytes
        )

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            if not self._queue:
                if self._stopping:
                    return
                self._arrived.clear()
                continue
            if self._settings.batch_timeout_ms and not self._stopping:
                await self._linger()
            batch = self._cut()
            await self._commit(batch)
            async with self._space:
                self._space.notify_all()

    async def _linger(self) -> None:
        """Waits for company until the block is full or its time is up."""
        try:
            async with asyncio.timeout(self._settings.batch_timeout_ms / 1000):
                while not self._full() and not self._stopping:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            self._arrived.set()

    def _full(self) -> bool:
        return (
            len(self._queue) >= self._settings.max_block_transactions
            or self._queued_bytes >= self._settings.max_block_bytes
        )

    def _cut(self) -> list[Checked]:
        batch: list[Checked] = []
        size = 0
        while self._queue and len(batch) < self._settings.max_block_transactions:
            length = len(self._queue[0].envelope)
            if batch and size + length > self._settings.max_block_bytes:
                break
            batch.append(self._queue.popleft())
            size += length
        self._queued_bytes -= size
        return batch

    async def _commit(self, batch: list[Checked]) -> None:
        """Commits a batch; while the database cannot be written, the batch waits and nothing new is taken."""
        attempt = 0
        while True:
            try:
                block = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._committer.commit, batch
                )
                break
            except sqlite3.Error as error:
                self._failure = str(error)
                await self._on_health(False)
                log.error("block not stored, will retry", error=str(error), transactions=len(batch))
                async with self._space:
                    self._space.notify_all()
                if self._stopping:
                    return
                await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
                attempt += 1
            except Exception:
                log.exception("block not made", transactions=len(batch))
                if len(batch) == 1:
                    return
                for item in batch:
                    await self._commit([item])
                return
        self._on_block(block)
        if self._failure:
            self._failure = ""
            await self._on_health(True)
