"""Inserting and finding many rows with few statements.

A driver lets go of the interpreter at every statement, and takes it back against everything else that wants
to run: a thousand single inserts in SQLite's thread cost seconds while the event loop is busy. One statement
for many rows costs it once. The statements' texts are few and remembered, so that drivers find them prepared.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Row, Table
from sqlalchemy.ext.asyncio import AsyncConnection

MAX_STATEMENT_VALUES = 8_192
"""Values of one statement; SQLite takes 32,766 and PostgreSQL 65,535."""
_SIZES = (2_000, 1_000, 500, 250, 125, 60, 30, 15, 8, 4, 2, 1)
"""Rows of one statement. A chunk of a push has 500."""


async def insert_rows(
    connection: AsyncConnection, table: Table, columns: tuple[str, ...], rows: Sequence[Sequence[object]]
) -> None:
    """Inserts rows, each with the values of the columns named, in their order.

    :raises IntegrityError: when a unique value is taken
    """
    most = MAX_STATEMENT_VALUES // len(columns)
    mark = _mark(connection)
    start = 0
    while start < len(rows):
        size = next(size for size in _SIZES if size <= min(most, len(rows) - start))
        values = tuple(chain.from_iterable(rows[start : start + size]))
        await connection.exec_driver_sql(_statement(table.name, columns, size, mark), values)
        start += size


async def rows_in(
    connection: AsyncConnection, statement: str, names: Sequence[str]
) -> list[Row[*tuple[Any, ...]]]:
    """Rows of a question with a list: ``... IN ({names})``.

    SQLAlchemy's own way of a list takes a microsecond per element; here, too, the texts are few, because a list is
    filled up with its last element.
    """
    mark = _mark(connection)
    found: list[Row[*tuple[Any, ...]]] = []
    for start in range(0, len(names), _SIZES[0]):
        part = names[start : start + _SIZES[0]]
        size = next(size for size in reversed(_SIZES) if size >= len(part))
        values = (*part, *([part[-1]] * (size - len(part))))
        found += (await connection.exec_driver_sql(_listed(statement, size, mark), values)).all()
    return found


def _mark(connection: AsyncConnection) -> str:
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


@lru_cache(maxsize=256)
def _listed(statement: str, names: int, mark: str) -> str:
    return statement.format(names=", ".join([mark] * names))


@lru_cache(maxsize=256)
def _statement(table: str, columns: tuple[str, ...], rows: int, mark: str) -> str:
    """``INSERT`` for so many rows; names come from this package, never from outside."""
    row = f"({', '.join([mark] * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * rows)}"  # noqa: S608
