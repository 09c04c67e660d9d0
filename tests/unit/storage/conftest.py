"""Databases that the tests run on: a SQLite file always, PostgreSQL where the machine can run one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from consortium.storage.engine import Database, create_engine
from tests.support.postgresql import new_database
from tests.support.postgresql import server as postgresql_server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a PostgreSQL of our own."""
    with postgresql_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    server: str = request.getfixturevalue("postgresql")
    return await new_database(server)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """An empty database with one table, closed at the end."""
    opened = Database(create_engine(url))
    async with opened.write() as session:
        await session.execute(text("create table things (id integer primary key, name text)"))
    yield opened
    await opened.close()
