"""The migration runner on both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, text

from consortium.errors import ConfigurationError
from consortium.storage.engine import Database, create_engine
from consortium.storage.migrate import migrate, schema_differences

PACKAGE = "tests.unit.storage.sample_migrations"

MODELS = MetaData()
Table("things", MODELS, Column("id", Integer, primary_key=True), Column("name", Text), Column("colour", Text))


async def _revision(database: Database) -> str:
    async with database.read() as session:
        return str((await session.execute(text("select version_num from alembic_version"))).scalar_one())


async def test_an_empty_database_gets_everything_and_twice_is_once(url: str) -> None:
    database = Database(create_engine(url))
    await migrate(database.engine, PACKAGE)
    await migrate(database.engine, PACKAGE)
    assert await _revision(database) == "0002"
    assert await schema_differences(database.engine, MODELS) == []
    await database.close()


async def test_an_older_database_keeps_its_rows(url: str) -> None:
    database = Database(create_engine(url))
    await migrate(database.engine, PACKAGE, target="0001")
    async with database.write() as session:
        await session.execute(text("insert into things values (1, 'a')"))
    assert await schema_differences(database.engine, MODELS) != []
    await migrate(database.engine, PACKAGE)
    async with database.read() as session:
        assert (await session.execute(text("select name, colour from things"))).one() == ("a", None)
    await database.close()


async def test_replicas_may_start_together(url: str) -> None:
    replicas = [Database(create_engine(url)) for _ in range(3)]
    await asyncio.gather(*(migrate(replica.engine, PACKAGE) for replica in replicas))
    assert await _revision(replicas[0]) == "0002"
    for replica in replicas:
        await replica.close()


async def test_processes_may_make_a_file_at_one_moment(tmp_path: Path) -> None:
    """SQLite refuses whoever turns a new file to WAL at the same moment, without waiting."""
    for turn in range(8):
        engines = [create_engine(f"sqlite:///{tmp_path}/{turn}.db") for _ in range(6)]
        await asyncio.gather(*(Database(engine).check() for engine in engines))
        for engine in engines:
            await engine.dispose()


async def test_code_older_than_the_database_leaves_it_alone(url: str) -> None:
    database = Database(create_engine(url))
    await migrate(database.engine, PACKAGE)
    async with database.write() as session:
        await session.execute(text("update alembic_version set version_num = '0003'"))
    await migrate(database.engine, PACKAGE)
    assert await _revision(database) == "0003"
    await database.close()


async def test_a_failing_migration_changes_nothing(url: str) -> None:
    database = Database(create_engine(url))
    async with database.write() as session:
        await session.execute(text("create table things (id integer primary key, colour text)"))
    with pytest.raises(ConfigurationError):
        await migrate(database.engine, PACKAGE)
    async with database.read() as session:
        assert (await session.execute(text("select count(*) from things"))).scalar_one() == 0
    with pytest.raises(ConfigurationError):
        await migrate(database.engine, PACKAGE)
    await database.close()
