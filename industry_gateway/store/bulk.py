"""Inserting many rows with few statements.

A driver lets go of the interpreter at every statement, and takes it back against everything else that wants
to run: a thousand single inserts in SQLite's thread cost seconds while the event loop is busy. One statement
for many rows costs it once. The statements' texts are few and remembered, so that drivers find them prepared.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

MAX_STATEMENT_VALUES = 2_048
"""Values of one statement; SQLite takes 32,766 and PostgreSQL 65,535."""


async def insert_rows(
    connection: AsyncConnection, table: Table, columns: tuple[str, ...], rows: Sequence[Sequence[object]]
) -> None:
    """Inserts rows, each with the values of the columns named, in their order.

    :raises IntegrityError: when a unique value is taken
    """
    most = 1 << (MAX_STATEMENT_VALUES // len(columns)).bit_length() - 1
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    start = 0
    while start < len(rows):
        size = min(most, 1 << (len(rows) - start).bit_length() - 1)
        values = tuple(chain.from_iterable(rows[start : start + size]))
        await connection.exec_driver_sql(_statement(table.name, columns, size, mark), values)
        start += size


@lru_cache(maxsize=256)
def _statement(table: str, columns: tuple[str, ...], rows: int, mark: str) -> str:
    """``INSERT`` for so many rows; names come from this package, never from outside."""
    row = f"({', '.join([mark] * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"  # noqa: S608
