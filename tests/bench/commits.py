"""When documents are on the ledger: counted in the events of every peer, whoever wrote them.

One stream per peer is open in every measurement, so all pay the same for being watched.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from consortium.ledger.network import Network
from tests.bench.target import Target

REGISTERED = b'"status":"registered"'
WAIT_S = 180.0


class Commits:
    """Counts documents registered on each peer."""

    def __init__(self, peers: int) -> None:
        self._counts = [0] * peers
        self._news = asyncio.Condition()
        self._failure: BaseException | None = None

    async def wait(self, documents: int) -> float:
        """Waits until every peer has this many more documents than at the last wait; the time then.

        :returns: seconds since 1970, as other processes' clocks tell it
        :raises TimeoutError: they did not come
        """
        async with asyncio.timeout(WAIT_S), self._news:
            await self._news.wait_for(lambda: min(self._counts) >= documents or self._failure is not None)
            if self._failure is not None:
                raise self._failure
            at = time.time()
            self._counts = [count - documents for count in self._counts]
        return at

    async def follow(self, peer: int, network: Network, chaincode: str, start: int) -> None:
        """Counts what one peer tells, for ever; who waits is told when that ends."""
        try:
            await self._count(peer, network, chaincode, start)
        except Exception as error:
            async with self._news:
                self._failure = error
                self._news.notify_all()

    async def _count(self, peer: int, network: Network, chaincode: str, start: int) -> None:
        async with aclosing(network.chaincode_events(chaincode, start)) as events:
            async for event in events:
                found = event.payload.count(REGISTERED) if event.name == "documents" else 0
                if found:
                    async with self._news:
                        self._counts[peer] += found
                        self._news.notify_all()


@asynccontextmanager
async def watching(target: Target) -> AsyncIterator[Commits]:
    """Watches every peer while the block lasts."""
    commits = Commits(len(target.peers))
    async with AsyncExitStack() as stack:
        tasks = []
        for number, peer in enumerate(target.peers):
            client = await stack.enter_async_context(target.gateway([peer]))
            network = client.network(target.channel)
            start = await network.height()
            tasks.append(asyncio.create_task(commits.follow(number, network, target.chaincode, start)))
        try:
            yield commits
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
