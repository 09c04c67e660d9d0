"""One way to the database: connections inside transactions, on top of :mod:`consortium.storage.engine`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from consortium.storage import engine as storage

MAX_PARAMETERS = 5_000
"""Values in one IN list; SQLite takes 32,766 and PostgreSQL 65,535, and planners slow down well before."""


class StaleError(Exception):
    """A row changed since it was read: somebody else works on it. Read it again."""


class Database:
    """The gateway's database: SQL statements instead of sessions, because nothing here is mapped to
    objects.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.storage = storage.Database(engine)
        """The same database, for the kernel's machinery, which works with sessions."""
        self.engine = engine
        self.one_process = engine.dialect.name == "sqlite"
        """Whether no other process can be working on this database."""

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits when the block ends and rolls back when it raises.

        :raises StorageError: when the database does not take it (full disk, lost connection); nothing was
            stored
        :raises OutcomeUnknownError: when the connection broke during the commit
        :raises IntegrityError: when a unique value is taken, for the caller to interpret
        """
        async with self.storage.write() as session:
            yield await session.connection()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One consistent view.

        :raises StorageError: when the database does not answer
        """
        async with self.storage.read() as session:
            yield await session.connection()

    async def check(self) -> None:
        """Asks the database something.

        :raises StorageError: when it does not answer
        """
        await self.storage.check()

    async def close(self) -> None:
        """Closes all connections."""
        await self.storage.close()
