"""Statements on filings.

States: ``pending`` (stored, not sent) -> ``unknown`` (sent; the answer is not known) -> ``done`` | ``refused``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import exists, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import NotFoundError
from consortium.storage.leases import database_time, rows_changed
from finance_gateway.store.tables import filing_assets, filings

PENDING: Final = "pending"
UNKNOWN: Final = "unknown"
DONE: Final = "done"
REFUSED: Final = "refused"
OPEN: Final = (PENDING, UNKNOWN)

FILE: Final = "file"
AMEND: Final = "amend"
CANCEL: Final = "cancel"

MAX_LISTED: Final = 500
MAX_IN_LIST: Final = 5_000
MAX_MESSAGE_CHARS: Final = 512
MAX_REASON_CHARS: Final = 64


_FILING_LOCK: Final = 0x6368_616E_7265_67
"""Key of the advisory lock, in this database alone."""


@dataclass(frozen=True, slots=True)
class FilingRow:
    """One filing, with its request still sealed. Times are seconds since 1970 UTC."""

    filing_id: str
    operation_id: str
    act: str
    state: str
    registration: str
    kind: str
    term_months: int
    fingerprints: tuple[str, ...]
    request: bytes
    wrapped_key: bytes
    attempts: int
    registered: int
    expires: int
    reason: str
    message: str
    created: int
    requested_by: str


_COLUMNS = [filings.c[name] for name in FilingRow.__slots__]


def _row(row: Any) -> FilingRow:
    values = dict(row._mapping)
    values["fingerprints"] = tuple(orjson.loads(values["fingerprints"]))
    return FilingRow(**values)


async def add(session: AsyncSession, row: FilingRow) -> None:
    """Stores a filing before anything is sent; its time is the database's."""
    values = {name: getattr(row, name) for name in FilingRow.__slots__}
    values["fingerprints"] = orjson.dumps(row.fingerprints).decode()
    values["created"] = await database_time(session)
    await session.execute(insert(filings).values(**values))
    if row.fingerprints:
        rows = [{"fingerprint": each, "filing_id": row.filing_id} for each in row.fingerprints]
        await session.execute(insert(filing_assets), rows)


async def get(session: AsyncSession, filing_id: str) -> FilingRow:
    """One filing.

    :raises NotFoundError: there is none
    """
    row = (await session.execute(select(*_COLUMNS).where(filings.c.filing_id == filing_id))).one_or_none()
    if row is None:
        raise NotFoundError(
            f"There is no filing {filing_id!r}.", remedy="List them with `chanrong registry show`."
        )
    return _row(row)


async def listed(session: AsyncSession, registration: str, fingerprint: str) -> list[FilingRow]:
    """Filings, newest first."""
    query = select(*_COLUMNS).order_by(filings.c.created.desc(), filings.c.filing_id).limit(MAX_LISTED)
    if registration:
        query = query.where(filings.c.registration == registration)
    if fingerprint:
        mine = select(filing_assets.c.filing_id).where(filing_assets.c.fingerprint == fingerprint)
        query = query.where(filings.c.filing_id.in_(mine))
    return [_row(row) for row in await session.execute(query)]


async def made(session: AsyncSession, registration: str) -> FilingRow:
    """The filing that made a registration of this bank.

    :raises NotFoundError: this gateway made no such registration
    """
    query = select(*_COLUMNS).where(
        filings.c.registration == registration, filings.c.act == FILE, filings.c.state == DONE
    )
    row = (await session.execute(query)).first()
    if row is None:
        raise NotFoundError(
            f"This bank made no registration {registration!r} here.",
            remedy="List its own with `chanrong registry show`.",
        )
    return _row(row)


async def covering(session: AsyncSession, fingerprints: Sequence[str], now: int) -> FilingRow | None:
    """A filing of this bank that covers one of these assets already, or is about to; until the transaction ends no
    other replica stores one."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _FILING_LOCK})
    cancelled = filings.alias()
    gone = exists().where(
        cancelled.c.registration == filings.c.registration,
        cancelled.c.act == CANCEL,
        cancelled.c.state == DONE,
    )
    for start in range(0, len(fingerprints), MAX_IN_LIST):
        query = (
            select(*_COLUMNS)
            .join(filing_assets, filing_assets.c.filing_id == filings.c.filing_id)
            .where(filing_assets.c.fingerprint.in_(fingerprints[start : start + MAX_IN_LIST]))
            .where(filings.c.act == FILE, filings.c.state != REFUSED, ~gone)
            .where((filings.c.expires == 0) | (filings.c.expires > now))
            .limit(1)
        )
        row = (await session.execute(query)).first()
        if row is not None:
            return _row(row)
    return None


async def sending(session: AsyncSession, filing_id: str) -> bool:
    """Notes that it is about to be sent; False where somebody else settled it."""
    changed = await session.execute(
        update(filings)
        .where(filings.c.filing_id == filing_id, filings.c.state.in_(OPEN))
        .values(state=UNKNOWN, attempts=filings.c.attempts + 1)
    )
    return rows_changed(changed) == 1


async def settle(session: AsyncSession, filing_id: str, state: str, **values: Any) -> None:
    """What became of a filing that is open; the first one who knows says so."""
    for name, limit in (("message", MAX_MESSAGE_CHARS), ("reason", MAX_REASON_CHARS)):
        if name in values:
            values[name] = values[name][:limit]
    await session.execute(
        update(filings)
        .where(filings.c.filing_id == filing_id, filings.c.state.in_(OPEN))
        .values(state=state, **values)
    )


async def extend(session: AsyncSession, registration: str, expires: int) -> None:
    """The registration has another end now."""
    await session.execute(
        update(filings)
        .where(filings.c.registration == registration, filings.c.act == FILE)
        .values(expires=expires)
    )


async def open_ids(session: AsyncSession, running: Collection[str]) -> list[str]:
    """Filings that are open, oldest first."""
    query = (
        select(filings.c.filing_id)
        .where(filings.c.state.in_(OPEN))
        .order_by(filings.c.created)
        .limit(MAX_LISTED)
    )
    return [each for each in (await session.execute(query)).scalars() if each not in running]
