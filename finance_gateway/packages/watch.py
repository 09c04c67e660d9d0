"""Following what happens to packages: one look at the events for all who watch.

Events are numbered in the order in which blocks were stored, so whoever reads on from a number misses none and sees
none twice, also after a disconnect or at another replica.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import structlog

from consortium.errors import OverloadedError, UnavailableError
from consortium.storage.engine import Database
from finance_gateway.packages import store
from finance_gateway.packages.store import PackageEvent, PackageRow

EVENTS_PER_READ: Final = 100
MAX_WATCHERS: Final = 64
"""Streams at once: each takes a place of the server's concurrent calls for as long as it lasts."""

LOOK_INTERVAL_S: Final = 1.0
"""Another replica's events come without a notice, so it is looked for them now and then."""

_log = structlog.get_logger("chanrong.finance.packages")


class Watchers:
    """Those who follow packages at this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed = asyncio.Condition()
        self._latest = 0
        self._looker: asyncio.Task[None] | None = None
        self.count = 0
        """Streams that run."""

    async def notify(self) -> None:
        """Says that there may be new events."""
        await self._look()

    async def latest(self) -> int:
        """Number of the newest event; 0 when there is none.

        :raises StorageError: the database does not answer
        """
        async with self._database.read() as session:
            return await store.last_sequence(session)

    async def watch(
        self, after: int, package_id: str
    ) -> AsyncGenerator[tuple[PackageEvent, PackageRow], None]:
        """Events as they come, with the package as it is then; from now on when ``after`` is 0.

        :raises OverloadedError: too many watch already
        :raises NotFoundError: there is no such package
        """
        if self.count >= MAX_WATCHERS:
            raise OverloadedError(
                f"{MAX_WATCHERS} streams follow packages already.",
                remedy="Let several readers share one stream.",
            )
        self.count += 1
        if self._looker is None:
            self._looker = asyncio.create_task(self._look_forever(), name="package-watch")
        try:
            async with self._database.read() as session:
                seen = after or await store.last_sequence(session)
                if package_id:
                    await store.get(session, package_id)
            while True:
                async with self._database.read() as session:
                    # Before the events, so that none that comes in between is taken for seen.
                    latest = await store.last_sequence(session)
                    events = await store.events_after(session, seen, package_id, EVENTS_PER_READ)
                    rows = [(event, await store.get(session, event.package_id)) for event in events]
                for event, row in rows:
                    yield event, row
                    seen = event.sequence
                if len(rows) < EVENTS_PER_READ:
                    seen = max(seen, latest)
                    async with self._changed:
                        await self._changed.wait_for(lambda: self._latest > seen)  # noqa: B023 - awaited here
        finally:
            self.count -= 1
            if not self.count and self._looker is not None:
                self._looker.cancel()
                self._looker = None

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            await self._look()

    async def _look(self) -> None:
        if not self.count:
            return
        try:
            async with self._database.read() as session:
                latest = await store.last_sequence(session)
        except UnavailableError as error:
            _log.warning("package_events_not_read", reason=error.reason)
            return
        async with self._changed:
            if latest > self._latest:
                self._latest = latest
                self._changed.notify_all()
