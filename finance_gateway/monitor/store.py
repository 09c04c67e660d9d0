"""Statements on what is watched of packages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import exists, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.storage.crypto import Sealed
from consortium.storage.leases import rows_changed
from finance_gateway.packages.store import LIVE
from finance_gateway.store.tables import claims, package_documents, package_monitor, packages

FINANCED: Final = "financed"


@dataclass(frozen=True, slots=True)
class DueRow:
    """A package whose institutions are to be asked again.

    :ivar version: of what is kept; whoever writes it has to have read the latest
    """

    package_id: str
    consent_id: str
    valid_until: int
    content: bytes
    wrapped_key: bytes | None
    version: int


@dataclass(frozen=True, slots=True)
class FinancedClaim:
    """A claim of this bank that money went out on.

    :ivar consent_id: the consent with monitor scope that it was financed under
    """

    asset: str
    consent_id: str


async def add(session: AsyncSession, package_id: str, sealed: Sealed, now: int) -> None:
    """Keeps what a new package rests on."""
    await session.execute(
        insert(package_monitor).values(
            package_id=package_id,
            content=sealed.ciphertext,
            wrapped_key=sealed.wrapped_key,
            version=1,
            polled=now,
        )
    )


async def due(session: AsyncSession, now: int, limit: int) -> Sequence[DueRow]:
    """Packages that may still be relied on, or that money went out on; the longest not asked about first."""
    financed = exists(
        select(claims.c.claim_id)
        .join(package_documents, package_documents.c.fingerprint == claims.c.asset)
        .where(package_documents.c.package_id == packages.c.package_id, claims.c.state == FINANCED)
    )
    query = (
        select(
            packages.c.package_id,
            packages.c.consent_id,
            packages.c.valid_until,
            package_monitor.c.content,
            package_monitor.c.wrapped_key,
            package_monitor.c.version,
        )
        .join(package_monitor, package_monitor.c.package_id == packages.c.package_id)
        .where(packages.c.stage.in_(LIVE), or_(packages.c.valid_until >= now, financed))
        .order_by(package_monitor.c.polled, packages.c.package_id)
        .limit(limit)
    )
    return [DueRow(*row) for row in await session.execute(query)]


async def financed_claims(session: AsyncSession) -> list[FinancedClaim]:
    """This bank's claims that money went out on."""
    query = select(claims.c.asset, claims.c.consent_id).where(claims.c.state == FINANCED)
    return [FinancedClaim(*row) for row in await session.execute(query)]


async def polled(session: AsyncSession, package_id: str, now: int) -> None:
    """Notes that a package's institutions were asked, and nothing changed."""
    await session.execute(
        update(package_monitor).where(package_monitor.c.package_id == package_id).values(polled=now)
    )


async def put(session: AsyncSession, row: DueRow, sealed: Sealed, now: int) -> bool:
    """Keeps newer facts; whether nobody else did in between."""
    changed = await session.execute(
        update(package_monitor)
        .where(package_monitor.c.package_id == row.package_id, package_monitor.c.version == row.version)
        .values(
            content=sealed.ciphertext, wrapped_key=sealed.wrapped_key, version=row.version + 1, polled=now
        )
    )
    return rows_changed(changed) == 1
