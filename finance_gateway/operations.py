"""Writes to the ledger that happen exactly once, wherever this process is killed.

1. The operation (its id, function and request bytes) is stored in the same database transaction as what it is about.
   From then on it will be done.
2. It is endorsed. Where the contract answers that it knows the operation, its effect is on the ledger: go on with 5.
3. The transaction id is stored. From then on it may have been sent.
4. It is submitted, and its verdict awaited from the stream of blocks, for these very bytes.
5. The block that holds it settles it: result, what the result changes in this gateway's tables, and the checkpoint of
   the stream are one database transaction (:mod:`finance_gateway.follower`). So tables and checkpoint always agree, and
   an operation is settled by whichever replica reads the block first, also if nobody waits for it any more.
6. A lost race, a failure or silence: a new transaction under the *same* operation id, from step 2. After a crash,
   pending operations go on from step 2.

Why a new transaction is safe although the one before may still be on its way: the contract reads and writes the
operation's record in every one of them. Two that were endorsed before either was in a block both read "not there";
the block's order makes the first valid, and the second loses by its read version. One that is endorsed later is
answered with the stored result and changes nothing. So the signed envelope need not be kept: whatever becomes of it,
there is one effect, and its block says which.

A refusal of the whole call ends an operation only if no transaction of it was ever about to be sent (step 3).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import orjson
import structlog
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.contract.claims import opening_key
from consortium.contract.codec import ContractRefusedError, encode, read_results
from consortium.errors import ChanrongError, ConflictError, OutcomeUnknownError, UnavailableError
from consortium.storage import failpoints
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database
from consortium.storage.leases import database_time, rows_changed
from finance_gateway.ledger import Endorsed, LostRaceError
from finance_gateway.store.tables import claims, operations

MAX_ATTEMPTS: Final = 16
"""Transactions tried for one operation in one go; after that it is pending, and the resumer goes on."""

GIVE_UP_S: Final = 60.0
"""No further attempt begins after so long; the caller learns that it is pending."""

PAUSE_S: Final = 0.05
"""First pause between attempts; grows with every one, to 32 times as much."""

RESUME_INTERVAL_S: Final = 5.0
"""How often operations that are still pending are run again."""

RESUME_AGE_S: Final = 30
"""Only operations this old are taken up: younger ones are being run by who stored them."""

RESUMED_AT_ONCE: Final = 8
MAX_RESUMED: Final = 1_000
"""Operations read in one round."""

AFTER_STORE: Final = "operation.stored"
AFTER_ENDORSE: Final = "operation.endorsed"
AFTER_TRIED: Final = "operation.tried"
AFTER_COMMIT: Final = "operation.committed"
failpoints.declare(AFTER_STORE, AFTER_ENDORSE, AFTER_TRIED, AFTER_COMMIT)

_log = structlog.get_logger("chanrong.finance.operations")

Results = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One stored write: the contract function, its request, and the claims whose openings go along."""

    op: str
    function: str
    request: bytes
    claims: tuple[str, ...] = ()

    @property
    def items(self) -> list[dict[str, Any]]:
        """What is asked, item by item."""
        return list(orjson.loads(self.request)["items"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an operation.

    :ivar results: the contract's result per item, each with ``txid``; none when it refused the whole call
    :ivar reason: why it refused the whole call
    """

    results: Results = field(default_factory=list)
    reason: str = ""
    message: str = ""

    def to_bytes(self) -> bytes:
        """As it is stored."""
        return orjson.dumps({"results": self.results, "reason": self.reason, "message": self.message})

    def checked(self) -> Results:
        """The results.

        :raises ConflictError: the contract refused the whole call
        """
        if self.reason:
            raise ConflictError(f"The ledger refused it: {self.message}", reason=self.reason)
        return self.results


Settle = Callable[[AsyncSession, Operation, Outcome], Awaitable[None]]
"""What an outcome changes in this gateway's tables; runs in the transaction that marks the operation."""


class WritingPort(Protocol):
    """What this asks of :class:`finance_gateway.ledger.Ledger`."""

    async def endorse(self, function: str, request: bytes, transient: Mapping[str, bytes]) -> Endorsed:
        """Endorses one transaction."""
        ...

    async def commit(self, endorsed: Endorsed) -> None:
        """Submits it and waits until its block is stored."""
        ...

    async def caught_up(self) -> bool:
        """Waits until all present blocks are stored."""
        ...


def new_operation(
    function: str, items: Sequence[Mapping[str, Any]], claim_ids: Sequence[str] = ()
) -> Operation:
    """A write with an operation id of its own."""
    op = secrets.token_hex(16)
    return Operation(op, function, encode({"op": op, "items": list(items)}), tuple(claim_ids))


class Operations:
    """Stores, runs and settles operations.

    :param settle: by contract function, what an outcome changes in this gateway's tables
    """

    def __init__(
        self, database: Database, ledger: WritingPort, vault: BodyVault, settle: Mapping[str, Settle]
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._vault = vault
        self._settle = settle
        self._running: dict[str, asyncio.Task[Outcome]] = {}
        self._resumer: asyncio.Task[None] | None = None

    @staticmethod
    async def store(session: AsyncSession, operation: Operation) -> None:
        """Stores an operation in the caller's transaction: from then on it will be run, whatever happens."""
        await session.execute(
            insert(operations).values(
                op=operation.op,
                function=operation.function,
                request=operation.request,
                claims=orjson.dumps(operation.claims).decode(),
                state="pending",
                created=await database_time(session),
            )
        )

    async def result(self, op: str) -> Results:
        """The contract's result per item of a stored operation; it is run now if it is pending.

        :raises ConflictError: the contract refused the whole call
        :raises OutcomeUnknownError: no verdict yet; it goes on in the background
        """
        async with self._database.read() as session:
            row = (await session.execute(select(operations).where(operations.c.op == op))).one()
        if row.state != "pending":
            return _outcome(row.result).checked()
        failpoints.reach(AFTER_STORE)
        return (await self._run(_operation(row))).checked()

    async def claims_of(self, op: str) -> tuple[str, ...]:
        """The claims that a stored operation is about, in the order of its items."""
        async with self._database.read() as session:
            query = select(operations.c.claims).where(operations.c.op == op)
            return tuple(orjson.loads((await session.execute(query)).scalar_one()))

    async def _run(self, operation: Operation) -> Outcome:
        task = self._running.get(operation.op)
        if task is None:
            task = asyncio.create_task(self._drive(operation), name=f"operation-{operation.op}")
            self._running[operation.op] = task
            task.add_done_callback(lambda done: self._ended(operation.op, done))
        # A caller that goes away does not stop a write that may have reached the ledger.
        return await asyncio.shield(task)

    def _ended(self, op: str, task: asyncio.Task[Outcome]) -> None:
        self._running.pop(op, None)
        if not task.cancelled() and task.exception() is not None:
            # Nobody may be waiting any more; the resumer takes it up again.
            _log.info("operation_pending", op=op, kind=type(task.exception()).__name__)

    async def _drive(self, operation: Operation) -> Outcome:
        """Steps 2 to 6, until it is settled."""
        transient = await self._openings(operation.claims)
        last: ChanrongError | None = None
        until = time.monotonic() + GIVE_UP_S
        for attempt in range(MAX_ATTEMPTS):
            if last is not None:
                if time.monotonic() > until:
                    break
                await asyncio.sleep(_pause_s(attempt, lost_race=isinstance(last, LostRaceError)))
            settled = await self._settled(operation.op)
            if settled is not None:
                return settled
            try:
                return await self._attempt(operation, transient)
            except LostRaceError as error:
                last = error
                _log.info("operation_lost_race", function=operation.function, attempt=attempt)
            except (OutcomeUnknownError, UnavailableError) as error:
                last = error
                _log.warning(
                    "operation_waits", function=operation.function, reason=error.reason, attempt=attempt
                )
        raise OutcomeUnknownError(
            "The ledger's verdict is not known yet; it is stored and will be done.",
            remedy="Repeat the call with the same idempotency key: it is one operation, whatever happens.",
            details={"operation": operation.op, "last": last.reason if last is not None else ""},
        ) from last

    async def _attempt(self, operation: Operation, transient: Mapping[str, bytes]) -> Outcome:
        try:
            endorsed = await self._ledger.endorse(operation.function, operation.request, transient)  # 2
        except ContractRefusedError as refusal:
            return await self._refused(operation, refusal)
        failpoints.reach(AFTER_ENDORSE)
        if endorsed.replayed:
            await self._ledger.caught_up()
            return await self._settled(operation.op) or await self._settle_now(operation, endorsed)
        await self._tried(operation.op, endorsed.txid)  # 3
        failpoints.reach(AFTER_TRIED)
        await self._ledger.commit(endorsed)  # 4, and 5 in the follower
        failpoints.reach(AFTER_COMMIT)
        return await self._settled(operation.op) or await self._settle_now(operation, endorsed)

    async def _refused(self, operation: Operation, refusal: ContractRefusedError) -> Outcome:
        outcome = Outcome(reason=refusal.reason, message=refusal.message)
        async with self._database.write() as session:
            changed = await session.execute(
                update(operations)
                .where(
                    operations.c.op == operation.op,
                    operations.c.state == "pending",
                    operations.c.txid == "",
                )
                .values(state="refused", result=outcome.to_bytes())
            )
            if rows_changed(changed) == 1:
                await self._settle[operation.function](session, operation, outcome)
                return outcome
        # A transaction of it was about to be sent before: whether that one counts, its block says.
        raise UnavailableError(f"The ledger does not do it now: {refusal.message}", reason=refusal.reason)

    async def _tried(self, op: str, txid: str) -> None:
        """Step 3.

        :raises OutcomeUnknownError: somebody else settled it meanwhile: nothing may be sent any more
        """
        async with self._database.write() as session:
            changed = await session.execute(
                update(operations)
                .where(operations.c.op == op, operations.c.state == "pending")
                .values(txid=txid)
            )
        if rows_changed(changed) != 1:
            raise OutcomeUnknownError("Another replica settled the operation.")

    async def _settled(self, op: str) -> Outcome | None:
        async with self._database.read() as session:
            query = select(operations.c.state, operations.c.result).where(operations.c.op == op)
            row = (await session.execute(query)).one()
        return None if row.state == "pending" else _outcome(row.result)

    async def _settle_now(self, operation: Operation, endorsed: Endorsed) -> Outcome:
        """The ledger has it and the block is behind us, but it was not settled from there: as after a restore of the
        database, or when settling failed.
        """
        _log.warning("operation_settled_late", op=operation.op, function=operation.function)
        async with self._database.write() as session:
            await self.settle(session, operation.op, operation.request, endorsed.answer)
        settled = await self._settled(operation.op)
        assert settled is not None
        return settled

    async def settle(
        self, session: AsyncSession, op: str, request: bytes, answer: Mapping[str, Any]
    ) -> str | None:
        """Step 5, in the transaction of who read the block: settles an operation that is still pending.

        :param request: the request's bytes as the ledger has them
        :param answer: the contract's answer
        :returns: the contract function of what was settled; None where the operation is not here or was settled
        """
        row = (
            await session.execute(
                select(operations).where(operations.c.op == op, operations.c.state != "done")
            )
        ).one_or_none()
        if row is None or bytes(row.request) != request:
            return None
        outcome = Outcome(read_results(orjson.dumps(answer)))
        await session.execute(
            update(operations)
            .where(operations.c.op == op)
            .values(state="done", txid=str(answer["txid"]), result=outcome.to_bytes())
        )
        await self._settle[row.function](session, _operation(row), outcome)
        return str(row.function)

    async def _openings(self, claim_ids: Sequence[str]) -> dict[str, bytes]:
        if not claim_ids:
            return {}
        async with self._database.read() as session:
            query = select(claims.c.claim_id, claims.c.opening, claims.c.wrapped_key)
            rows = await session.execute(query.where(claims.c.claim_id.in_(claim_ids)))
            return {
                opening_key(row.claim_id): self._vault.open(row.claim_id, row.wrapped_key, row.opening)
                for row in rows
            }

    # --- what is left over ----------------------------------------------------------------------

    async def pending(self) -> tuple[int, int]:
        """Operations that wait for their verdict: how many, and the age of the oldest in seconds."""
        async with self._database.read() as session:
            query = select(func.count(), func.min(operations.c.created)).where(
                operations.c.state == "pending"
            )
            count, oldest = (await session.execute(query)).one()
        return int(count), max(0, int(time.time()) - int(oldest)) if count else 0

    async def start(self) -> None:
        """Goes on with whatever is pending, now and from time to time."""
        self._resumer = asyncio.create_task(self._resume_forever(), name="operations-resumer")

    async def stop(self) -> None:
        """Stops going on; what is pending stays so."""
        tasks = [task for task in (self._resumer, *self._running.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def resume(self, *, older_than_s: int = 0) -> int:
        """Runs pending operations once more. Returns how many there were."""
        async with self._database.read() as session:
            latest = await database_time(session) - older_than_s
            query = (
                select(operations)
                .where(operations.c.state == "pending", operations.c.created <= latest)
                .order_by(operations.c.created, operations.c.op)
                .limit(MAX_RESUMED)
            )
            waiting = [_operation(row) for row in await session.execute(query)]
        turns = asyncio.Semaphore(RESUMED_AT_ONCE)

        async def one(operation: Operation) -> None:
            async with turns:
                with contextlib.suppress(OutcomeUnknownError, UnavailableError):
                    await self._run(operation)

        found = await asyncio.gather(
            *(one(each) for each in waiting if each.op not in self._running), return_exceptions=True
        )
        for error in found:
            if isinstance(error, BaseException):
                _log.error("operation_not_resumed", exc_info=error)
        return len(waiting)

    async def _resume_forever(self) -> None:
        age_s = 0  # nobody else runs what an earlier process left
        while True:
            try:
                await self.resume(older_than_s=age_s)
            except ChanrongError as error:
                _log.warning("operations_not_resumed", reason=error.reason)
            age_s = RESUME_AGE_S
            await asyncio.sleep(RESUME_INTERVAL_S)


def _pause_s(attempt: int, *, lost_race: bool) -> float:
    """Who lost a race tries again soon, at a moment of its own; what does not answer is left alone for longer."""
    fraction = random.random()  # noqa: S311 - spreads load
    if lost_race:
        return PAUSE_S * min(attempt, 8) * fraction
    return PAUSE_S * float(2 ** min(attempt, 5)) * (0.5 + fraction)


def _operation(row: Any) -> Operation:
    return Operation(row.op, row.function, bytes(row.request), tuple(orjson.loads(row.claims)))


def _outcome(stored: bytes) -> Outcome:
    return Outcome(**orjson.loads(stored))
