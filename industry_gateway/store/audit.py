"""The audit log: append-only, each entry's hash covers the one before, so that a changed or missing row
shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from industry_gateway.store.tables import audit_log

GENESIS = "0" * 64
"""What stands before the first entry."""


def entry_hash(previous: str, entry: bytes) -> str:
    """Hash of an entry (hex): SHA-256 over the hash before it and its bytes."""
    return hashlib.sha256(previous.encode() + b"|" + entry).hexdigest()


async def append(connection: AsyncConnection, entry: Mapping[str, object], *, at: int) -> None:
    """Adds an entry in the caller's transaction.

    :raises IntegrityError: when another replica added one at the same moment; do the transaction again
    """
    last = (
        await connection.execute(
            select(audit_log.c.sequence, audit_log.c.hash).order_by(audit_log.c.sequence.desc()).limit(1)
        )
    ).one_or_none()
    sequence, previous = (1, GENESIS) if last is None else (last.sequence + 1, last.hash)
    content = json.dumps(
        {**entry, "sequence": sequence, "recorded_at": at}, sort_keys=True, ensure_ascii=False
    ).encode()
    await connection.execute(
        insert(audit_log).values(
            sequence=sequence,
            recorded_at=at,
            entry=content,
            previous_hash=previous,
            hash=entry_hash(previous, content),
        )
    )


async def broken(connection: AsyncConnection) -> list[str]:
    """Everything that is wrong with the log; empty when it is whole.

    A cut tail cannot be seen from within.
    """
    problems: list[str] = []
    previous, expected = GENESIS, 1
    rows = await connection.stream(select(audit_log).order_by(audit_log.c.sequence))
    async for row in rows:
        if row.sequence != expected:
            problems.append(f"entry {expected} is missing")
        content = bytes(row.entry)
        if row.previous_hash != previous or row.hash != entry_hash(row.previous_hash, content):
            problems.append(f"entry {row.sequence} was changed, or the one before it")
        if json.loads(content).get("sequence") != row.sequence:
            problems.append(f"entry {row.sequence} stands in another's place")
        previous, expected = row.hash, row.sequence + 1
    return problems
