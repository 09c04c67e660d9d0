"""Databases: one URL chooses SQLite (the default, one file) or PostgreSQL; the rest is the same.

```python
database = Database(create_engine("sqlite:////var/lib/chanrong/industry.db"))
async with database.write() as session: ...   # one transaction, committed at the end
async with database.read() as session: ...    # one consistent view, never waits for writers
await database.close()
```
SQLite: write-ahead log, synced at every commit (``synchronous=FULL``: what was acknowledged survives a
power cut), foreign keys on, deleted content overwritten. Writers begin with the write lock and queue within
the process, so that no transaction fails half-way because another one wrote first.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from consortium.errors import ChanrongError, ConfigurationError, OutcomeUnknownError, UnavailableError
from consortium.storage.sqlite import DRIVER

SQLITE_BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another process's transaction."""

SQLITE_TURN_S = 2.0
SQLITE_TURN_PAUSE_S = 0.005
"""How long, and how often, a connection tries to turn a new file to WAL while others do."""

SQLITE_POOL = 4
"""Connections (each has a thread) to one SQLite file: readers beside the one writer."""

POSTGRESQL_POOL = 10
"""Connections to PostgreSQL per process."""

POOL_TIMEOUT_S = 30
"""Wait for a free connection before the call is given up."""

SQLITE_CACHE_KIB = 8 * 1024
"""Page cache per connection."""

SQLITE_PAGE_BYTES = 8 * 1024
"""Of new files. A sealed document then needs one page or two, and a commit a third less time than with 4 KiB."""

SQLITE_CHECKPOINT_PAGES = 4_000
"""Pages in the log before a commit copies them into the file, about 32 MiB; a page that changes often is copied
once."""

WRITES = {"chanrong_writes": True}
"""Execution option of a connection that will write: SQLite then takes the write lock at the beginning."""


class StorageError(UnavailableError):
    """The database does not answer or cannot store now; what was asked for is not stored."""

    reason = "STORAGE_UNAVAILABLE"


def create_engine(url: str) -> AsyncEngine:
    """An engine for ``sqlite:///FILE`` or ``postgresql://...``; connects at the first use.

    A SQLite file is made with mode 0600 if it is not there. Parameters of statements never show in errors.

    :raises ConfigurationError: another kind of URL, an in-memory SQLite, or a file that cannot be made
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(
            "The database URL cannot be read.", remedy="Write sqlite:///FILE or postgresql://USER@HOST/NAME."
        ) from error
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _sqlite(parsed)
    if backend == "postgresql":
        return create_async_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_size=POSTGRESQL_POOL,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_S,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    raise ConfigurationError(
        f"Databases of kind {backend} are not supported.", remedy="Use SQLite or PostgreSQL."
    )


class Database:
    """Sessions on an engine; errors of the driver come out as ours."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        # SQLite's transactions are snapshots by themselves.
        views = {} if self._sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reader = engine.execution_options(**views)
        self._writer = asyncio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that only reads: one consistent view.

        :raises StorageError: the database does not answer
        """
        async with _translated(), AsyncSession(self._reader, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A session for one transaction: committed when the block ends well, else rolled back.

        :raises StorageError: nothing is stored
        :raises OutcomeUnknownError: the connection broke during the commit (PostgreSQL)
        """
        async with _translated(), self._writing_turn(), self.engine.connect() as raw:
            connection = await raw.execution_options(**WRITES)
            async with AsyncSession(bind=connection, expire_on_commit=False) as session:
                yield session
                await _commit(session)

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    async def check(self) -> None:
        """Ask the database something, for health checks.

        :raises StorageError: it does not answer
        """
        async with self.read() as session:
            await session.execute(text("select 1"))

    @asynccontextmanager
    async def _writing_turn(self) -> AsyncIterator[None]:
        # SQLite has one writer. Queueing here is fair and costs nothing; its own wait is neither.
        if not self._sqlite:
            yield
            return
        async with self._writer:
            yield


def _sqlite(url: URL) -> AsyncEngine:
    if not url.database or url.database == ":memory:" or "mode" in url.query:
        raise ConfigurationError(
            "An in-memory database would lose what was acknowledged.", remedy="Give a file: sqlite:///FILE."
        )
    path = Path(url.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise ConfigurationError(
            f"The database file {path} cannot be made: {error.strerror}.", remedy="Check the folder's mode."
        ) from error
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        module=DRIVER,
        pool_size=SQLITE_POOL,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        pool_reset_on_return=None,
        pool_use_lifo=True,  # the one used last has the warmest cache, and the others stay small
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _on_sqlite_connect)
    event.listen(engine.sync_engine, "begin", _on_sqlite_begin)
    event.listen(engine.sync_engine, "reset", _on_sqlite_reset)
    return engine


def _on_sqlite_connect(connection: Any, _record: object) -> None:
    # The driver would begin transactions by its own rules (lazily, and never for reads); we say when.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={SQLITE_BUSY_TIMEOUT_MS}",
        f"page_size={SQLITE_PAGE_BYTES}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        "temp_store=MEMORY",
        f"cache_size=-{SQLITE_CACHE_KIB}",
        f"wal_autocheckpoint={SQLITE_CHECKPOINT_PAGES}",
    ):
        _set(cursor, pragma)
    cursor.close()


def _set(cursor: Any, pragma: str) -> None:
    """Sets a pragma. Several processes that turn a new file to WAL at one moment are refused at once, whatever the
    timeout: SQLite asks its busy handler only for locks of transactions."""
    ends = time.monotonic() + SQLITE_TURN_S
    while True:
        try:
            cursor.execute(f"PRAGMA {pragma}")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= ends:
                raise
            time.sleep(SQLITE_TURN_PAUSE_S)
        else:
            return


def _on_sqlite_begin(connection: Connection) -> None:
    adapted: Any = connection.connection.dbapi_connection
    writes = connection.get_execution_options().get("chanrong_writes", False)
    adapted.begin_with = "BEGIN IMMEDIATE" if writes else "BEGIN"


def _on_sqlite_reset(connection: Any, _record: object, _state: object) -> None:
    # Instead of the pool's rollback after every transaction, which would be a way to the thread for nothing.
    connection.begin_with = ""
    driver = connection.driver_connection
    if driver is not None and driver.in_transaction:
        connection.rollback()


async def _commit(session: AsyncSession) -> None:
    try:
        await session.commit()
    except DBAPIError as error:
        # A broken connection or a failed sync: the commit may have become durable nevertheless.
        if error.connection_invalidated or _sqlite_code(error) == sqlite3.SQLITE_IOERR:
            raise OutcomeUnknownError(
                "The database failed during the commit.", remedy="Repeat it under the same idempotency key."
            ) from error
        raise


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except PoolTimeoutError as error:
        raise StorageError("No database connection became free.", remedy="Try again later.") from error
    except (OperationalError, InterfaceError) as error:
        raise _storage_error(error) from error


def _storage_error(error: DBAPIError) -> ChanrongError:
    if _sqlite_code(error) == sqlite3.SQLITE_FULL:
        return StorageError(
            "The database's disk is full.", reason="STORAGE_FULL", remedy="Ask the operator to make room."
        )
    return StorageError("The database does not answer.", remedy="Try again later.")


def _sqlite_code(error: DBAPIError) -> int | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    return None if code is None else int(code) & 0xFF
