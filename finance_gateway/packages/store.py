"""Statements on packages, what they rest on, and their events.

A package's stages: ``making`` -> ``valid`` -> ``reopened`` | ``superseded`` | ``revoked``; or ``making`` -> ``failed``.
Events are written only in the transaction that stores a block, one block after the other, so that who reads them by
sequence number misses none.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import NotFoundError, UnavailableError
from consortium.storage.leases import database_time, rows_changed
from finance_gateway.packages.builder import Built
from finance_gateway.store.tables import package_contents, package_documents, package_events, packages

MAX_LISTED: Final = 500
DEFAULT_LISTED: Final = 100
MAX_IN_LIST: Final = 5_000
MAX_REASON_CHARS: Final = 512

MAKING: Final = "making"
FAILED: Final = "failed"
VALID: Final = "valid"
REOPENED: Final = "reopened"
SUPERSEDED: Final = "superseded"
ISSUED: Final = (VALID, REOPENED, SUPERSEDED, "revoked")
LIVE: Final = (VALID, REOPENED)


class PackageGoneError(UnavailableError):
    """A package that was being made is not any more: it was given up as interrupted."""

    reason = "INTERRUPTED"


@dataclass(frozen=True, slots=True)
class PackageRow:
    """A package as the store has it, without its content. Times are seconds since 1970 UTC.

    :ivar created: when it was asked for, by the database's clock
    :ivar anchor_op: the operation that anchors it; empty before its content is stored
    """

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
    created: int
    anchor_op: str


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


# --- making one ---------------------------------------------------------------------------------


async def add(
    session: AsyncSession,
    package_id: str,
    *,
    subject: str,
    purpose: str,
    consent_id: str,
    profile: str,
    supersedes: str | None,
    requested_by: str,
) -> None:
    """Stores a package that is being made."""
    await session.execute(
        insert(packages).values(
            package_id=package_id,
            subject=subject,
            purpose=purpose,
            consent_id=consent_id,
            profile=profile,
            stage=MAKING,
            supersedes=supersedes,
            created=await database_time(session),
            requested_by=requested_by,
        )
    )


async def watch(
    session: AsyncSession, package_id: str, consent_id: str, fingerprints: Collection[str], *, anew: bool
) -> None:
    """Notes what a package that is being made rests on besides what is noted already; facts from now on are kept.

    :param anew: facts kept until now are dropped: the ledger is read after this
    :raises PackageGoneError: it is not being made any more
    """
    values = {"consent_id": consent_id} | ({"reopen_reason": ""} if anew else {})
    changed = await session.execute(
        update(packages)
        .where(packages.c.package_id == package_id, packages.c.stage == MAKING)
        .values(**values)
    )
    _still(changed)
    if fingerprints:
        rows = [{"package_id": package_id, "fingerprint": each} for each in sorted(fingerprints)]
        await session.execute(insert(package_documents), rows)


async def complete(
    session: AsyncSession, built: Built, anchor_op: str, wrapped_key: bytes, content: bytes
) -> None:
    """Stores a made package's content, before it is anchored.

    :raises PackageGoneError: it is not being made any more
    """
    changed = await session.execute(
        update(packages)
        .where(packages.c.package_id == built.package_id, packages.c.stage == MAKING)
        .values(
            digest=built.digest,
            summary=orjson.dumps(built.summary).decode(),
            evaluated_at=built.evaluated_at,
            valid_until=built.valid_until,
            anchor_op=anchor_op,
        )
    )
    _still(changed)
    await session.execute(
        insert(package_contents).values(package_id=built.package_id, content=content, wrapped_key=wrapped_key)
    )


def _still(changed: Any) -> None:
    if rows_changed(changed) != 1:
        raise PackageGoneError(
            "The package was given up while it was being made.", remedy="Ask for it again."
        )


async def fail(session: AsyncSession, package_id: str, reason: str) -> None:
    """Notes that a package was not made."""
    await session.execute(
        update(packages)
        .where(packages.c.package_id == package_id, packages.c.stage == MAKING)
        .values(stage=FAILED, state_reason=reason[:MAX_REASON_CHARS])
    )


async def fail_interrupted(session: AsyncSession, older_than_s: int, package_id: str = "") -> list[str]:
    """Gives up packages whose making ended with its process: nothing of them was stored for the ledger.

    :param older_than_s: by the database's clock; younger ones may be another replica's
    :param package_id: only this one, when given
    """
    latest = await database_time(session) - older_than_s
    query = (
        update(packages)
        .where(packages.c.stage == MAKING, packages.c.anchor_op == "", packages.c.created <= latest)
        .values(stage=FAILED, state_reason="INTERRUPTED: the gateway stopped while it made the package")
        .returning(packages.c.package_id)
    )
    if package_id:
        query = query.where(packages.c.package_id == package_id)
    return sorted((await session.execute(query)).scalars())


# --- what becomes of one ------------------------------------------------------------------------


async def issue(session: AsyncSession, package_id: str, txid: str) -> None:
    """Makes an anchored package valid, or reopened at once where something happened since its evidence."""
    query = select(packages.c.reopen_reason, packages.c.supersedes, packages.c.stage)
    row = (await session.execute(query.where(packages.c.package_id == package_id))).one()
    if row.stage in ISSUED:
        return
    await _change(session, package_id, VALID, "issued", "", anchor_txid=txid)
    if row.supersedes:
        await _change(session, row.supersedes, SUPERSEDED, "superseded", f"replaced by {package_id}")
    if row.reopen_reason:
        await _change(session, package_id, REOPENED, "reopened", row.reopen_reason)


async def reopen(session: AsyncSession, package_id: str, reason: str) -> None:
    """Reopens a package, or keeps the reason for one that is not anchored yet; the same reason twice is one event.

    One that was superseded, revoked or not made stays as it is: nobody relies on it.
    """
    query = select(packages.c.stage, packages.c.state_reason).where(packages.c.package_id == package_id)
    row = (await session.execute(query)).one()
    if row.stage == MAKING:
        await session.execute(
            update(packages)
            .where(packages.c.package_id == package_id)
            .values(reopen_reason=reason[:MAX_REASON_CHARS])
        )
    elif row.stage in LIVE and (row.stage, row.state_reason) != (REOPENED, reason[:MAX_REASON_CHARS]):
        await _change(session, package_id, REOPENED, "reopened", reason)


async def _change(
    session: AsyncSession, package_id: str, stage: str, event: str, reason: str, **values: Any
) -> None:
    await session.execute(
        update(packages)
        .where(packages.c.package_id == package_id)
        .values(stage=stage, state_reason=reason[:MAX_REASON_CHARS], **values)
    )
    await session.execute(
        insert(package_events).values(
            package_id=package_id, event=event, reason=reason[:MAX_REASON_CHARS], at=int(time.time())
        )
    )


# --- questions ----------------------------------------------------------------------------------


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
    """Wrapped key and sealed content; None where it was not made or was erased."""
    query = select(package_contents.c.wrapped_key, package_contents.c.content)
    row = (await session.execute(query.where(package_contents.c.package_id == package_id))).one_or_none()
    return (None, None) if row is None else (row.wrapped_key, row.content)


async def listed(session: AsyncSession, subject: str, limit: int) -> list[PackageRow]:
    """Packages that were issued, newest first.

    :param limit: at most so many, 0 for the usual number
    """
    query = (
        select(*_COLUMNS)
        .where(packages.c.stage.in_(ISSUED))
        .order_by(packages.c.created.desc(), packages.c.package_id)
        .limit(min(max(limit, 0) or DEFAULT_LISTED, MAX_LISTED))
    )
    if subject:
        query = query.where(packages.c.subject == subject)
    return [_row(row) for row in await session.execute(query)]


async def touching(session: AsyncSession, fingerprints: Iterable[str]) -> list[tuple[str, str]]:
    """Packages, live or being made, that rest on one of these documents or assets: (package, fingerprint)."""
    wanted = sorted(fingerprints)
    found: list[tuple[str, str]] = []
    for start in range(0, len(wanted), MAX_IN_LIST):
        query = (
            select(package_documents.c.package_id, package_documents.c.fingerprint)
            .join(packages, packages.c.package_id == package_documents.c.package_id)
            .where(package_documents.c.fingerprint.in_(wanted[start : start + MAX_IN_LIST]))
            .where(packages.c.stage.in_((MAKING, *LIVE)))
        )
        found += [(row.package_id, row.fingerprint) for row in await session.execute(query)]
    return sorted(found)


async def under_consents(session: AsyncSession, consent_ids: Collection[str]) -> list[tuple[str, str]]:
    """Packages, live or being made, under one of these consents: (package, consent)."""
    if not consent_ids:
        return []
    query = select(packages.c.package_id, packages.c.consent_id).where(
        packages.c.consent_id.in_(consent_ids), packages.c.stage.in_((MAKING, *LIVE))
    )
    return sorted((row.package_id, row.consent_id) for row in await session.execute(query))


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
