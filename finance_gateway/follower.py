"""What later facts on the ledger mean for this bank's packages and claims.

Every block is read once; what it means and the checkpoint are stored in one database transaction:
- a document of a live package is amended or voided, its asset diluted, claimed by somebody else, or newly linked: the
  package is reopened, with the reason
- a consent is revoked: packages made under it are reopened, and nothing more may be fetched under it
- an asset with a claim of this bank is impaired: the claim is marked and its packages reopened, so that the holder is
  told
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson
import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.contract import names
from consortium.ledger.blocks import Block
from consortium.storage.engine import Database
from finance_gateway.financing import store as claims_store
from finance_gateway.packages import store as packages_store
from finance_gateway.store.tables import checkpoints, claims

CHECKPOINT: Final = "packages"
_CONCERNING: Final = {
    names.EVENT_DOCUMENTS,
    names.EVENT_ASSETS,
    names.EVENT_ENCUMBRANCES,
    names.EVENT_CONSENTS,
}
_log = structlog.get_logger("chanrong.finance.follower")

Reasons = dict[str, str]
"""Fingerprint of a document or asset -> what happened to it."""


class BlockHandler:
    """Reads blocks for a bank's gateway.

    :param creator: MSP id of the bank: its own claims are no news to it
    :param changed: called when packages changed, to wake those who watch
    """

    def __init__(
        self, database: Database, creator: str, chaincode: str, changed: Callable[[], Awaitable[None]]
    ) -> None:
        self._database = database
        self._creator = creator
        self._chaincode = chaincode
        self._changed = changed

    async def next_block(self) -> int:
        """The block to go on with."""
        async with self._database.read() as session:
            query = select(checkpoints.c.block).where(checkpoints.c.name == CHECKPOINT)
            return int((await session.execute(query)).scalar_one_or_none() or 0)

    async def handle(self, block: Block) -> None:
        """Stores what a block means."""
        assets: Reasons = {}
        consents: dict[str, str] = {}
        impaired: dict[str, Mapping[str, Any]] = {}
        for transaction in block.transactions:
            event = transaction.event
            if not transaction.ok or event is None or event.chaincode != self._chaincode:
                continue
            if event.name in _CONCERNING:
                whole = orjson.loads(event.payload)
                own = transaction.creator_msp == self._creator
                _collect(whole, own, assets, consents)
                for change in whole.get("changed", ()):
                    impaired[change["asset"]] = change
                    assets[change["asset"]] = _impaired_reason(change)
        async with self._database.write() as session:
            reopened = await self._reopen(session, assets, consents)
            for change in impaired.values():
                await _mark_claims(session, change)
            await _checkpoint(session, block.number + 1)
        if reopened:
            _log.info("packages_reopened", block=block.number, packages=reopened)
            await self._changed()

    @staticmethod
    async def _reopen(session: AsyncSession, assets: Reasons, consents: Mapping[str, str]) -> int:
        reopened: dict[str, str] = {}
        for fingerprint, reason in assets.items():
            for package_id in await packages_store.touching(session, [fingerprint]):
                reopened[package_id] = reason
        for consent_id, reason in consents.items():
            for package_id in await packages_store.under_consents(session, [consent_id]):
                reopened[package_id] = reason
        for package_id, reason in reopened.items():
            await packages_store.change(
                session, package_id, stage="reopened", event="reopened", reason=reason
            )
        return len(reopened)


def _collect(whole: Mapping[str, Any], own: bool, assets: Reasons, consents: dict[str, str]) -> None:
    """What one event says of documents, assets and consents."""
    function = whole["fn"]
    for result in whole["results"]:
        status = result.get("status")
        if status in {"refused", "conflict", "already"}:
            continue
        if function == names.CONSENTS_REVOKE:
            consents[result["id"]] = f"consent {result['id']} was revoked"
        elif function in {names.DOCUMENTS_VOID, names.DOCUMENTS_AMEND}:
            assets[result["fp"]] = f"a document was {status}"
        elif function == names.ENCUMBRANCES_FACT:
            assets[result["asset"]] = "a fact took away from the receivable (credit note, payment or void)"
        elif function in {names.ENCUMBRANCES_RESERVE, names.ENCUMBRANCES_FINANCE} and not own:
            assets[result["asset"]] = "another financier claimed a share of the receivable"
        elif function in {names.ASSETS_ALIAS, names.ASSETS_LINK} and result.get("asset"):
            assets.setdefault(result["asset"], "documents of the trade were linked anew")


def _impaired_reason(change: Mapping[str, Any]) -> str:
    percent = change["shortfall"] / (names.FACE_VALUE_PPB // 100)
    return f"the receivable is {change['state']}: claims exceed what is left by {percent:.2f} % of its face value"


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


async def _checkpoint(session: AsyncSession, block: int) -> None:
    changed = await session.execute(
        update(checkpoints)
        .where(checkpoints.c.name == CHECKPOINT)
        .values(block=block)
        .returning(checkpoints.c.name)
    )
    if changed.scalar_one_or_none() is None:
        await session.execute(insert(checkpoints).values(name=CHECKPOINT, block=block))
