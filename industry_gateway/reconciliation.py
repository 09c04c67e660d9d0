"""The job "documents": what this gateway's store says of its documents, against the ledger.

The ledger's side is read from the blocks up to one pinned height, from the first block on, by a reader that
shares nothing with the outbox and its follower; so a fault of theirs shows as a break. Only what this
gateway's organisation registered itself is compared: a document that another gateway registered first is that
one's to compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import select

from consortium.contract import names
from consortium.contract.codec import read_results
from consortium.errors import UnavailableError
from consortium.ledger.blocks import Block, BlockTransaction
from consortium.ledger.errors import LedgerError
from consortium.ledger.network import Network
from consortium.reconcile.jobs import Snapshot
from consortium.reconcile.rows import Row, compare, day_of
from industry_gateway.outbox.follower import STREAM
from industry_gateway.store.database import Database
from industry_gateway.store.documents import REGISTERED
from industry_gateway.store.tables import checkpoints, documents

JOB: Final = "documents"


@dataclass(frozen=True, slots=True)
class Registration:
    """What the ledger says of one document."""

    kind: str
    commitment: str
    txid: str
    block: int
    day: int


class LedgerDocuments:
    """What one organisation registered, from the blocks alone. Holds some 400 bytes per document."""

    def __init__(self, msp_id: str, chaincode: str) -> None:
        self._msp_id = msp_id
        self._chaincode = chaincode
        self.next_block = 0
        self._registered: dict[str, Registration] = {}

    def take(self, block: Block) -> None:
        """Reads one block."""
        for transaction in block.transactions:
            if transaction.ok and transaction.creator_msp == self._msp_id:
                self._read(transaction, block.number)
        self.next_block = block.number + 1

    def _read(self, transaction: BlockTransaction, block: int) -> None:
        call = transaction.call
        if call is None or call.chaincode != self._chaincode or call.function != names.DOCUMENTS_REGISTER:
            return
        items = orjson.loads(call.args[0])["items"]
        day = day_of(transaction.timestamp)
        for item, result in zip(items, read_results(call.payload), strict=True):
            # A repeated operation answers with its first result: then the first transaction is another one.
            if result["status"] == "registered" and result["txid"] == transaction.txid:
                self._registered[item["keys"][0]["fp"]] = Registration(
                    item["kind"], item["commitment"], transaction.txid, block, day
                )

    def day_of(self, fingerprint: str) -> int:
        """The day on which a document was registered; 0 for what the ledger does not know."""
        found = self._registered.get(fingerprint)
        return found.day if found is not None else 0

    def rows(self) -> list[Row]:
        """One row per document."""
        return [
            Row(
                fingerprint,
                (self._msp_id, found.day),
                {
                    "kind": found.kind,
                    "commitment": found.commitment,
                    "txid": found.txid,
                    "block": found.block,
                },
            )
            for fingerprint, found in self._registered.items()
        ]


class DocumentsJob:
    """Compares documents.

    :param period_s: length of a slot, seconds
    """

    name = JOB

    def __init__(
        self, database: Database, network: Network, *, msp_id: str, chaincode: str, period_s: int
    ) -> None:
        self._database = database
        self._network = network
        self._msp_id = msp_id
        self._side = LedgerDocuments(msp_id, chaincode)
        self.period_s = period_s

    async def compare(self) -> Snapshot:
        """Both sides at the height that the store has followed the ledger to.

        :raises UnavailableError: the ledger does not answer, or no block has been followed yet
        """
        height = await self._followed()
        await self._read_to(height)
        return Snapshot(height, compare(self._side.rows(), await self._stored()))

    async def _followed(self) -> int:
        async with self._database.read() as connection:
            query = select(checkpoints.c.next_block).where(checkpoints.c.stream == STREAM)
            found = (await connection.execute(query)).scalar_one_or_none()
        if found is None:
            raise UnavailableError("No block has been followed yet.", reason="LEDGER_BEHIND")
        return int(found)

    async def _read_to(self, height: int) -> None:
        if self._side.next_block >= height:
            return
        try:
            async with aclosing(self._network.blocks(self._side.next_block, stop=height - 1)) as blocks:
                async for block in blocks:
                    self._side.take(block)
        except LedgerError as error:
            raise UnavailableError(error.message, reason=error.reason, remedy=error.remedy) from error

    async def _stored(self) -> list[Row]:
        columns = documents.c
        query = select(
            columns.fingerprint, columns.kind, columns.commitment, columns.txid, columns.block
        ).where(columns.state == REGISTERED)
        async with self._database.read() as connection:
            found = (await connection.execute(query)).all()
        return [
            self._row(dict(row._mapping))
            for row in found
            if row.block is None or row.block < self._side.next_block
        ]

    def _row(self, row: Mapping[str, Any]) -> Row:
        values = {name: row[name] for name in ("kind", "commitment", "txid", "block")}
        return Row(row["fingerprint"], (self._msp_id, self._side.day_of(row["fingerprint"])), values)
