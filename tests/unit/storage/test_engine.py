"""Transactions on both databases, and what SQLite is set to."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from consortium.errors import ConfigurationError
from consortium.storage import engine as storage
from consortium.storage.engine import Database, StorageError, create_engine

INSERT = text("insert into things values (:id, :name)")
COUNT = text("select count(*) from things")


async def _count(database: Database) -> int:
    async with database.read() as session:
        return int((await session.execute(COUNT)).scalar_one())


async def test_a_block_that_ends_well_is_committed(database: Database) -> None:
    async with database.write() as session:
        await session.execute(INSERT, {"id": 1, "name": "a"})
    assert await _count(database) == 1


async def test_any_error_rolls_the_block_back(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            await session.execute(INSERT, {"id": 1, "name": "a"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await _count(database) == 0


async def test_a_cancelled_block_is_rolled_back_and_blocks_nobody(database: Database) -> None:
    inside = asyncio.Event()

    async def write() -> None:
        async with database.write() as session:
            await session.execute(INSERT, {"id": 1, "name": "a"})
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.write() as session:
        await session.execute(INSERT, {"id": 2, "name": "b"})
    assert await _count(database) == 1


async def test_many_writers_that_read_first_all_come_through(database: Database) -> None:
    async def add() -> None:
        async with database.write() as session:
            if database.engine.dialect.name == "postgresql":
                await session.execute(text("lock table things"))
            count = (await session.execute(COUNT)).scalar_one()
            await session.execute(INSERT, {"id": count + 1, "name": "x"})

    await asyncio.gather(*(add() for _ in range(20)))
    assert await _count(database) == 20


async def test_two_processes_writing_one_file_wait_for_each_other(tmp_path: Path) -> None:
    # Two Database objects share nothing but the file, as two processes would.
    url = f"sqlite:///{tmp_path}/shared.db"
    pair = [Database(create_engine(url)), Database(create_engine(url))]
    async with pair[0].write() as session:
        await session.execute(text("create table things (id integer primary key, name text)"))

    async def add(database: Database) -> None:
        async with database.write() as session:
            count = (await session.execute(COUNT)).scalar_one()
            await session.execute(INSERT, {"id": count + 1, "name": "x"})

    await asyncio.gather(*(add(pair[i % 2]) for i in range(20)))
    assert await _count(pair[1]) == 20
    for database in pair:
        await database.close()


async def test_a_reader_keeps_its_view_and_waits_for_nobody(database: Database) -> None:
    async with database.read() as reader:
        assert (await reader.execute(COUNT)).scalar_one() == 0
        async with database.write() as session:
            await session.execute(INSERT, {"id": 1, "name": "a"})
        assert (await reader.execute(COUNT)).scalar_one() == 0
    assert await _count(database) == 1


async def test_errors_name_no_values(database: Database) -> None:
    async with database.write() as session:
        await session.execute(INSERT, {"id": 1, "name": "a"})
    with pytest.raises(IntegrityError) as caught:
        async with database.write() as session:
            await session.execute(INSERT, {"id": 1, "name": "Secret Trading Ltd"})
    assert "Secret Trading" not in str(caught.value)


async def test_a_lost_database_is_our_error(tmp_path: Path) -> None:
    database = Database(create_engine("postgresql://nobody@127.0.0.1:1/none"))
    with pytest.raises(StorageError) as caught:
        await database.check()
    assert caught.value.reason == "STORAGE_UNAVAILABLE"
    await database.close()


async def test_a_full_disk_stores_nothing_and_says_so(tmp_path: Path) -> None:
    database = Database(create_engine(f"sqlite:///{tmp_path}/full.db"))
    async with database.write() as session:
        await session.execute(text("create table things (id integer primary key, name text)"))

    async def overfill() -> None:
        async with database.write() as session:
            # SQLite's own limit gives the very error of a full disk.
            await session.execute(text("pragma max_page_count = 4"))
            await session.execute(INSERT, {"id": 1, "name": "x" * 100_000})

    with pytest.raises(StorageError) as caught:
        await overfill()
    assert caught.value.reason == "STORAGE_FULL"
    assert await _count(database) == 0
    await database.close()


async def test_sqlite_syncs_commits_and_checks_references(tmp_path: Path) -> None:
    database = Database(create_engine(f"sqlite:///{tmp_path}/new/folder/test.db"))
    async with database.read() as session:
        found = {
            name: (await session.execute(text(f"pragma {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    assert stat.S_IMODE((tmp_path / "new/folder/test.db").stat().st_mode) == 0o600
    await database.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "no url at all"])
def test_urls_that_do_not_fit_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        create_engine(url)


def test_an_error_about_the_url_does_not_tell_its_password() -> None:
    with pytest.raises(ConfigurationError) as caught:
        create_engine("oracle://user:hunter2@host/db")
    assert "hunter2" not in str(caught.value)


async def test_a_file_locked_by_another_process_is_our_error_after_the_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "SQLITE_BUSY_TIMEOUT_MS", 50)
    url = f"sqlite:///{tmp_path}/locked.db"
    one, other = Database(create_engine(url)), Database(create_engine(url))

    async def write() -> None:
        async with other.write() as session:
            await session.execute(text("select 1"))

    async with one.write() as session:
        await session.execute(text("select 1"))
        with pytest.raises(StorageError):
            await write()
    await write()
    await one.close()
    await other.close()


async def test_a_connection_given_back_within_a_transaction_is_rolled_back(tmp_path: Path) -> None:
    database = Database(create_engine(f"sqlite:///{tmp_path}/reset.db"))
    async with database.engine.connect() as connection:
        raw = await connection.get_raw_connection()
        assert raw.driver_connection is not None
        await raw.driver_connection.execute("BEGIN IMMEDIATE")
        await raw.driver_connection.execute("create table things (id integer)")
    other = Database(create_engine(f"sqlite:///{tmp_path}/reset.db"))
    async with other.write() as session:
        await session.execute(text("create table things (id integer)"))
    await database.close()
    await other.close()
