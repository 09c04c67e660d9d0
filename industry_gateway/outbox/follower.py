"""Reads the ledger's blocks and stores, per block and in one database transaction, what they mean for this
gateway.

1. The stream starts at the stored checkpoint.
2. Each block's transactions are compared with our envelopes, by id and by digest of the bytes.
3. Verdicts, their effects and the new checkpoint are stored together: a kill before the commit repeats the
   block, a kill after it does not.
4. Whoever waits for a verdict is told after the commit, never before.

Blocks that hold nothing of interest move the checkpoint only now and then: reading one twice does no harm.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from consortium.errors import ChanrongError
from consortium.storage import failpoints
from consortium.storage.outbox import VALID, Action, BatchState, OutboxPolicy, Verdict, after_verdict, judge
from industry_gateway.outbox.model import Batch, OutboxItem
from industry_gateway.outbox.port import LedgerBlock, LedgerPort, LedgerTransaction
from industry_gateway.store import outbox as statements
from industry_gateway.store.database import Database
from industry_gateway.store.outbox import Attempt
from industry_gateway.store.tables import checkpoints

STREAM = "blocks"
CHECKPOINT_EVERY_BLOCKS = 64
RETRY_S = 1.0

failpoints.declare("follower.before_commit", "follower.after_commit")

_log = structlog.get_logger(__name__)

Effect = Callable[[AsyncConnection, Attempt, Sequence[OutboxItem], LedgerTransaction, int], Awaitable[None]]
"""Stores what a valid transaction of ours means for its items; the last argument is the block's number."""


class Observer(Protocol):
    """Somebody who stores what anybody's valid transactions mean."""

    def wants(self, transaction: LedgerTransaction) -> bool:
        """Whether a transaction is of interest; asked before a database transaction begins."""
        ...

    async def observe(self, connection: AsyncConnection, transaction: LedgerTransaction, block: int) -> None:
        """Stores what it means."""
        ...


@dataclass(frozen=True, slots=True)
class BatchVerdict:
    """A verdict on a batch, as stored.

    :param state: the batch's state after it
    :param version: the batch's version after it
    :param action: what the worker has to do now
    """

    batch_id: str
    txid: str
    verdict: Verdict
    state: BatchState
    failures: int
    version: int
    action: Action


class Follower:
    """Follows the ledger's blocks for one gateway."""

    def __init__(
        self,
        database: Database,
        ledger: LedgerPort,
        *,
        msp_id: str,
        effect: Effect,
        observers: Sequence[Observer] = (),
        policy: OutboxPolicy | None = None,
        after_block: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._msp_id = msp_id
        self._effect = effect
        self._observers = tuple(observers)
        self._policy = policy or OutboxPolicy()
        self._after_block = after_block
        self._clock = clock
        self._waiting: dict[str, asyncio.Future[BatchVerdict]] = {}
        self._items: dict[str, Sequence[OutboxItem]] = {}
        self._batches_of: dict[str, str] = {}
        self._watched: dict[str, asyncio.Future[LedgerTransaction]] = {}
        self._moved = asyncio.Condition()
        self.next_block = 0
        """The first block that has not been dealt with."""

    def expect(self, batch: Batch) -> asyncio.Future[BatchVerdict]:
        """A future for the next verdict on a batch. Ask before submitting."""
        self._items[batch.batch_id] = batch.items
        if batch.txid:
            self._batches_of[batch.txid] = batch.batch_id
        future = self._waiting.get(batch.batch_id)
        if future is None or future.done():
            future = asyncio.get_running_loop().create_future()
            self._waiting[batch.batch_id] = future
        return future

    def forget(self, batch_id: str) -> None:
        """Nobody waits for this batch any longer."""
        self._waiting.pop(batch_id, None)
        self._items.pop(batch_id, None)
        for txid in [name for name, owner in self._batches_of.items() if owner == batch_id]:
            del self._batches_of[txid]

    def watch(self, txid: str) -> asyncio.Future[LedgerTransaction]:
        """A future for the first transaction that a block holds under an id. Ask before submitting."""
        return self._watched.setdefault(txid, asyncio.get_running_loop().create_future())

    def unwatch(self, txid: str) -> None:
        """Nobody waits for this id any longer."""
        self._watched.pop(txid, None)

    async def reached(self, height: int, timeout_s: float) -> bool:
        """Waits until all blocks below a height are dealt with; whether that happened in time."""
        try:
            async with asyncio.timeout(timeout_s), self._moved:
                await self._moved.wait_for(lambda: self.next_block >= height)
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Follows until cancelled."""
        while True:
            try:
                await self._load()
                async with aclosing(self._ledger.blocks(self.next_block)) as blocks:  # type: ignore[type-var]
                    async for block in blocks:
                        await self._take(block)
            except ChanrongError as error:
                _log.warning("block follower pauses", reason=error.reason, next_block=self.next_block)
            except Exception:  # noqa: BLE001
                # Going on without the block would lose what it says: it is read again, and somebody must
                # look.
                _log.exception("block follower cannot store a block", next_block=self.next_block)
            await asyncio.sleep(RETRY_S)

    async def _load(self) -> None:
        async with self._database.read() as connection:
            stored = await connection.scalar(
                select(checkpoints.c.next_block).where(checkpoints.c.stream == STREAM)
            )
        self.next_block = stored or 0

    async def _take(self, block: LedgerBlock) -> None:
        verdicts, stored = await self.store(block)
        self.next_block = block.number + 1
        for transaction in block.transactions:
            watched = self._watched.pop(transaction.txid, None)
            if watched is not None and not watched.done():
                watched.set_result(transaction)
        for verdict in verdicts:
            future = self._waiting.pop(verdict.batch_id, None)
            if future is not None and not future.done():
                future.set_result(verdict)
        async with self._moved:
            self._moved.notify_all()
        if stored:
            self._after_block()

    async def store(self, block: LedgerBlock) -> tuple[list[BatchVerdict], bool]:
        """Stores what a block means; the verdicts on our batches, and whether there was anything to store."""
        known = await self._own(block)
        observed = [
            (observer, each)
            for each in block.transactions
            if each.code == VALID
            for observer in self._observers
            if observer.wants(each)
        ]
        if not known and not observed:
            if block.number % CHECKPOINT_EVERY_BLOCKS == 0:
                async with self._database.write() as connection:
                    await _checkpoint(connection, block.number + 1)
            return [], False
        verdicts: list[BatchVerdict] = []
        async with self._database.write() as connection:
            attempts = await statements.attempts_by_txid(connection, sorted(known))
            for transaction in block.transactions:
                attempt = attempts.get(transaction.txid)
                if attempt is not None:
                    verdict = await self._judge(connection, attempt, transaction, block.number)
                    if verdict is not None:
                        verdicts.append(verdict)
                        attempts = _after(attempts, verdict, transaction)
            for observer, transaction in observed:
                await observer.observe(connection, transaction, block.number)
            await _checkpoint(connection, block.number + 1)
            failpoints.reach("follower.before_commit")
        failpoints.reach("follower.after_commit")
        return verdicts, True

    async def _own(self, block: LedgerBlock) -> frozenset[str]:
        """Transaction ids of ours. What is under way is in memory, whoever the ledger says used the id; what
        an earlier process signed is in the database.
        """
        there = {each.txid for each in block.transactions if each.txid in self._batches_of}
        unsure = [
            each.txid
            for each in block.transactions
            if each.creator == self._msp_id and each.txid not in self._batches_of
        ]
        if unsure:
            async with self._database.read() as connection:
                there |= await statements.own_txids(connection, unsure)
        return frozenset(there)

    async def _judge(
        self, connection: AsyncConnection, attempt: Attempt, transaction: LedgerTransaction, block: int
    ) -> BatchVerdict | None:
        """Stores a verdict; None when it changes nothing, as another envelope of the batch is under way."""
        verdict = judge(
            transaction.code,
            own_bytes=transaction.digest == attempt.digest,
            first_use=attempt.code is None,
        )
        state = BatchState(attempt.state)
        if verdict is not Verdict.NONE:
            await statements.judge_attempt(connection, attempt.txid, code=transaction.code, block=block)
        if verdict is Verdict.NONE or state in (BatchState.COMMITTED, BatchState.SPLIT):
            action = Action.FINISH if state is BatchState.COMMITTED else Action.WAIT
            return BatchVerdict(
                attempt.batch_id, attempt.txid, verdict, state, attempt.failures, attempt.version, action
            )
        action = after_verdict(verdict, failures=attempt.failures, items=attempt.items, policy=self._policy)
        if action is Action.FINISH:
            state, failures = BatchState.COMMITTED, attempt.failures
            # The worker that drives the batch has its items in memory; after a restart the database has.
            items = self._items.get(attempt.batch_id) or await statements.items_of(
                connection, attempt.batch_id
            )
            await self._effect(connection, attempt, items, transaction, block)
            await statements.drop_items(connection, attempt.batch_id)
        elif await statements.has_open_attempt(connection, attempt.batch_id):
            return None
        else:
            state = BatchState.PARKED if action is Action.PARK else BatchState.PACKED
            failures = attempt.failures + 1
        at = int(self._clock())
        await statements.advance(connection, attempt.batch_id, attempt.version, state, failures, at=at)
        version = attempt.version + 1
        return BatchVerdict(attempt.batch_id, attempt.txid, verdict, state, failures, version, action)


def _after(
    attempts: dict[str, Attempt], verdict: BatchVerdict, transaction: LedgerTransaction
) -> dict[str, Attempt]:
    """The attempts as they stand after a verdict, for further envelopes of the same batch in the same
    block.
    """
    return {
        txid: replace(
            each,
            state=verdict.state,
            failures=verdict.failures,
            version=verdict.version,
            code=transaction.code if txid == transaction.txid and each.code is None else each.code,
        )
        if each.batch_id == verdict.batch_id
        else each
        for txid, each in attempts.items()
    }


async def _checkpoint(connection: AsyncConnection, next_block: int) -> None:
    """Moves the checkpoint; never back, as another replica may be ahead."""
    done = await connection.execute(
        update(checkpoints)
        .where(checkpoints.c.stream == STREAM, checkpoints.c.next_block <= next_block)
        .values(next_block=next_block)
    )
    if (
        done.rowcount == 0
        and await connection.scalar(select(checkpoints.c.stream).where(checkpoints.c.stream == STREAM))
        is None
    ):
        await connection.execute(insert(checkpoints).values(stream=STREAM, next_block=next_block))
