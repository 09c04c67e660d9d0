"""Writes to the ledger that survive a crash: stored first, then run until there is a verdict, then settled.

What settles an operation is a function of its ledger function, run in the same database transaction that marks it done;
so a package becomes valid, and a claim reserved, exactly when the ledger's result is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.contract.claims import opening_key
from consortium.contract.codec import encode, read_results
from consortium.errors import ChanrongError, OutcomeUnknownError, UnavailableError
from consortium.ledger.errors import EndorseError
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database
from finance_gateway.ledger import Ledger
from finance_gateway.store.tables import claims, operations

RESUME_INTERVAL_S: Final = 5.0
"""How often operations that are still pending are run again."""

_log = structlog.get_logger("chanrong.finance.operations")


@dataclass(frozen=True, slots=True)
class Operation:
    """One stored write: the contract function, its request, and the claims whose openings go along."""

    op: str
    function: str
    request: bytes
    claims: tuple[str, ...] = ()


Results = Sequence[Mapping[str, Any]]
Settle = Callable[[AsyncSession, Operation, Results], Awaitable[None]]


def new_operation(
    function: str, items: Sequence[Mapping[str, Any]], claim_ids: Sequence[str] = ()
) -> Operation:
    """A write with an operation id of its own."""
    op = secrets.token_hex(16)
    return Operation(op, function, encode({"op": op, "items": list(items)}), tuple(claim_ids))


class Operations:
    """Stores and runs operations.

    :param settle: by contract function, what a result changes in this gateway's tables
    """

    def __init__(
        self, database: Database, ledger: Ledger, vault: BodyVault, settle: Mapping[str, Settle]
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._vault = vault
        self._settle = settle
        self._running: dict[str, asyncio.Task[list[dict[str, Any]]]] = {}
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
                created=int(time.time()),
            )
        )

    async def run(self, operation: Operation) -> list[dict[str, Any]]:
        """Runs a stored operation; the contract's result per item.

        :raises EndorseError: the contract refused the whole call
        :raises OutcomeUnknownError: no verdict yet; it goes on in the background
        """
        task = self._running.get(operation.op)
        if task is None:
            task = asyncio.create_task(self._run(operation))
            self._running[operation.op] = task
            task.add_done_callback(lambda _: self._running.pop(operation.op, None))
        # A caller that goes away does not stop a write that may have reached the ledger.
        return await asyncio.shield(task)

    async def result(self, op: str) -> list[dict[str, Any]]:
        """The result of an operation that was stored earlier, run now if it is still pending."""
        async with self._database.read() as session:
            row = (await session.execute(select(operations).where(operations.c.op == op))).one()
        if row.state == "pending":
            return await self.run(_operation(row))
        return list(orjson.loads(row.result))

    async def _run(self, operation: Operation) -> list[dict[str, Any]]:
        transient = await self._openings(operation.claims)
        try:
            written = await self._ledger.write(
                operation.function,
                operation.request,
                transient=transient,
                tried=lambda txid: self._tried(operation.op, txid),
            )
        except EndorseError as error:
            if error.contract_reason:
                await self._finish(operation, [], "refused")
            raise
        results = _named(operation, read_results(orjson.dumps(written.answer)))
        await self._finish(operation, results, "done")
        return results

    async def _finish(self, operation: Operation, results: list[dict[str, Any]], state: str) -> None:
        async with self._database.write() as session:
            await session.execute(
                update(operations)
                .where(operations.c.op == operation.op)
                .values(state=state, result=orjson.dumps(results))
            )
            settle = self._settle.get(operation.function)
            if settle is not None:
                await settle(session, operation, results)

    async def _tried(self, op: str, txid: str) -> None:
        async with self._database.write() as session:
            await session.execute(update(operations).where(operations.c.op == op).values(txid=txid))

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

    async def start(self) -> None:
        """Goes on with whatever is pending, now and from time to time."""
        self._resumer = asyncio.create_task(self._resume_forever())

    async def stop(self) -> None:
        """Stops going on; what is pending stays so."""
        tasks = [task for task in (self._resumer, *self._running.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def resume(self) -> int:
        """Runs every pending operation once more. Returns how many there were."""
        async with self._database.read() as session:
            query = select(operations).where(operations.c.state == "pending").order_by(operations.c.created)
            waiting = [_operation(row) for row in await session.execute(query)]
        for operation in waiting:
            if operation.op in self._running:
                continue
            with contextlib.suppress(OutcomeUnknownError, UnavailableError, EndorseError):
                await self.run(operation)
        return len(waiting)

    async def _resume_forever(self) -> None:
        while True:
            try:
                await self.resume()
            except ChanrongError as error:
                _log.warning("operations_not_resumed", reason=error.reason)
            await asyncio.sleep(RESUME_INTERVAL_S)


def _named(operation: Operation, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results with the claim that each is about: a refusal names it only where the contract got that far."""
    items = orjson.loads(operation.request)["items"]
    return [
        {"claim": item["claim"], **result} if "claim" in item else result
        for item, result in zip(items, results, strict=True)
    ]


def _operation(row: Any) -> Operation:
    return Operation(row.op, row.function, bytes(row.request), tuple(orjson.loads(row.claims)))
