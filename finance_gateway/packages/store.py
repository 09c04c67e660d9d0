"""Statements on packages, their documents and events."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import NotFoundError
from finance_gateway.packages.builder import Built
from finance_gateway.store.tables import package_documents, package_events, packages

MAX_LISTED: Final = 500
MAX_IN_LIST: Final = 5_000
LIVE: Final = ("valid", "reopened")


@dataclass(frozen=True, slots=True)
class PackageRow:
    """A package as the store has it, without its content. Times are seconds since 1970 UTC."""

    package_id: str
    subject: str
    purpose: str
    consent_id: str
    profile: str
    stage: str
    state_reason: str
    digest: str
    summary: dict[str, Any]
    evaluated_at: int
    valid_until: int
    supersedes: str | None
    anchor_txid: str


@dataclass(frozen=True, slots=True)
class PackageEvent:
    """One thing that happened to a package."""

    sequence: int
    package_id: str
    event: str
    reason: str


_COLUMNS = [packages.c[name] for name in PackageRow.__slots__]


def _row(row: Any) -> PackageRow:
    values = dict(row._mapping)
    values["summary"] = orjson.loads(values["summary"])
    return PackageRow(**values)


async def add(session: AsyncSession, package: PackageRow, requested_by: str) -> None:
    """Stores a package that is being made."""
    values = {name: getattr(package, name) for name in PackageRow.__slots__}
    values["summary"] = orjson.dumps(package.summary).decode()
    await session.execute(
        insert(packages).values(**values, created=int(time.time()), requested_by=requested_by)
    )


async def complete(session: AsyncSession, built: Built, wrapped_key: bytes, content: bytes) -> None:
    """Stores a made package's content, before it is anchored."""
    payload = built.payload
    await session.execute(
        update(packages)
        .where(packages.c.package_id == built.package_id)
        .values(
            digest=built.digest,
            consent_id=built.evidence.request.consent_id,
            summary=orjson.dumps(payload["summary"]).decode(),
            evaluated_at=payload["evaluated_at"],
            valid_until=payload["valid_until"],
            content=content,
            wrapped_key=wrapped_key,
        )
    )
    watched = {item.fingerprint for item in built.evidence.documents}
    watched |= {item["fingerprint"] for item in payload["receivables"]}
    if built.evidence.ledger is not None:
        watched |= set(built.evidence.ledger.assets)
    if watched:
        rows = [{"package_id": built.package_id, "fingerprint": each} for each in sorted(watched)]
        await session.execute(insert(package_documents), rows)


async def get(session: AsyncSession, package_id: str) -> PackageRow:
    """One package.

    :raises NotFoundError: there is none
    """
    row = (await session.execute(select(*_COLUMNS).where(packages.c.package_id == package_id))).one_or_none()
    if row is None:
        raise NotFoundError(
            f"There is no package {package_id!r}.", remedy="List them with `chanrong package list`."
        )
    return _row(row)


async def sealed_content(session: AsyncSession, package_id: str) -> tuple[bytes | None, bytes | None]:
    """Wrapped key and sealed content; None when it is not made or was erased."""
    query = select(packages.c.wrapped_key, packages.c.content).where(packages.c.package_id == package_id)
    row = (await session.execute(query)).one()
    return row.wrapped_key, row.content


async def listed(session: AsyncSession, subject: str, limit: int) -> list[PackageRow]:
    """Packages that were issued, newest first."""
    query = (
        select(*_COLUMNS)
        .where(packages.c.stage.not_in(("making", "failed")))
        .order_by(packages.c.created.desc(), packages.c.package_id)
        .limit(min(limit or 100, MAX_LISTED))
    )
    if subject:
        query = query.where(packages.c.subject == subject)
    return [_row(row) for row in await session.execute(query)]


async def change(
    session: AsyncSession, package_id: str, *, stage: str, event: str, reason: str, **values: Any
) -> None:
    """Moves a package on and records the event."""
    await session.execute(
        update(packages)
        .where(packages.c.package_id == package_id)
        .values(stage=stage, state_reason=reason[:512], **values)
    )
    await session.execute(
        insert(package_events).values(
            package_id=package_id, event=event, reason=reason[:512], at=int(time.time())
        )
    )


async def fail(session: AsyncSession, package_id: str, reason: str) -> None:
    """Notes that a package was not made."""
    await session.execute(
        update(packages)
        .where(packages.c.package_id == package_id, packages.c.stage == "making")
        .values(stage="failed", state_reason=reason[:512])
    )


async def touching(session: AsyncSession, fingerprints: Iterable[str]) -> list[str]:
    """Live packages that rest on one of these documents or assets."""
    wanted = list(fingerprints)
    found: set[str] = set()
    for start in range(0, len(wanted), MAX_IN_LIST):
        query = (
            select(package_documents.c.package_id)
            .join(packages, packages.c.package_id == package_documents.c.package_id)
            .where(package_documents.c.fingerprint.in_(wanted[start : start + MAX_IN_LIST]))
            .where(packages.c.stage.in_(LIVE))
            .distinct()
        )
        found |= set((await session.execute(query)).scalars())
    return sorted(found)


async def under_consents(session: AsyncSession, consent_ids: Sequence[str]) -> list[str]:
    """Live packages that were made under one of these consents."""
    query = select(packages.c.package_id).where(
        packages.c.consent_id.in_(consent_ids), packages.c.stage.in_(LIVE)
    )
    return list((await session.execute(query)).scalars())


async def of_subject(session: AsyncSession, subjects: Sequence[str]) -> list[str]:
    """Live packages on one of these subjects."""
    query = select(packages.c.package_id).where(packages.c.subject.in_(subjects), packages.c.stage.in_(LIVE))
    return list((await session.execute(query)).scalars())


async def events_after(
    session: AsyncSession, sequence: int, package_id: str, limit: int
) -> list[PackageEvent]:
    """Events behind a sequence number, oldest first."""
    query = (
        select(
            package_events.c.sequence,
            package_events.c.package_id,
            package_events.c.event,
            package_events.c.reason,
        )
        .where(package_events.c.sequence > sequence)
        .order_by(package_events.c.sequence)
        .limit(limit)
    )
    if package_id:
        query = query.where(package_events.c.package_id == package_id)
    return [PackageEvent(*row) for row in await session.execute(query)]


async def last_sequence(session: AsyncSession) -> int:
    """The newest event's sequence number."""
    return int(
        (await session.execute(select(func.coalesce(func.max(package_events.c.sequence), 0)))).scalar_one()
    )
