"""Verdicts for many transactions from one stream of blocks.

A call of CommitStatus per transaction takes one of the peer's 500 places each, and believes the id in the
header, which another member may have used first. So one follower per process reads full blocks and answers
whoever waits:

1. A verdict counts only for our own envelope: id and digest of the envelope must both be ours.
2. DUPLICATE_TXID on our envelope is no verdict: the first transaction under the id decides. When that is
   ours too (the same bytes submitted twice), its code is the verdict; when it is somebody else's, ours can
   never take effect.
3. A wait that runs out looks the id up once more (``GetTransactionByID`` does not block), and then says
   that the outcome is unknown: "not found" does not mean "never".
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from types import TracebackType

import structlog

from consortium.ledger.blocks import Block
from consortium.ledger.errors import EvaluateError, LedgerError, OutcomeUnknown, StreamError
from consortium.ledger.network import UNKNOWN_BLOCK, Network
from consortium.ledger.stages import Status
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.peer import transaction_pb2

REMEMBERED = 20_000
"""Verdicts kept for those who ask after the block has passed."""

WAIT_S = 60.0
"""How long a wait lasts that says nothing else."""

_log = structlog.get_logger(__name__)
_Key = tuple[str, str]
BlockHandler = Callable[[Block], Awaitable[None]]


class CommitFollower:
    """One block stream of a channel that resolves many waiting transactions.

    :param start: first block; None: the next one to come when it is started
    :param handler: is given each block before its verdicts are, so that a projection is stored when a
        waiter goes on; an exception of it ends the follower
    """

    def __init__(
        self, network: Network, *, start: int | None = None, handler: BlockHandler | None = None
    ) -> None:
        self._network = network
        self._next = start
        self._handler = handler
        self._waiting: dict[_Key, asyncio.Future[Status]] = {}
        self._waiters: dict[_Key, int] = {}
        self._seen: OrderedDict[_Key, Status] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._lookups: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    @property
    def failure(self) -> BaseException | None:
        """Why the stream ended for good; None while it runs."""
        return self._failure

    @property
    def next_block(self) -> int | None:
        """Number of the block that comes next; None before it is started."""
        return self._next

    async def start(self) -> None:
        """Begins to follow. Transactions that are submitted after it returns are seen.

        :raises EvaluateError: no start block was given and nobody tells the height
        """
        if self._next is None:
            self._next = await self._network.height()
        self._task = asyncio.create_task(self._follow(self._next), name="commit-follower")

    async def stop(self) -> None:
        """Ends the stream; those who wait learn that the outcome is unknown."""
        tasks = [task for task in (self._task, *self._lookups) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._fail(StreamError("the follower was stopped"))

    async def __aenter__(self) -> CommitFollower:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def wait(self, txid: str, envelope_digest: str, timeout: float | None = None) -> Status:  # noqa: ASYNC109
        """The verdict about one envelope, from the block that holds it. May be called before or after
        submitting.

        :param envelope_digest: of the signed envelope, see ``PreparedTransaction.envelope_digest``
        :param timeout: seconds; None for 60
        :raises OutcomeUnknown: no verdict in time, or the stream ended for good
        """
        key = (txid, envelope_digest)
        if key in self._seen:
            return self._seen[key]
        if self._failure is not None:
            return await self._last_look(key)
        verdict = self._waiting.setdefault(key, asyncio.get_running_loop().create_future())
        self._waiters[key] = self._waiters.get(key, 0) + 1
        try:
            return await asyncio.wait_for(asyncio.shield(verdict), WAIT_S if timeout is None else timeout)
        except TimeoutError:
            return await self._last_look(key)
        finally:
            self._waiters[key] -= 1
            if not self._waiters[key]:
                del self._waiters[key]
                self._waiting.pop(key, None)

    async def resolve(self, txid: str, envelope_digest: str) -> Status | None:
        """The verdict by looking the id up, without waiting; None when the peer knows no such id yet.

        The block number is -1 when somebody else's transaction used the id.

        :raises EvaluateError: the look-up itself failed
        """
        found = await self._network.transaction(txid)
        if found is None:
            return None
        if found.digest != envelope_digest:
            _log.warning("another transaction used our id", txid=txid)
            return Status(txid, transaction_pb2.DUPLICATE_TXID, UNKNOWN_BLOCK)
        block = await self._network.block_of(txid)
        return Status(txid, found.code, block.number if block else UNKNOWN_BLOCK)

    def feed(self, block: Block) -> None:
        """Gives out a block's verdicts. For who reads the blocks by other means; :meth:`start` does it by
        itself."""
        for transaction in block.transactions:
            if transaction.type != common_pb2.ENDORSER_TRANSACTION or not transaction.txid:
                continue
            key = (transaction.txid, transaction.digest)
            if transaction.code == transaction_pb2.DUPLICATE_TXID:
                self._look_up(key)
                continue
            self._give(key, Status(transaction.txid, transaction.code, block.number))
        self._next = block.number + 1

    def _give(self, key: _Key, status: Status) -> None:
        self._seen[key] = status
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        verdict = self._waiting.get(key)
        if verdict is not None and not verdict.done():
            verdict.set_result(status)

    def _look_up(self, key: _Key) -> None:
        if key not in self._waiting:
            return  # nobody asks; who asks later looks it up when the wait runs out
        task = asyncio.create_task(self._settle_duplicate(key))
        self._lookups.add(task)
        task.add_done_callback(self._lookups.discard)

    async def _settle_duplicate(self, key: _Key) -> None:
        with suppress(LedgerError):  # the wait runs out and looks once more
            status = await self.resolve(*key)
            if status is not None:
                self._give(key, status)

    async def _last_look(self, key: _Key) -> Status:
        txid, digest = key
        try:
            status = await self.resolve(txid, digest)
        except EvaluateError as error:
            raise OutcomeUnknown(txid) from error
        if status is None:
            raise OutcomeUnknown(txid) from self._failure
        self._give(key, status)
        return status

    async def _follow(self, start: int) -> None:
        try:
            async with aclosing(self._network.blocks(start)) as blocks:
                async for block in blocks:
                    if self._handler is not None:
                        await self._handler(block)
                    self.feed(block)
        except Exception as error:  # noqa: BLE001 - who waits must learn it
            _log.exception("commit follower ended", channel=self._network.channel)
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Tells everybody who waits."""
        self._failure = self._failure or error
        for (txid, _), verdict in self._waiting.items():
            if not verdict.done():
                unknown = OutcomeUnknown(txid)
                unknown.__cause__ = error
                verdict.set_exception(unknown)
                verdict.exception()  # fetched, so that a waiter that left does not make the loop complain
