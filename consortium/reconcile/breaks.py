"""The break list: what does not agree, since when, whose it is, how it was resolved.

A break is one (job, class, key). It stays open until a rerun of its job shows agreement; a resolution is a record of
what a person found and did, and closes nothing. Seen again after it closed, it opens anew with its history kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import BigInteger, Column, Index, String, Table, Text, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import NotFoundError
from consortium.reconcile.rows import BreakClass, Difference
from consortium.storage.leases import METADATA, rows_changed

MAX_LISTED = 1_000
"""Breaks in one answer; more than a person works through."""

MAX_EVIDENCE_CHARS = 4_000

breaks = Table(
    "reconcile_breaks",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("job", String(64), nullable=False),
    Column("break_class", String(16), nullable=False),
    Column("key", String(256), nullable=False),
    Column("evidence", Text, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
    Column("closed", BigInteger),
    Column("state", String(8), nullable=False, comment="open or closed"),
    Column("owner", String(128), nullable=False, server_default=""),
    Column("resolution", Text, nullable=False, server_default=""),
    Index("reconcile_breaks_by_job", "job", "state"),
)


@dataclass(frozen=True, slots=True)
class Break:
    """One break as it is recorded; times in seconds since 1970 UTC."""

    id: str
    job: str
    break_class: str
    key: str
    evidence: str
    first_seen: int
    last_seen: int
    state: str
    owner: str
    resolution: str


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run did to the list."""

    opened: int
    closed: int
    open: int


def break_id(job: str, break_class: BreakClass, key: str) -> str:
    """The identifier of a break: the same disagreement is the same break, whenever it is seen."""
    return hashlib.sha256(f"{job}\n{break_class}\n{key}".encode()).hexdigest()[:32]


async def record(
    session: AsyncSession, job: str, found: Iterable[Difference], now: int, *, height: int
) -> Tally:
    """Brings the list in line with what a whole run of a job found: opens, refreshes, closes.

    :param height: block height at which both sides were compared; part of the evidence
    """
    rows = await session.execute(select(breaks.c.id, breaks.c.state).where(breaks.c.job == job))
    known = {row.id: row.state for row in rows}
    seen: set[str] = set()
    opened = 0
    for difference in found:
        identifier = break_id(job, difference.break_class, difference.key)
        if identifier in seen:
            continue
        seen.add(identifier)
        evidence = _evidence(difference, height)
        if identifier not in known:
            opened += 1
            await session.execute(
                insert(breaks).values(
                    id=identifier,
                    job=job,
                    break_class=difference.break_class.value,
                    key=difference.key[:256],
                    evidence=evidence,
                    first_seen=now,
                    last_seen=now,
                    state="open",
                )
            )
        else:
            opened += known[identifier] == "closed"
            await session.execute(
                update(breaks)
                .where(breaks.c.id == identifier)
                .values(last_seen=now, evidence=evidence, state="open", closed=None)
            )
    agreed = [identifier for identifier, state in known.items() if state == "open" and identifier not in seen]
    for identifier in agreed:
        await session.execute(
            update(breaks).where(breaks.c.id == identifier).values(state="closed", closed=now)
        )
    return Tally(opened, len(agreed), len(seen))


def _evidence(difference: Difference, height: int) -> str:
    sides = {
        "height": height,
        "left": dict(difference.left) if difference.left is not None else None,
        "right": dict(difference.right) if difference.right is not None else None,
    }
    return orjson.dumps(sides, option=orjson.OPT_SORT_KEYS).decode()[:MAX_EVIDENCE_CHARS]


async def open_keys(session: AsyncSession, job: str, break_class: BreakClass) -> list[str]:
    """What a job's open breaks of one class are about, for a job that looks at a part of everything in each run."""
    query = select(breaks.c.key).where(
        breaks.c.job == job, breaks.c.break_class == break_class.value, breaks.c.state == "open"
    )
    return sorted((await session.execute(query)).scalars())


async def listed(session: AsyncSession, *, include_closed: bool) -> Sequence[Break]:
    """The list, oldest first."""
    query = select(breaks).order_by(breaks.c.first_seen, breaks.c.id).limit(MAX_LISTED)
    if not include_closed:
        query = query.where(breaks.c.state == "open")
    return [_break(row._mapping) for row in await session.execute(query)]


async def resolve(session: AsyncSession, identifier: str, resolution: str, owner: str) -> Break:
    """Records how a break was resolved.

    :raises NotFoundError: there is no such break
    """
    changed = await session.execute(
        update(breaks).where(breaks.c.id == identifier).values(resolution=resolution, owner=owner)
    )
    if rows_changed(changed) != 1:
        raise NotFoundError(
            f"There is no break {identifier!r}.", remedy="List them with `chanrong reconcile breaks`."
        )
    row = (await session.execute(select(breaks).where(breaks.c.id == identifier))).one()
    return _break(row._mapping)


def _break(row: object) -> Break:
    values = dict(row)  # type: ignore[call-overload]
    return Break(**{name: values[name] for name in Break.__slots__})
