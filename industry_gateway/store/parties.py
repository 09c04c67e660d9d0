"""Statements on registered parties."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from consortium.documents.fingerprint import party_id
from industry_gateway.parties.directory import Tenant
from industry_gateway.store.tables import parties, party_identifiers


async def load(connection: AsyncConnection) -> list[Tenant]:
    """All registered parties."""
    names: dict[str, list[str]] = {}
    rows = await connection.execute(
        select(party_identifiers.c.alias, party_identifiers.c.identifier).order_by(
            party_identifiers.c.alias, party_identifiers.c.position
        )
    )
    for alias, identifier in rows:
        names.setdefault(alias, []).append(identifier)
    found = await connection.execute(select(parties))
    return [
        Tenant(
            alias=row.alias,
            name=row.name,
            handle=row.handle,
            identifiers=tuple(party_id(name) for name in names.get(row.alias, ())),
            key_number=row.key_number,
            public_key=bytes(row.public_key),
            secret_hash=row.secret_hash,
        )
        for row in found
    ]


async def add(connection: AsyncConnection, tenant: Tenant, *, at: int) -> None:
    """Stores a party.

    :raises IntegrityError: when its alias, handle or an identifier is taken
    """
    await connection.execute(
        insert(parties).values(
            alias=tenant.alias,
            name=tenant.name,
            handle=tenant.handle,
            key_number=tenant.key_number,
            public_key=tenant.public_key,
            secret_hash=tenant.secret_hash,
            created_at=at,
        )
    )
    await connection.execute(insert(party_identifiers), _identifier_rows(tenant))


async def set_secret(connection: AsyncConnection, alias: str, secret_hash: str) -> None:
    """Replaces a party's client secret."""
    await connection.execute(update(parties).where(parties.c.alias == alias).values(secret_hash=secret_hash))


def _identifier_rows(tenant: Tenant) -> Sequence[dict[str, object]]:
    return [
        {"identifier": str(name), "alias": tenant.alias, "position": position}
        for position, name in enumerate(tenant.identifiers)
    ]
