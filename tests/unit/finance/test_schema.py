"""The migrations make what the code uses."""

from __future__ import annotations

from sqlalchemy import MetaData

from consortium.reconcile import breaks
from consortium.storage import leases
from consortium.storage.engine import Database
from consortium.storage.migrate import schema_differences
from finance_gateway.store.tables import METADATA


async def test_the_migrated_schema_is_that_of_the_tables(database: Database) -> None:
    assert breaks.breaks.metadata is leases.METADATA
    whole = MetaData()
    for metadata in (METADATA, leases.METADATA):
        for table in metadata.tables.values():
            table.to_metadata(whole)
    assert await schema_differences(database.engine, whole) == []
