"""Checkpoints in a database: :class:`consortium.ledger.checkpoints.PositionStore` over SQLAlchemy.

A reader that stores what an event means and where it stands in one transaction sees no event twice and leaves none
out, whatever happens in between::

    positions = SqlPositions(metadata)          # a table beside the reader's own
    async with engine.begin() as connection:
        start = await positions.load(connection, "invoices") or Checkpoint(0)
    async for event in network.chaincode_events("chanrong", start.block, after_txid=start.txid):
        async with engine.begin() as connection:
            await store(connection, event)
            await positions.save(connection, "invoices", event.checkpoint)
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, MetaData, String, Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from consortium.ledger.checkpoints import Checkpoint

TABLE = "ledger_positions"
MAX_NAME_CHARACTERS = 200


class SqlPositions:
    """A table of checkpoints by reader's name.

    :param metadata: that the table becomes part of, so that it is created and migrated with the others
    """

    def __init__(self, metadata: MetaData, table: str = TABLE) -> None:
        self.table = Table(
            table,
            metadata,
            Column("name", String(MAX_NAME_CHARACTERS), primary_key=True),
            Column("block", BigInteger, nullable=False),
            Column("txid", String(64), nullable=False),
        )

    async def load(self, transaction: AsyncConnection | AsyncSession, name: str) -> Checkpoint | None:
        """The last one saved under a name."""
        columns = self.table.c
        found = await transaction.execute(select(columns.block, columns.txid).where(columns.name == name))
        row = found.one_or_none()
        return None if row is None else Checkpoint(row.block, row.txid)

    async def save(
        self, transaction: AsyncConnection | AsyncSession, name: str, checkpoint: Checkpoint
    ) -> None:
        """Becomes durable when the transaction commits. One name has one reader."""
        values = {"block": checkpoint.block, "txid": checkpoint.txid}
        changed = await transaction.execute(
            update(self.table).where(self.table.c.name == name).values(values).returning(self.table.c.name)
        )
        if changed.one_or_none() is None:
            await transaction.execute(insert(self.table).values(name=name, **values))
