"""What blocks mean for this bank, stored block by block.

Per block, in ONE database transaction:
1. the checkpoint is looked at: a block that another replica stored is left alone
2. operations of this bank that took effect are settled: packages become valid, claims reserved
3. what happened to documents, assets and consents reopens the packages that rest on them, with the reason; a package
   that is still being made keeps the reason until it is anchored
4. claims of this bank on impaired assets are marked
5. the checkpoint moves on
So at any checkpoint the tables say exactly what the ledger said up to that block.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import ChanrongError, UnavailableError
from consortium.ledger.blocks import Block
from consortium.storage import failpoints
from consortium.storage.engine import Database
from finance_gateway.financing import store as claims_store
from finance_gateway.news import News, OwnOperation, read_block
from finance_gateway.operations import Operations
from finance_gateway.packages import store as packages_store
from finance_gateway.store.tables import checkpoints, claims

CHECKPOINT: Final = "packages"
BEFORE_BLOCK: Final = "block.before_commit"
AFTER_BLOCK: Final = "block.after_commit"
failpoints.declare(BEFORE_BLOCK, AFTER_BLOCK)

_log = structlog.get_logger("chanrong.finance.follower")


class BlockHandler:
    """Stores what blocks mean for a bank's gateway.

    :param msp_id: the bank's organisation
    :param changed: called when packages changed, to wake those who watch
    """

    def __init__(
        self,
        database: Database,
        operations: Operations,
        *,
        msp_id: str,
        chaincode: str,
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._operations = operations
        self._msp_id = msp_id
        self._chaincode = chaincode
        self._changed = changed
        self.unreadable = 0
        """Transactions since the start that could not be read or settled; somebody has to look."""

    async def next_block(self) -> int:
        """The block to go on with."""
        async with self._database.read() as session:
            return await _stored(session) or 0

    async def handle(self, block: Block) -> None:
        """Stores what a block means.

        :raises StorageError: it cannot be stored now; nothing of it is
        :raises UnavailableError: a block before it is missing
        """
        news = read_block(block, self._msp_id, self._chaincode)
        self.unreadable += news.unreadable
        async with self._database.write() as session:
            stored = await _stored(session, lock=True)  # 1
            if stored is not None and stored > block.number:
                return
            if (stored or 0) < block.number:
                raise UnavailableError(
                    f"Block {block.number} came, {stored or 0} is next.", reason="LEDGER_BEHIND"
                )
            settled = [await self._settle(session, each) for each in news.operations]  # 2
            reopened = await _reopen(session, news)  # 3
            for change in news.impaired.values():  # 4
                await _mark_claims(session, change)
            await _checkpoint(session, stored, block.number + 1)  # 5
            failpoints.reach(BEFORE_BLOCK)
        failpoints.reach(AFTER_BLOCK)
        if reopened or any(settled):
            _log.info("block_stored", block=block.number, reopened=reopened, settled=sum(map(bool, settled)))
            await self._changed()

    async def _settle(self, session: AsyncSession, own: OwnOperation) -> bool:
        try:
            async with session.begin_nested():
                return await self._operations.settle(session, own.op, own.request, own.answer) is not None
        except (ChanrongError, ValueError, KeyError, TypeError) as error:
            # The bank's other news must not wait for a defect; reconciliation shows what is missing.
            if isinstance(error, UnavailableError):
                raise
            self.unreadable += 1
            _log.exception("operation_not_settled", op=own.op)
            return False


async def _reopen(session: AsyncSession, news: News) -> int:
    reasons: dict[str, str] = {}
    for asset, consent_id in await claims_store.under_consents(session, news.consents):
        news.things.setdefault(asset, f"{news.consents[consent_id]}, under which a claim on it is held")
    for package_id, fingerprint in await packages_store.touching(session, news.things):
        reasons[package_id] = news.things[fingerprint]
    for package_id, consent_id in await packages_store.under_consents(session, news.consents):
        reasons[package_id] = news.consents[consent_id]
    for package_id in sorted(reasons):
        await packages_store.reopen(session, package_id, reasons[package_id])
    return len(reasons)


async def _mark_claims(session: AsyncSession, change: Mapping[str, Any]) -> None:
    for claim in await claims_store.with_handles(session, change["handles"]):
        await session.execute(
            update(claims)
            .where(claims.c.claim_id == claim.claim_id)
            .values(asset_state=change["state"], shortfall=change["shortfall"])
        )
        _log.warning(
            "claim_impaired", claim=claim.claim_id, asset=change["asset"], shortfall=change["shortfall"]
        )


async def _stored(session: AsyncSession, *, lock: bool = False) -> int | None:
    query = select(checkpoints.c.block).where(checkpoints.c.name == CHECKPOINT)
    found = (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    return None if found is None else int(found)


async def _checkpoint(session: AsyncSession, stored: int | None, block: int) -> None:
    if stored is None:
        await session.execute(insert(checkpoints).values(name=CHECKPOINT, block=block))
    else:
        await session.execute(update(checkpoints).where(checkpoints.c.name == CHECKPOINT).values(block=block))
