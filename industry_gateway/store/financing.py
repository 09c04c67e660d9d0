"""Statements on financing requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from industry_gateway.store.tables import financing_request_assets, financing_requests


@dataclass(frozen=True, slots=True)
class FinancingRequest:
    """A request.

    :param applicant: ledger handle of the party that asks
    :param bank: MSP id of the bank that is asked
    :param amount: decimal number as text
    :param state: ``filed``, ``reserved``, ``financed``, ``released``, ``settled`` or ``refused``
    """

    request_id: str
    applicant: str
    bank: str
    fingerprints: tuple[str, ...]
    amount: str
    currency: str
    consent_id: str
    state: str
    created_at: int


_COLUMNS = (
    financing_requests.c.request_id,
    financing_requests.c.applicant,
    financing_requests.c.bank,
    financing_requests.c.amount,
    financing_requests.c.currency,
    financing_requests.c.consent_id,
    financing_requests.c.state,
    financing_requests.c.created_at,
)


async def add(
    connection: AsyncConnection, request: FinancingRequest, *, key: str | None, digest: str
) -> None:
    """Stores a request.

    :raises IntegrityError: when the applicant has used the key
    """
    await connection.execute(
        insert(financing_requests).values(
            request_id=request.request_id,
            applicant=request.applicant,
            bank=request.bank,
            amount=request.amount,
            currency=request.currency,
            consent_id=request.consent_id,
            state=request.state,
            idempotency_key=key,
            digest=digest,
            created_at=request.created_at,
        )
    )
    await connection.execute(
        insert(financing_request_assets),
        [
            {"request_id": request.request_id, "position": position, "fingerprint": fingerprint}
            for position, fingerprint in enumerate(request.fingerprints)
        ],
    )


async def find_key(
    connection: AsyncConnection, applicant: str, key: str
) -> tuple[FinancingRequest, str] | None:
    """The request that an applicant filed under a key, and the digest of what it asked for."""
    columns = financing_requests.c
    rows = (
        await connection.execute(
            select(columns.request_id, columns.digest).where(
                columns.applicant == applicant, columns.idempotency_key == key
            )
        )
    ).one_or_none()
    if rows is None:
        return None
    found = await _all(connection, select(*_COLUMNS).where(columns.request_id == rows.request_id))
    return found[0], rows.digest


async def of_applicant(connection: AsyncConnection, applicant: str, limit: int) -> list[FinancingRequest]:
    """An applicant's requests, newest first."""
    return await _newest(connection, financing_requests.c.applicant == applicant, limit)


async def to_bank(connection: AsyncConnection, bank: str, limit: int) -> list[FinancingRequest]:
    """The requests that a bank was asked, newest first."""
    return await _newest(connection, financing_requests.c.bank == bank, limit)


async def _newest(connection: AsyncConnection, condition: Any, limit: int) -> list[FinancingRequest]:
    statement = (
        select(*_COLUMNS)
        .where(condition)
        .order_by(financing_requests.c.created_at.desc(), financing_requests.c.request_id.desc())
        .limit(limit)
    )
    return await _all(connection, statement)


async def _all(connection: AsyncConnection, statement: Select[Any]) -> list[FinancingRequest]:
    rows = (await connection.execute(statement)).all()
    assets: dict[str, list[str]] = {}
    if rows:
        columns = financing_request_assets.c
        for request_id, fingerprint in await connection.execute(
            select(columns.request_id, columns.fingerprint)
            .where(columns.request_id.in_([row.request_id for row in rows]))
            .order_by(columns.request_id, columns.position)
        ):
            assets.setdefault(request_id, []).append(fingerprint)
    return [
        FinancingRequest(
            request_id=row.request_id,
            applicant=row.applicant,
            bank=row.bank,
            fingerprints=tuple(assets.get(row.request_id, ())),
            amount=row.amount,
            currency=row.currency,
            consent_id=row.consent_id,
            state=row.state,
            created_at=row.created_at,
        )
        for row in rows
    ]


async def reserved(connection: AsyncConnection, bank: str, asset: str, claim: str) -> str | None:
    """The bank's oldest request that offers an asset without a claim on it; notes the claim there."""
    columns = financing_request_assets.c
    request_id: str | None = await connection.scalar(
        select(columns.request_id)
        .join(financing_requests, financing_requests.c.request_id == columns.request_id)
        .where(columns.fingerprint == asset, columns.claim == "", financing_requests.c.bank == bank)
        .order_by(financing_requests.c.created_at)
        .limit(1)
    )
    if request_id is not None:
        await connection.execute(
            update(financing_request_assets)
            .where(columns.request_id == request_id, columns.fingerprint == asset)
            .values(claim=claim)
        )
    return request_id


async def claimed(connection: AsyncConnection, bank: str, asset: str, claim: str) -> str | None:
    """The bank's request that a claim was made for."""
    columns = financing_request_assets.c
    found: str | None = await connection.scalar(
        select(columns.request_id)
        .join(financing_requests, financing_requests.c.request_id == columns.request_id)
        .where(columns.fingerprint == asset, columns.claim == claim, financing_requests.c.bank == bank)
        .limit(1)
    )
    return found


async def set_state(connection: AsyncConnection, request_ids: Sequence[str], state: str) -> None:
    """Moves requests to a state."""
    if request_ids:
        await connection.execute(
            update(financing_requests)
            .where(financing_requests.c.request_id.in_(request_ids))
            .values(state=state)
        )
