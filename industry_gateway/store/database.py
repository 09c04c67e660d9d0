"""One way to the database: who writes, how transactions begin, and which errors of drivers mean what.

SQLite has one writer at a time and lets others spin until it is done, so writers of one process queue in the
order in which they came. PostgreSQL orders its own writers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from consortium.errors import UnavailableError

MAX_PARAMETERS = 5_000
"""Values in one IN list; SQLite takes 32,766 and PostgreSQL 65,535, and planners slow down well before."""


class StaleError(Exception):
    """A row changed since it was read: somebody else works on it. Read it again."""


class Database:
    """The gateway's database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.one_writer = engine.dialect.name == "sqlite"
        self._turn: asyncio.Lock | nullcontext[None] = asyncio.Lock() if self.one_writer else nullcontext()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits when the block ends and rolls back when it raises.

        :raises UnavailableError: when the database does not take it (full disk, lost connection); nothing was
            stored
        :raises IntegrityError: when a unique value is taken, for the caller to interpret
        """
        async with self._turn:
            try:
                async with self._engine.begin() as connection:
                    yield connection
            except IntegrityError:
                raise
            except SQLAlchemyError as error:
                raise translated(error) from error

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reading.

        :raises UnavailableError: when the database does not answer
        """
        try:
            async with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise translated(error) from error

    async def close(self) -> None:
        """Closes all connections."""
        await self._engine.dispose()


def translated(error: SQLAlchemyError) -> UnavailableError:
    """A driver's error as one of ours. Its text stays out of it: it may quote values."""
    cause = type(error.orig).__name__ if isinstance(error, DBAPIError) else type(error).__name__
    return UnavailableError(
        f"The gateway's database did not take or answer it ({cause}). Nothing was stored.",
        reason="DATABASE_UNAVAILABLE",
        remedy="Repeat the call later; the operator sees the cause in the log.",
    )
