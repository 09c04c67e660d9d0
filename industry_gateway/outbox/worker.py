"""Carries items to the ledger: many in one transaction, several transactions at once, each exactly once.

One batch's way:

1. Items that are waiting are packed (``backlog``); a lone one goes at once, further ones wait a moment for
   company while other batches are under way. The operation id is chosen now and never changes.
2. The call is endorsed. Nothing is stored yet, because nothing can have happened yet.
3. Batch, operation id and signed envelope are stored in one database transaction. From now on it may have
   been sent.
4. The envelope is submitted.
5. The block stream brings the verdict (``follower``), which stores it with its effects. Without one in time
   the ledger is asked for the id; then the same bytes are sent again, or, when they have grown old, new ones
   are made under the same operation id.
6. A conflict is tried again after a pause, the third time in halves.

A restart begins at step 5 with every batch that owes an outcome. ``offer`` hands over items that are already
stored; what does not fit into memory is read from the database when there is room.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from enum import Enum, auto

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from consortium.contract.reasons import BAD_REQUEST, OPERATION_ID_REUSED
from consortium.errors import ChanrongError, OutcomeUnknownError, UnavailableError
from consortium.storage import failpoints
from consortium.storage.outbox import (
    Action,
    BatchState,
    OutboxPolicy,
    after_silence,
    failures_of_half,
    halves,
    pause_s,
)
from industry_gateway.outbox.backlog import Backlog
from industry_gateway.outbox.follower import BatchVerdict, Follower
from industry_gateway.outbox.model import LANES, Batch, OutboxItem, cut
from industry_gateway.outbox.port import CONTRACT_FAILED, ContractRefusedError, LedgerPort, TooLargeError
from industry_gateway.store import outbox as statements
from industry_gateway.store.database import Database, StaleError

SWEEP_S = 30.0
"""How often the database is asked for items and batches that nobody in this process knows."""
CATCH_UP_S = 10.0
"""How long the block stream may take to reach a height before the ledger is asked again."""
NOTE_AFTER_S = 1.0
"""How long an envelope may be without a verdict before the database is told how far it came."""
RETRY_BASE_S = 0.2
RETRY_MAX_S = 5.0

failpoints.declare(
    "outbox.endorsed",
    "outbox.persisted",
    "outbox.submitted",
    "outbox.noted",
    "outbox.split",
    "outbox.refused",
)

_log = structlog.get_logger(__name__)

RefuseItem = Callable[[AsyncConnection, OutboxItem, str, str], Awaitable[None]]
"""Stores that the contract will never take an item: itself, the contract's reason and words."""


class _Step(Enum):
    """What a batch needs now."""

    PREPARE = auto()
    SEND = auto()
    AWAIT = auto()
    RESOLVE = auto()
    DONE = auto()


class Worker:
    """The outbox worker of one gateway process."""

    def __init__(
        self,
        database: Database,
        ledger: LedgerPort,
        follower: Follower,
        *,
        refuse: RefuseItem,
        policy: OutboxPolicy | None = None,
        clock: Callable[[], float] = time.time,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._follower = follower
        self._refuse = refuse
        self._policy = policy or OutboxPolicy()
        self._clock = clock
        self._fraction = fraction
        self._backlog = Backlog(self._policy)
        self._batches: dict[str, Batch] = {}
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def in_flight(self) -> int:
        """Batches under way."""
        return len(self._batches)

    @property
    def queued(self) -> int:
        """Items waiting in memory."""
        return len(self._backlog)

    def offer(self, items: Iterable[OutboxItem]) -> None:
        """Hands over stored items. Never refuses: what does not fit is read from the database later."""
        self._backlog.offer(items)
        self._wake.set()

    def look(self) -> None:
        """Says that the database may hold items that nobody offered."""
        self._backlog.beyond.update(LANES)
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled; batches under way are left as the database has them."""
        try:
            while not await self._look(first=True):  # noqa: ASYNC110 - a database, not an event
                await asyncio.sleep(RETRY_BASE_S)
            looked = time.monotonic()
            while True:
                self._wake.clear()
                if time.monotonic() - looked > SWEEP_S:
                    await self._look()
                    looked = time.monotonic()
                await self._fill()
                while len(self._batches) < self._policy.max_in_flight:
                    batch = self._backlog.next_batch(in_flight=len(self._batches))
                    if batch is None:
                        break
                    self._start(batch, _Step.PREPARE)
                await self._rest()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _rest(self) -> None:
        lingering = self._backlog.wait_s() if len(self._batches) < self._policy.max_in_flight else None
        # Not wait_for: before Python 3.12 it may swallow a cancellation that comes together with the event.
        with suppress(TimeoutError):
            async with asyncio.timeout(SWEEP_S if lingering is None else lingering):
                await self._wake.wait()

    async def _look(self, *, first: bool = False) -> bool:
        """Takes up batches that owe an outcome and that nobody in this process drives; whether it could
        look.
        """
        now = int(self._clock())
        try:
            async with self._database.read() as connection:
                found = await statements.open_batches(connection, until=now if first else now - int(SWEEP_S))
        except UnavailableError as error:
            _log.warning("outbox cannot read its batches", reason=error.reason)
            return False
        self._backlog.beyond.update(LANES)
        for batch, state, changed_at in found:
            parked = state is BatchState.PARKED and not first
            if batch.batch_id in self._batches or (parked and now - changed_at < self._policy.parked_retry_s):
                continue
            self._start(batch, _Step.RESOLVE if batch.envelope else _Step.PREPARE)
        return True

    async def _fill(self) -> None:
        """Reads waiting items of lanes that may have some beyond memory."""
        for lane in sorted(self._backlog.beyond):
            room = self._backlog.room(lane)
            if not room:
                continue
            held = self._backlog.held(lane)
            try:
                async with self._database.read() as connection:
                    found, more = await statements.waiting_items(connection, lane, room, held)
            except UnavailableError as error:
                _log.warning("outbox cannot read its items", reason=error.reason)
                await asyncio.sleep(RETRY_MAX_S)
                self._wake.set()
                return
            self._backlog.refill(lane, found, more=more)

    # ------------------------------------------------------------------ one batch's way

    def _start(self, batch: Batch, step: _Step) -> None:
        self._batches[batch.batch_id] = batch
        self._follower.expect(batch)
        task = asyncio.create_task(self._drive(batch, step), name=f"outbox-{batch.batch_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drive(self, batch: Batch, step: _Step) -> None:
        """Takes one batch through its steps until it owes nothing more, or somebody else has taken it
        over.
        """
        steps: dict[_Step, Callable[[Batch], Awaitable[_Step]]] = {
            _Step.PREPARE: self._prepare,
            _Step.SEND: self._send,
            _Step.AWAIT: self._await,
            _Step.RESOLVE: self._resolve,
        }
        errors = 0
        try:
            while step is not _Step.DONE:
                try:
                    step = await steps[step](batch)
                    errors = 0
                except ChanrongError as error:
                    errors += 1
                    _log.warning("batch waits", batch=batch.batch_id, step=step.name, reason=error.reason)
                    pause = min(RETRY_MAX_S, RETRY_BASE_S * 2.0**errors)
                    await asyncio.sleep(pause * (0.5 + self._fraction() / 2))
        except StaleError as stale:
            _log.info("batch was taken over", batch=batch.batch_id, why=str(stale))
        except Exception:  # noqa: BLE001
            # A defect must cost one batch a delay, not the worker its life: a look takes the batch up again.
            _log.exception("batch failed unexpectedly", batch=batch.batch_id)
        finally:
            self._leave(batch)

    def _leave(self, batch: Batch) -> None:
        self._batches.pop(batch.batch_id, None)
        self._follower.forget(batch.batch_id)
        self._backlog.done(batch)
        if not batch.stored and batch.items:
            self._backlog.beyond.add(batch.lane)
        self._wake.set()

    async def _prepare(self, batch: Batch) -> _Step:
        """Steps 2 and 3."""
        if batch.failures:
            await asyncio.sleep(pause_s(batch.failures, self._fraction(), self._policy))
        try:
            prepared = await self._ledger.prepare(LANES[batch.lane].function, batch.request())
        except (ContractRefusedError, TooLargeError) as refusal:
            return await self._refused(batch, refusal)
        failpoints.reach("outbox.endorsed")
        if batch.stored and orjson.loads(prepared.result).get("replayed"):
            return await self._happened(batch)
        batch.txid, batch.envelope = prepared.txid, prepared.envelope
        batch.prepared_at = int(self._clock())
        async with self._database.write() as connection:
            if batch.stored:
                await statements.advance(
                    connection,
                    batch.batch_id,
                    batch.version,
                    BatchState.ENDORSED,
                    batch.failures,
                    at=batch.prepared_at,
                )
            else:
                await statements.store_batch(connection, batch, BatchState.ENDORSED, at=batch.prepared_at)
            await statements.add_attempt(connection, batch, prepared.digest)
        batch.version += 1
        self._backlog.stored(batch)
        failpoints.reach("outbox.persisted")
        return _Step.SEND

    async def _send(self, batch: Batch) -> _Step:
        """Step 4."""
        if self._age_s(batch) >= self._policy.envelope_max_age_s:
            return _Step.RESOLVE
        self._follower.expect(batch)
        try:
            await self._ledger.submit(batch.envelope)
        except OutcomeUnknownError:
            await self._note(batch, BatchState.UNKNOWN)
            return _Step.AWAIT
        except TooLargeError as refusal:
            # Peers take more than orderers do, and endorsed writes are larger than what was asked.
            return await self._refused(batch, refusal)
        failpoints.reach("outbox.submitted")
        return _Step.AWAIT

    async def _await(self, batch: Batch) -> _Step:
        """Step 5, the usual way: the block comes."""
        future = self._follower.expect(batch)
        # Mostly the verdict is here before a note would be: it is written only for those who look later.
        for wait_s, state in (
            (min(NOTE_AFTER_S, self._policy.outcome_timeout_s), BatchState.SUBMITTED),
            (self._policy.outcome_timeout_s, BatchState.UNKNOWN),
        ):
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await asyncio.shield(future)
            if future.done():
                return await self._judged(batch, future.result())
            await self._note(batch, state)
            failpoints.reach("outbox.noted")
        return _Step.RESOLVE

    async def _resolve(self, batch: Batch) -> _Step:
        """Step 5, when no verdict came, or after a restart."""
        future = self._follower.expect(batch)
        on_ledger = await self._ledger.knows(batch.txid)
        caught_up = await self._follower.reached(await self._ledger.height(), CATCH_UP_S)
        if future.done():
            return await self._judged(batch, future.result())
        moved = await self._moved(batch)
        if moved is not None:
            return moved
        action = after_silence(
            age_s=self._age_s(batch), on_ledger=on_ledger, caught_up=caught_up, policy=self._policy
        )
        if action is Action.WAIT:
            return _Step.AWAIT
        return _Step.SEND if action is Action.SUBMIT_SAME else _Step.PREPARE

    async def _moved(self, batch: Batch) -> _Step | None:
        """What the database says of a batch that may have moved on without this process; None: nothing
        new.
        """
        async with self._database.read() as connection:
            row = await statements.batch_row(connection, batch.batch_id)
        if row is None or row.version == batch.version:
            return None
        state = BatchState(row.state)
        if state is not BatchState.PACKED:
            return _Step.DONE
        batch.version, batch.failures = row.version, row.failures
        return _Step.PREPARE

    async def _judged(self, batch: Batch, verdict: BatchVerdict) -> _Step:
        """What follows a verdict that is stored."""
        if verdict.action in (Action.FINISH, Action.PARK):
            if verdict.action is Action.PARK:
                _log.error("batch is parked: the ledger rejects it", batch=batch.batch_id, txid=verdict.txid)
            return _Step.DONE
        if verdict.action is Action.WAIT:
            return _Step.RESOLVE
        batch.version, batch.failures = verdict.version, verdict.failures
        _log.info(
            "batch is tried again", batch=batch.batch_id, verdict=verdict.verdict, failures=batch.failures
        )
        if verdict.action is Action.SPLIT:
            return await self._split(batch)
        return _Step.PREPARE

    async def _happened(self, batch: Batch) -> _Step:
        """The contract knows the operation: an earlier envelope took effect, and its block has come or is
        coming.
        """
        await self._follower.reached(await self._ledger.height(), CATCH_UP_S)
        async with self._database.read() as connection:
            row = await statements.batch_row(connection, batch.batch_id)
        if row is not None and row.state == BatchState.COMMITTED:
            return _Step.DONE
        # The envelope is not in this database (restored from a backup, say). A new operation id asks for the
        # results anew: each item is put-if-absent by itself.
        return await self._divide(batch, [list(batch.items)])

    async def _refused(self, batch: Batch, refusal: ContractRefusedError | TooLargeError) -> _Step:
        """The contract took none of it: smaller batches tell which item is to blame, and one item is
        refused.
        """
        if refusal.reason == OPERATION_ID_REUSED:
            return await self._divide(batch, [list(batch.items)])
        if refusal.reason not in (BAD_REQUEST, TooLargeError.reason, CONTRACT_FAILED):
            # Not about the items: versions that differ, clocks that differ.
            raise UnavailableError(refusal.message, reason=refusal.reason)
        if len(batch.items) > 1:
            return await self._split(batch)
        if refusal.reason == CONTRACT_FAILED:
            return await self._park(batch, refusal.reason)
        _log.error("item is refused", lane=batch.lane, reason=refusal.reason)
        async with self._database.write() as connection:
            if not batch.stored:
                await statements.store_batch(connection, batch, BatchState.PACKED, at=int(self._clock()))
                batch.version = 1
            await self._refuse(connection, batch.items[0], refusal.reason, refusal.message)
            await statements.drop_items(connection, batch.batch_id)
            await statements.advance(
                connection,
                batch.batch_id,
                batch.version,
                BatchState.COMMITTED,
                batch.failures,
                at=int(self._clock()),
            )
            failpoints.reach("outbox.refused")
        return _Step.DONE

    async def _park(self, batch: Batch, reason: str) -> _Step:
        """Sets an item aside on which the contract itself fails; a look takes it up again later."""
        _log.error("item is parked: the contract fails on it", lane=batch.lane, reason=reason)
        at = int(self._clock())
        async with self._database.write() as connection:
            if batch.stored:
                await statements.advance(
                    connection, batch.batch_id, batch.version, BatchState.PARKED, batch.failures, at=at
                )
            else:
                await statements.store_batch(connection, batch, BatchState.PARKED, at=at)
        batch.version += 1
        return _Step.DONE

    async def _split(self, batch: Batch) -> _Step:
        """Step 6: two halves go on by themselves."""
        first, _ = halves(len(batch.items))
        return await self._divide(batch, [list(batch.items[:first]), list(batch.items[first:])])

    async def _divide(self, batch: Batch, parts: list[list[OutboxItem]]) -> _Step:
        failures = failures_of_half(self._policy) if len(parts) > 1 and batch.stored else batch.failures
        whole = cut(parts)
        children = [Batch(batch.lane, part, failures=failures) for part in whole]
        if batch.stored or whole != parts:
            at = int(self._clock())
            async with self._database.write() as connection:
                if not batch.stored:  # a parcel is cut in the database, or not at all
                    await statements.store_batch(connection, batch, BatchState.PACKED, at=at)
                    batch.version = 1
                await statements.split_batch(connection, batch, children, at=at)
                failpoints.reach("outbox.split")
            self._backlog.stored(batch)
            for child in children:
                child.version = 1
        batch.items = []  # they belong to the children now
        for child in children:
            self._start(child, _Step.PREPARE)
        return _Step.DONE

    async def _note(self, batch: Batch, state: BatchState) -> None:
        async with self._database.write() as connection:
            await statements.note_state(connection, batch, state)

    def _age_s(self, batch: Batch) -> float:
        return self._clock() - batch.prepared_at
