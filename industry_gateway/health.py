"""Whether the gateway can do its work, and figures for those who watch it."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from collections.abc import Iterable
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest

from consortium.errors import ChanrongError
from industry_gateway.intake.results import Outcome
from industry_gateway.outbox.follower import Follower
from industry_gateway.outbox.port import LedgerPort
from industry_gateway.outbox.worker import Worker
from industry_gateway.store import outbox
from industry_gateway.store.database import Database

CHECK_TIMEOUT_S = 3.0
"""A database or ledger that takes longer is not healthy."""


class HealthCheck:
    """Asks the parts that the gateway cannot do without."""

    def __init__(self, database: Database, ledger: LedgerPort, follower: Follower, worker: Worker) -> None:
        self._database = database
        self._ledger = ledger
        self._follower = follower
        self._worker = worker

    async def look(self) -> tuple[bool, dict[str, Any]]:
        """Whether all is well, and what was found."""
        database = await self._state(self._database.check())
        height = 0
        ledger = "ok"
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                height = await self._ledger.height()
        except TimeoutError:
            ledger = "timeout"
        except ChanrongError as error:
            ledger = error.reason
        ok = database == "ok" and ledger == "ok"
        return ok, {
            "status": "ok" if ok else "failing",
            "database": database,
            "ledger": ledger,
            "height": height,
            "next_block": self._follower.next_block,
            "queued": self._worker.queued,
            "in_flight": self._worker.in_flight,
        }

    async def _state(self, check: Any) -> str:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await check
        except TimeoutError:
            return "timeout"
        except ChanrongError as error:
            return error.reason
        return "ok"


class Metrics:
    """Prometheus figures of one gateway."""

    def __init__(self, database: Database, follower: Follower, worker: Worker) -> None:
        self._database = database
        self._follower = follower
        self._worker = worker
        self._registry = CollectorRegistry()
        self._documents = Counter(
            "chanrong_intake_documents",
            "Pushed documents by result",
            ["status"],
            registry=self._registry,
        )
        self._next_block = Gauge(
            "chanrong_ledger_next_block", "First block not dealt with yet", registry=self._registry
        )
        self._queued = Gauge(
            "chanrong_outbox_queued_items", "Items waiting in memory", registry=self._registry
        )
        self._in_flight = Gauge(
            "chanrong_outbox_batches_in_flight", "Transactions under way", registry=self._registry
        )
        self._owed = Gauge(
            "chanrong_outbox_items",
            "Items that the ledger does not have yet",
            ["lane"],
            registry=self._registry,
        )

    def pushed(self, outcomes: Iterable[Outcome]) -> None:
        """Counts the results of a push."""
        for status, count in Tally(str(each.status) for each in outcomes).items():
            self._documents.labels(status).inc(count)

    async def render(self) -> tuple[bytes, str]:
        """The figures now, and their media type."""
        async with self._database.read() as connection:
            owed = await outbox.count_items(connection)
        for lane in ("register", "link", "fact", "alias"):
            self._owed.labels(lane).set(owed.get(lane, 0))
        self._next_block.set(self._follower.next_block)
        self._queued.set(self._worker.queued)
        self._in_flight.set(self._worker.in_flight)
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
