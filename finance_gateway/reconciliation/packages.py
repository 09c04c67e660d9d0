"""The job "packages": this bank's packages and claims, as stored here, against the ledger.

The ledger's side is read from the blocks up to one pinned height, from the first block on, by a reader that shares
nothing with the gateway's own follower; so a fault of the follower shows as a break.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, Final

import orjson
from sqlalchemy import select

from consortium.contract import names
from consortium.errors import UnavailableError
from consortium.ledger.blocks import Block
from consortium.reconcile.jobs import Snapshot
from consortium.reconcile.rows import Row, compare, day_of
from consortium.storage.engine import Database
from finance_gateway.config import FinanceSettings
from finance_gateway.ledger import Ledger
from finance_gateway.store.tables import checkpoints, claims, packages

JOB: Final = "packages"
AMOUNTS: Final = frozenset({"share"})


class PackagesJob:
    """Compares packages and claims."""

    def __init__(self, database: Database, ledger: Ledger, settings: FinanceSettings) -> None:
        self._database = database
        self._ledger = ledger
        self._msp_id = settings.msp_id
        self.name = JOB
        self.period_s = settings.reconcile_period_s
        self._side = LedgerSide(settings.msp_id, settings.ledger.chaincode)

    async def compare(self) -> Snapshot:
        """Both sides at one height.

        :raises UnavailableError: the ledger does not answer, or this gateway is too far behind to compare
        """
        height = await self._stored_height()
        await self._read_to(height)
        right = await self._stored(height)
        return Snapshot(height, compare(self._side.rows(), right, amounts=AMOUNTS))

    async def _stored_height(self) -> int:
        """The pinned height: what this gateway has stored of, so that neither side is ahead."""
        async with self._database.read() as session:
            found = (await session.execute(select(checkpoints.c.block))).scalar_one_or_none()
        if found is None:
            raise UnavailableError("No block has been read yet.", reason="LEDGER_BEHIND")
        return int(found)

    async def _read_to(self, height: int) -> None:
        if self._side.next_block >= height:
            return
        async with aclosing(self._ledger.network.blocks(self._side.next_block)) as blocks:
            async for block in blocks:
                self._side.take(block)
                if self._side.next_block >= height:
                    return

    async def _stored(self, height: int) -> list[Row]:
        async with self._database.read() as session:
            made = await session.execute(
                select(packages.c.package_id, packages.c.digest, packages.c.subject, packages.c.stage).where(
                    packages.c.anchor_txid != ""
                )
            )
            held = await session.execute(
                select(
                    claims.c.claim_id, claims.c.handle, claims.c.share, claims.c.state, claims.c.txid
                ).where(claims.c.state.not_in(("reserving", "refused")))
            )
            known = self._side
            rows = [
                Row(
                    f"package/{row.package_id}",
                    (self._msp_id, known.day_of(f"package/{row.package_id}")),
                    {"digest": row.digest, "subject": row.subject, "superseded": row.stage == "superseded"},
                )
                for row in made
            ]
            rows += [
                Row(
                    f"claim/{row.claim_id}",
                    (self._msp_id, known.day_of(f"claim/{row.claim_id}")),
                    {"handle": row.handle, "share": row.share, "state": row.state},
                )
                for row in held
            ]
        return rows


class LedgerSide:
    """What this bank wrote on the ledger, from the blocks alone."""

    def __init__(self, msp_id: str, chaincode: str) -> None:
        self._msp_id = msp_id
        self._chaincode = chaincode
        self.next_block = 0
        self._rows: dict[str, dict[str, Any]] = {}
        self._days: dict[str, int] = {}

    def take(self, block: Block) -> None:
        """Reads one block."""
        for transaction in block.transactions:
            call = transaction.call if transaction.ok and transaction.creator_msp == self._msp_id else None
            if call is not None and transaction.args:
                request = orjson.loads(transaction.args[0])
                answer = orjson.loads(call.payload)
                pairs = zip(request.get("items", ()), answer.get("results", ()), strict=False)
                for item, result in pairs:
                    self._apply(transaction.function, item, result, transaction.timestamp)
        self.next_block = block.number + 1

    def _apply(self, function: str, item: Mapping[str, Any], result: Mapping[str, Any], at: int) -> None:
        status = result.get("status")
        if function == names.PACKAGES_ANCHOR and status == "anchored":
            key = f"package/{item['id']}"
            self._rows[key] = {"digest": item["digest"], "subject": item["subject"], "superseded": False}
            self._days[key] = day_of(at)
            if item["supersedes"]:
                self._rows[f"package/{item['supersedes']}"]["superseded"] = True
        elif status == "done" and "claim" in item:
            self._apply_claim(function, item, at)

    def _apply_claim(self, function: str, item: Mapping[str, Any], at: int) -> None:
        key = f"claim/{item['claim']}"
        if function == names.ENCUMBRANCES_RESERVE:
            self._rows[key] = {
                "handle": item["handle"],
                "share": item["share"],
                "state": "reserved",
                "settled": 0,
            }
            self._days.setdefault(key, day_of(at))
        elif function == names.ENCUMBRANCES_FINANCE:
            self._rows[key]["state"] = "financed"
        elif function == names.ENCUMBRANCES_RELEASE:
            self._rows[key]["state"] = "released"
        elif function == names.ENCUMBRANCES_SETTLE:
            row = self._rows[key]
            row["settled"] += item["share"]
            if row["settled"] >= row["share"]:
                row["state"] = "settled"

    def day_of(self, key: str) -> int:
        """The day of a key, as the ledger has it; 0 for what the ledger does not know."""
        return self._days.get(key, 0)

    def rows(self) -> list[Row]:
        """The rows, without what is only counted here."""
        return [
            Row(key, (self._msp_id, self.day_of(key)), {n: v for n, v in values.items() if n != "settled"})
            for key, values in self._rows.items()
        ]
