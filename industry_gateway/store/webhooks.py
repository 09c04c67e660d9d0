"""Statements on webhooks: endpoints, and messages that are owed to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from industry_gateway.store.database import MAX_PARAMETERS
from industry_gateway.store.tables import (
    documents,
    parties,
    webhook_deliveries,
    webhook_endpoints,
)

PENDING = "pending"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a party wants its messages.

    :param sealed: wrapped key and encrypted secret
    """

    endpoint_id: str
    party: str
    url: str
    sealed: tuple[bytes | None, bytes]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that is owed."""

    delivery_id: str
    endpoint_id: str
    payload: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Concerned:
    """A document of a batch whose pusher has an endpoint."""

    endpoint_id: str
    document_id: str
    fingerprint: str
    kind: str


def _endpoint(row: object) -> Endpoint:
    return Endpoint(
        row.endpoint_id,  # type: ignore[attr-defined]
        row.party,  # type: ignore[attr-defined]
        row.url,  # type: ignore[attr-defined]
        (row.wrapped_key, bytes(row.sealed_secret)),  # type: ignore[attr-defined]
    )


async def of_party(connection: AsyncConnection, party: str) -> Endpoint | None:
    """A party's endpoint."""
    rows = await connection.execute(select(webhook_endpoints).where(webhook_endpoints.c.party == party))
    row = rows.one_or_none()
    return None if row is None else _endpoint(row)


async def by_ids(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Endpoint]:
    """Endpoints by identifier."""
    rows = await connection.execute(select(webhook_endpoints).where(webhook_endpoints.c.endpoint_id.in_(ids)))
    return {row.endpoint_id: _endpoint(row) for row in rows}


async def set_endpoint(connection: AsyncConnection, endpoint: Endpoint, *, at: int) -> None:
    """Stores a party's endpoint in place of the one it has; what was owed to that one is dropped."""
    await remove(connection, endpoint.party)
    await connection.execute(
        insert(webhook_endpoints).values(
            endpoint_id=endpoint.endpoint_id,
            party=endpoint.party,
            url=endpoint.url,
            wrapped_key=endpoint.sealed[0],
            sealed_secret=endpoint.sealed[1],
            created_at=at,
        )
    )


async def remove(connection: AsyncConnection, party: str) -> bool:
    """Removes a party's endpoint with what is owed to it; whether there was one."""
    own = select(webhook_endpoints.c.endpoint_id).where(webhook_endpoints.c.party == party)
    await connection.execute(delete(webhook_deliveries).where(webhook_deliveries.c.endpoint_id.in_(own)))
    done = await connection.execute(delete(webhook_endpoints).where(webhook_endpoints.c.party == party))
    return done.rowcount > 0


async def concerned(connection: AsyncConnection, fingerprints: Sequence[str]) -> list[Concerned]:
    """Documents of a batch whose pushers want to be told; before the batch's results are stored."""
    if await connection.scalar(select(webhook_endpoints.c.endpoint_id).limit(1)) is None:
        return []
    statement = (
        select(
            webhook_endpoints.c.endpoint_id,
            documents.c.document_id,
            documents.c.fingerprint,
            documents.c.kind,
        )
        .join(parties, parties.c.handle == documents.c.pushed_by)
        .join(webhook_endpoints, webhook_endpoints.c.party == parties.c.alias)
        .where(documents.c.live_fingerprint.in_(bindparam("names", expanding=True)))
    )
    found: list[Concerned] = []
    for start in range(0, len(fingerprints), MAX_PARAMETERS):
        rows = await connection.execute(statement, {"names": fingerprints[start : start + MAX_PARAMETERS]})
        found += [Concerned(*row) for row in rows]
    return sorted(found, key=lambda each: (each.endpoint_id, each.document_id))


async def owe(connection: AsyncConnection, deliveries: Sequence[Delivery], *, at: int) -> None:
    """Stores messages to be sent."""
    if deliveries:
        await connection.execute(
            insert(webhook_deliveries),
            [
                {
                    "delivery_id": each.delivery_id,
                    "endpoint_id": each.endpoint_id,
                    "payload": each.payload,
                    "attempts": each.attempts,
                    "next_at": at,
                    "state": PENDING,
                }
                for each in deliveries
            ],
        )


async def due(connection: AsyncConnection, *, at: int, limit: int) -> list[Delivery]:
    """Messages whose time has come, oldest first."""
    columns = webhook_deliveries.c
    rows = await connection.execute(
        select(columns.delivery_id, columns.endpoint_id, columns.payload, columns.attempts)
        .where(columns.state == PENDING, columns.next_at <= at)
        .order_by(columns.next_at, columns.delivery_id)
        .limit(limit)
    )
    return [Delivery(row[0], row[1], bytes(row[2]), row[3]) for row in rows]


async def next_due(connection: AsyncConnection) -> int | None:
    """When the next message's time comes; None when none is owed."""
    found: int | None = await connection.scalar(
        select(webhook_deliveries.c.next_at)
        .where(webhook_deliveries.c.state == PENDING)
        .order_by(webhook_deliveries.c.next_at)
        .limit(1)
    )
    return found


async def take(connection: AsyncConnection, delivery: Delivery, *, until: int) -> bool:
    """Counts an attempt and keeps others away meanwhile; False when somebody else was faster."""
    columns = webhook_deliveries.c
    done = await connection.execute(
        update(webhook_deliveries)
        .where(
            columns.delivery_id == delivery.delivery_id,
            columns.attempts == delivery.attempts,
            columns.state == PENDING,
        )
        .values(attempts=delivery.attempts + 1, next_at=until)
    )
    return done.rowcount == 1


async def later(connection: AsyncConnection, delivery_id: str, *, at: int | None) -> None:
    """Sets when a message is tried again; never, when None."""
    values = {"state": FAILED} if at is None else {"next_at": at}
    await connection.execute(
        update(webhook_deliveries).where(webhook_deliveries.c.delivery_id == delivery_id).values(**values)
    )


async def done(connection: AsyncConnection, delivery_id: str) -> None:
    """A message was taken."""
    await connection.execute(
        delete(webhook_deliveries).where(webhook_deliveries.c.delivery_id == delivery_id)
    )
