"""The gateway's tables: migrations make what the code expects, the audit log shows every change, a full disk
stores nothing and says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import IntegrityError

from consortium.errors import UnavailableError
from consortium.storage.engine import create_engine
from consortium.storage.migrate import migrate, schema_differences
from industry_gateway.outbox.model import REGISTER, OutboxItem
from industry_gateway.store import audit, outbox
from industry_gateway.store.bulk import insert_rows
from industry_gateway.store.database import Database
from industry_gateway.store.tables import METADATA, audit_log, outbox_items


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    engine = create_engine(f"sqlite:///{tmp_path / 'store.db'}")
    await migrate(engine, "industry_gateway.migrations")
    made = Database(engine)
    yield made
    await made.close()


async def test_migrations_make_the_tables_that_the_code_expects(database: Database) -> None:
    differences = await schema_differences(database.engine, METADATA)
    # Reconciliation brings tables of its own, which the kernel's tests compare.
    assert [each for each in differences if "remove_table" not in each and "remove_index" not in each] == []


async def test_bulk_inserts_store_every_row_once(database: Database) -> None:
    rows = [(REGISTER, f"{number:064x}", "r", b"{}", number) for number in range(1_337)]
    async with database.write() as connection:
        await insert_rows(connection, outbox_items, outbox.ITEM_COLUMNS, rows)
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(outbox_items)) == 1_337
        assert await outbox.count_items(connection) == {REGISTER: 1_337}
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await outbox.add_items(connection, [OutboxItem(REGISTER, f"{7:064x}", "r", b"", 1)])


async def test_an_audit_log_is_whole_until_somebody_touches_it(database: Database) -> None:
    for number in range(5):
        async with database.write() as connection:
            await audit.append(connection, {"action": "release", "number": number}, at=number)
    async with database.read() as connection:
        assert await audit.broken(connection) == []


@pytest.mark.parametrize("change", ["entry", "hash", "removed", "swapped"])
async def test_any_change_of_the_audit_log_shows(database: Database, change: str) -> None:
    for number in range(5):
        async with database.write() as connection:
            await audit.append(connection, {"action": "release", "number": number}, at=number)
    columns = audit_log.c
    async with database.write() as connection:
        if change == "entry":
            await connection.execute(
                update(audit_log).where(columns.sequence == 3).values(entry=b'{"sequence":3}')
            )
        elif change == "hash":
            await connection.execute(update(audit_log).where(columns.sequence == 3).values(hash="0" * 64))
        elif change == "removed":
            await connection.execute(delete(audit_log).where(columns.sequence == 3))
        else:
            for old, new in ((3, 99), (2, 3), (99, 2)):
                await connection.execute(
                    update(audit_log).where(columns.sequence == old).values(sequence=new)
                )
    async with database.read() as connection:
        assert await audit.broken(connection) != []


async def _fill(database: Database, pages: int) -> None:
    """More than fits."""
    async with database.write() as connection:
        await connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        items = [OutboxItem(REGISTER, f"{n:064x}", "r", b"x" * 5_000, n) for n in range(50)]
        await outbox.add_items(connection, items)


async def test_a_full_disk_stores_nothing_and_says_so(database: Database) -> None:
    async with database.read() as connection:
        pages = await connection.scalar(text("PRAGMA page_count"))
    with pytest.raises(UnavailableError) as caught:
        await _fill(database, pages + 1)
    assert caught.value.reason == "STORAGE_FULL"
    async with database.read() as connection:
        assert await outbox.count_items(connection) == {}
