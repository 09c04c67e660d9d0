"""The job "packages": this bank's packages and claims, as stored here, against the ledger.

1. One view of the store gives the pinned height (the follower's checkpoint) and the rows. Blocks settle what they hold
   in the transaction of the checkpoint, so at that height both sides must agree; nothing is in between.
2. The ledger's side is read from the blocks up to that height, by a reader that shares nothing with the follower: a
   fault of the follower shows as a break. A gateway that is far behind the ledger is no answer: "source down".
3. Both sides are compared, segment by segment.
4. Operations that wait too long for their verdict are *late*.
5. Sealed contents are looked into, some in each run (:mod:`finance_gateway.reconciliation.contents`): *tamper*.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import UnavailableError
from consortium.reconcile.jobs import Snapshot
from consortium.reconcile.rows import BreakClass, Difference, Row, Value, compare
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database
from consortium.storage.leases import database_time
from finance_gateway.follower import CHECKPOINT
from finance_gateway.heavy import heavy
from finance_gateway.ledger import Ledger
from finance_gateway.packages.store import ISSUED
from finance_gateway.reconciliation.contents import Contents
from finance_gateway.reconciliation.ledger_side import (
    ANCHORED,
    REVOKED,
    SUPERSEDED,
    LedgerSide,
    claim_key,
    package_key,
)
from finance_gateway.store.tables import checkpoints, claims, operations, packages

JOB: Final = "packages"
AMOUNTS: Final = frozenset({"share", "settled"})

MAX_BEHIND_BLOCKS: Final = 200
"""A store that is further behind the ledger cannot be compared; it reads thousands of blocks a minute."""

LATE_AFTER_S: Final = 900
"""An operation that is still without a verdict then is late."""

_STATES: Final = {"superseded": SUPERSEDED, "revoked": REVOKED}


class PackagesJob:
    """Compares packages and claims of one bank.

    :param period_s: length of a slot, seconds
    """

    name = JOB

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        vault: BodyVault,
        *,
        msp_id: str,
        chaincode: str,
        period_s: int,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._msp_id = msp_id
        self._chaincode = chaincode
        self.period_s = period_s
        self._side = LedgerSide(msp_id, chaincode)
        self._contents = Contents(vault, msp_id)

    async def compare(self) -> Snapshot:
        """Both sides at one height.

        :raises UnavailableError: the ledger does not answer, or this gateway is too far behind to compare
        """
        async with self._database.read() as session:  # 1
            height = await _checkpoint(session)
            rows = await self._stored(session)
            late = await _late(session)
            sealed = await self._contents.read(session, self.name)
        await self._read_to(height)  # 2
        stored = [Row(key, (self._msp_id, self._side.day_of(key)), values) for key, values in rows]
        compared = await heavy(compare, self._side.rows(), stored, amounts=AMOUNTS)  # 3
        tampered = await heavy(self._contents.look, *sealed)  # 5
        return Snapshot(height, replace(compared, differences=(*compared.differences, *late, *tampered)))

    async def _read_to(self, height: int) -> None:
        behind = await self._ledger.height() - height
        if behind > MAX_BEHIND_BLOCKS:
            raise UnavailableError(
                f"This gateway has stored {behind} blocks less than the ledger has.", reason="LEDGER_BEHIND"
            )
        if self._side.next_block > height:  # the store was taken back to an earlier state
            self._side = LedgerSide(self._msp_id, self._chaincode)
        if self._side.next_block == height:
            return
        async for block in self._ledger.blocks(self._side.next_block, height - 1):
            self._side.take(block)

    async def _stored(self, session: AsyncSession) -> list[tuple[str, dict[str, Value]]]:
        made = await session.execute(
            select(
                packages.c.package_id,
                packages.c.digest,
                packages.c.subject,
                packages.c.consent_id,
                packages.c.stage,
            ).where(packages.c.stage.in_(ISSUED))
        )
        held = await session.execute(
            select(
                claims.c.claim_id,
                claims.c.handle,
                claims.c.share,
                claims.c.expires,
                claims.c.state,
                claims.c.settled,
            ).where(claims.c.state.not_in(("reserving", "refused")))
        )
        return [*_package_rows(made), *_claim_rows(held)]


def _package_rows(rows: Iterable[Any]) -> list[tuple[str, dict[str, Value]]]:
    return [
        (
            package_key(row.package_id),
            {
                "digest": row.digest,
                "subject": row.subject,
                "consent": row.consent_id,
                "state": _STATES.get(row.stage, ANCHORED),
            },
        )
        for row in rows
    ]


def _claim_rows(rows: Iterable[Any]) -> list[tuple[str, dict[str, Value]]]:
    names = ("handle", "share", "expires", "state", "settled")
    return [(claim_key(row.claim_id), {name: getattr(row, name) for name in names}) for row in rows]


async def _checkpoint(session: AsyncSession) -> int:
    query = select(checkpoints.c.block).where(checkpoints.c.name == CHECKPOINT)
    found = (await session.execute(query)).scalar_one_or_none()
    if not found:
        raise UnavailableError("No block has been read yet.", reason="LEDGER_BEHIND")
    return int(found)


async def _late(session: AsyncSession) -> list[Difference]:
    latest = await database_time(session) - LATE_AFTER_S
    query = (
        select(operations.c.op, operations.c.function, operations.c.created)
        .where(operations.c.state == "pending", operations.c.created <= latest)
        .order_by(operations.c.op)
    )
    return [
        Difference(
            BreakClass.LATE,
            f"operation/{row.op}",
            None,
            {"function": row.function, "created": row.created},
        )
        for row in await session.execute(query)
    ]
