"""SQLite's driver for the event loop, with one way to its thread and back for each statement.

SQLAlchemy's own adapter goes there for a cursor, for the statement, for its rows and to close the cursor, and once
more to begin a transaction. On a busy machine each way waits for two turns of the scheduler, and a document that
comes alone meets some hundred of them. Here a statement is one, and a transaction begins with its first statement.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.engine.interfaces import DBAPIModule
from sqlalchemy.util.concurrency import await_

_Done = tuple[Sequence[Any], Any, int, int | None]
"""What came of a statement: rows, description, row count, last row id."""


def _executed(connection: sqlite3.Connection, begin: str, many: bool, statement: str, values: Any) -> _Done:
    """Runs in the driver's thread.

    :param begin: what begins the transaction first; empty once it has begun
    """
    cursor = connection.cursor()
    try:
        if begin:
            cursor.execute(begin)
        if many:
            cursor.executemany(statement, values)
        else:
            cursor.execute(statement, () if values is None else values)
        rows = () if cursor.description is None else cursor.fetchall()
        return rows, cursor.description, cursor.rowcount, cursor.lastrowid
    finally:
        cursor.close()


class Cursor:
    """A cursor as SQLAlchemy uses it; its rows are here when its statement has run."""

    arraysize = 1

    def __init__(self, connection: SqliteConnection) -> None:
        self._connection = connection
        self._rows: deque[Any] = deque()
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    def execute(self, statement: str, values: Any = None) -> Cursor:
        """Runs a statement."""
        return self._run(False, statement, values)

    def executemany(self, statement: str, values: Any) -> Cursor:
        """Runs a statement once for each of many sets of values."""
        return self._run(True, statement, values)

    def _run(self, many: bool, statement: str, values: Any) -> Cursor:
        rows, self.description, self.rowcount, self.lastrowid = self._connection.run(many, statement, values)
        self._rows = deque(rows)
        return self

    def fetchone(self) -> Any:
        """The next row."""
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows."""
        count = min(self.arraysize if size is None else size, len(self._rows))
        return [self._rows.popleft() for _ in range(count)]

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        found = list(self._rows)
        self._rows.clear()
        return found

    def setinputsizes(self, *sizes: Any) -> None:
        """Nothing to do in SQLite."""

    def close(self) -> None:
        """Lets the rows go; the driver's cursor is closed already."""
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """As SQLAlchemy calls it when it keeps the rows."""


class SqliteConnection(AsyncAdapt_aiosqlite_connection):
    """A connection whose transaction begins with its first statement."""

    __slots__ = ("begin_with",)

    def __init__(self, dbapi: AsyncAdapt_aiosqlite_dbapi, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.begin_with = ""
        """What the next statement begins the transaction with; empty when one has begun, or none is wanted."""

    def cursor(self, server_side: bool = False) -> Any:
        """A new cursor."""
        return super().cursor(server_side=True) if server_side else Cursor(self)

    def run(self, many: bool, statement: str, values: Any) -> _Done:
        """Runs a statement in the driver's thread."""
        begin, self.begin_with = self.begin_with, ""
        driver: Any = self._connection
        try:
            done: _Done = await_(driver._execute(_executed, driver._conn, begin, many, statement, values))
        except Exception as error:  # noqa: BLE001 - translated there, or raised again
            self._handle_exception(error)
        return done

    def commit(self) -> None:
        """Commits, where a transaction has begun."""
        if not self._forgotten():
            super().commit()

    def rollback(self) -> None:
        """Rolls back, where a transaction has begun."""
        if not self._forgotten():
            super().rollback()

    def _forgotten(self) -> bool:
        """Whether a transaction was to begin and had no statement."""
        begin, self.begin_with = self.begin_with, ""
        return bool(begin)


class _Module(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *args: Any, **options: Any) -> SqliteConnection:
        return SqliteConnection(self, super().connect(*args, **options)._connection)


DRIVER: Final[DBAPIModule] = _Module(aiosqlite, sqlite3)
"""To be given to ``create_async_engine`` as its module."""
