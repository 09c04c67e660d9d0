"""Whether this gateway can do its work: what the health service, ``/healthz`` and ``/metrics`` say.

It serves while its database answers and the stream of blocks is alive and can be stored. A ledger that does not answer
is told, and does not end service: packages and claims that are here can still be read, and calls that need the ledger
say so themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from consortium.errors import ChanrongError
from consortium.reconcile.jobs import Jobs
from consortium.storage.engine import Database
from finance_gateway.follower import BlockHandler
from finance_gateway.ledger import Ledger
from finance_gateway.metrics import Metrics
from finance_gateway.monitor.job import JOB as MONITOR
from finance_gateway.monitor.job import Monitor
from finance_gateway.operations import Operations
from finance_gateway.packages.watch import Watchers

INTERVAL_S: Final = 1.0
ANSWER_S: Final = 3.0
"""How long the database and the ledger may take to answer a check."""

_log = structlog.get_logger("chanrong.finance.health")


@dataclass(frozen=True, slots=True)
class State:
    """What a check found.

    :ivar serving: whether calls are worth sending
    :ivar parts: by part: "ok", or what is wrong
    """

    serving: bool
    parts: dict[str, str]


class Health:
    """Checks one gateway, now and from time to time."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        blocks: BlockHandler,
        operations: Operations,
        jobs: Jobs,
        watchers: Watchers,
        monitor: Monitor,
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._blocks = blocks
        self._operations = operations
        self._jobs = jobs
        self._watchers = watchers
        self._monitor = monitor
        self._metrics = metrics
        self._watching: asyncio.Task[None] | None = None

    async def check(self) -> State:
        """Looks at every part."""
        failure = self._ledger.failure
        database, ledger = await asyncio.gather(_answers(self._database.check), _answers(self._ledger.height))
        follower = "ok" if failure is None else f"blocks are not stored: {type(failure).__name__}"
        serving = database == "ok" and failure is None
        return State(serving, {"database": database, "follower": follower, "ledger": ledger})

    def start(self, tell: Callable[[bool], Awaitable[None]]) -> None:
        """Checks from time to time, and tells whenever the answer changes; it begins as serving."""
        self._watching = asyncio.create_task(self._watch(tell), name="health")

    async def stop(self) -> None:
        """Stops checking."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def _watch(self, tell: Callable[[bool], Awaitable[None]]) -> None:
        told = True
        while True:
            await asyncio.sleep(INTERVAL_S)
            state = await self.check()
            if state.serving != told:
                told = state.serving
                (_log.info if told else _log.error)("serving" if told else "not_serving", **state.parts)
                await tell(told)

    async def figures(self) -> bytes:
        """The metrics as they are now.

        :raises StorageError: the database does not answer
        """
        metrics = self._metrics
        pending, oldest = await self._operations.pending()
        metrics.gauge("operations_pending", "Writes to the ledger without a verdict.", pending)
        metrics.gauge("operations_oldest_seconds", "Age of the oldest of them.", oldest)
        metrics.gauge("blocks_stored", "The next block to be read.", self._ledger.next_block)
        metrics.gauge(
            "follower_alive", "1 while blocks are read and stored.", float(self._ledger.failure is None)
        )
        metrics.gauge(
            "transactions_unreadable",
            "Transactions since the start that could not be read or settled.",
            self._blocks.unreadable,
        )
        metrics.gauge("package_watchers", "Streams that follow packages.", self._watchers.count)
        for job, age in (await self._jobs.ages()).items():
            metrics.job_age(job, age)
        metrics.job_age(MONITOR, await self._monitor.age_s())
        return metrics.exposition()


async def _answers(ask: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(ANSWER_S):
            await ask()
    except TimeoutError:
        return "does not answer"
    except ChanrongError as error:
        return error.reason
    return "ok"
