"""Tells who waits: for a transaction's outcome, or for the next block. Nothing is queued per listener."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from chaincode.hosts.embedded.blocks import load_block
from chaincode.hosts.embedded.committer import CommittedBlock
from chaincode.hosts.embedded.store import Reader

CACHED_BLOCKS = 16
CACHED_BYTES = 16 * 1024 * 1024


class ClosedError(Exception):
    """The ledger is stopping: nothing more will come."""


class Feed:
    """Committed blocks and outcomes. A slow listener reads from the database at its own pace."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._height = reader.height()
        self._changed = asyncio.Event()
        self._waiting: defaultdict[str, set[asyncio.Future[tuple[int, int]]]] = defaultdict(set)
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._cached_bytes = 0
        self._closed = False

    @property
    def height(self) -> int:
        """Number of committed blocks."""
        return self._height

    def announce(self, block: CommittedBlock) -> None:
        """A block was committed."""
        self._height = block.number + 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        for txid, code in block.outcomes:
            for future in self._waiting.pop(txid, ()):
                if not future.done():
                    future.set_result((code, block.number))

    def close(self) -> None:
        """Ends everybody's waiting."""
        self._closed = True
        self._changed.set()
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(ClosedError)

    @contextmanager
    def listen(self, txid: str) -> Iterator[asyncio.Future[tuple[int, int]]]:
        """A future of a transaction's code and block, for commits from now on."""
        future: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()
        self._waiting[txid].add(future)
        try:
            yield future
        finally:
            listeners = self._waiting.get(txid)
            if listeners is not None:
                listeners.discard(future)
                if not listeners:
                    del self._waiting[txid]

    async def block(self, number: int) -> bytes:
        """A serialized block; waits until it is committed.

        :raises ClosedError: when the ledger stops meanwhile
        """
        while number >= self._height:
            if self._closed:
                raise ClosedError
            await self._changed.wait()
        cached = self._cache.get(number)
        if cached is not None:
            return cached
        block = load_block(self._reader, number)
        if block is None:
            raise LookupError(f"block {number} is missing from the database")
        self._cache[number] = block
        self._cached_bytes += len(block)
        while len(self._cache) > CACHED_BLOCKS or self._cached_bytes > CACHED_BYTES:
            _, dropped = self._cache.popitem(last=False)
            self._cached_bytes -= len(dropped)
        return block
