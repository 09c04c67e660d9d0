"""Where the reference registry keeps registrations: in one order, found by identifier and by name.

The counter's row is changed in every transaction that registers something: so registrations stand one behind the
other, on either kind of database, and a later one never has an earlier time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.storage.leases import rows_changed
from crossverify.adapters.ids import normal_id
from crossverify.adapters.institution import upsert
from crossverify.adapters.registry.records import Entry, RegistrationRecord
from crossverify.collateral import name_key

METADATA = MetaData()
MAX_IN_LIST: Final = 500

REGISTRATIONS = Table(
    "registrations",
    METADATA,
    Column("number", String, primary_key=True),
    Column("sequence", BigInteger, nullable=False, unique=True),
    Column("registered", BigInteger, nullable=False),
    Column("filed_by", String, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("as_of", BigInteger, nullable=False),
)

KEYS = Table(
    "assignor_keys",
    METADATA,
    Column("key", String, nullable=False),  # "id:<identifier>" or "name:<name key>"
    Column("number", String, nullable=False),
    PrimaryKeyConstraint("key", "number"),
    Index("assignor_keys_by_number", "number"),
)

COUNTER = Table(
    "counter",
    METADATA,
    Column("name", String, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("last_time", BigInteger, nullable=False),
)

OPERATIONS = Table(
    "operations",
    METADATA,
    Column("filer", String, nullable=False),
    Column("operation_id", String, nullable=False),
    Column("request_digest", String, nullable=False),
    Column("result", LargeBinary, nullable=False),
    PrimaryKeyConstraint("filer", "operation_id"),
)


def id_key(identifier: str) -> str:
    """The search key of an identifier; empty when it is none."""
    found = normal_id(identifier)
    return f"id:{found}" if found else ""


def search_keys(identifiers: Iterable[str], names: Iterable[str]) -> set[str]:
    """Search keys of identifiers and names."""
    found = {id_key(each) for each in identifiers} | {f"name:{name_key(each)}" for each in names}
    return found - {"", "name:"}


async def in_turn(session: AsyncSession) -> None:
    """From here on until its end this transaction is the only one that files."""
    counted = await session.execute(
        update(COUNTER).where(COUNTER.c.name == "all").values(sequence=COUNTER.c.sequence)
    )
    if rows_changed(counted) == 0:
        await _first_counter(session)
        await in_turn(session)


async def next_place(session: AsyncSession, now: int) -> tuple[int, int]:
    """The next place in the order, and the time that it gets: never before the one of the place before."""
    changed = await session.execute(
        update(COUNTER)
        .where(COUNTER.c.name == "all")
        .values(sequence=COUNTER.c.sequence + 1)
        .returning(COUNTER.c.sequence, COUNTER.c.last_time)
    )
    row = changed.one_or_none()
    if row is None:
        await _first_counter(session)
        return await next_place(session, now)
    at = max(now, row.last_time)
    await session.execute(update(COUNTER).where(COUNTER.c.name == "all").values(last_time=at))
    return row.sequence, at


async def _first_counter(session: AsyncSession) -> None:
    """Makes the counter's row; of several who do so at once the first one's stays."""
    insert_into = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    first = insert_into(COUNTER).values(name="all", sequence=0, last_time=0)
    await session.execute(first.on_conflict_do_nothing(index_elements=["name"]))


async def put(session: AsyncSession, entry: Entry, as_of: int) -> None:
    """Store a registration as it now is, with its search keys."""
    record = entry.record
    await upsert(
        session,
        REGISTRATIONS,
        [
            {
                "number": record.number,
                "sequence": entry.sequence,
                "registered": record.registered,
                "filed_by": entry.filed_by,
                "record": record.model_dump_json().encode(),
                "as_of": as_of,
            }
        ],
        ["number"],
    )
    assignor = record.assignor
    keys = search_keys(assignor.identifiers, (assignor.name, *assignor.former_names))
    await session.execute(delete(KEYS).where(KEYS.c.number == record.number))
    await session.execute(insert(KEYS), [{"key": key, "number": record.number} for key in sorted(keys)])


async def get(session: AsyncSession, number: str) -> tuple[Entry, int] | None:
    """One registration with the as-of time of what is known of it."""
    row = (await session.execute(select(REGISTRATIONS).where(REGISTRATIONS.c.number == number))).one_or_none()
    return None if row is None else (_entry(row), row.as_of)


async def load(session: AsyncSession, records: Sequence[RegistrationRecord], as_of: int) -> int:
    """Store loaded registrations, in the order of their times; returns how many were new or different.

    What was filed through this server, or is known as of later, stays as it is.
    """
    changed = 0
    for record in sorted(records, key=lambda each: (each.registered, each.number)):
        known = await get(session, record.number)
        if known is None:
            sequence, _ = await next_place(session, record.registered)
            await put(session, Entry(record=record, sequence=sequence), as_of)
            changed += 1
            continue
        entry, before = known
        if entry.record != record and before <= as_of and not entry.filed_by:
            await put(session, Entry(record=record, sequence=entry.sequence), as_of)
            changed += 1
    return changed


async def numbers_of(session: AsyncSession, keys: Collection[str]) -> dict[str, set[str]]:
    """Registration numbers by search key."""
    wanted = sorted(keys)
    found: dict[str, set[str]] = {}
    for start in range(0, len(wanted), MAX_IN_LIST):
        query = select(KEYS.c.key, KEYS.c.number).where(KEYS.c.key.in_(wanted[start : start + MAX_IN_LIST]))
        for key, number in await session.execute(query):
            found.setdefault(key, set()).add(number)
    return found


async def entries(session: AsyncSession, numbers: Collection[str]) -> dict[str, Entry]:
    """Registrations by number."""
    wanted = sorted(numbers)
    found = {}
    for start in range(0, len(wanted), MAX_IN_LIST):
        query = select(REGISTRATIONS).where(REGISTRATIONS.c.number.in_(wanted[start : start + MAX_IN_LIST]))
        found.update({row.number: _entry(row) for row in await session.execute(query)})
    return found


async def recall(session: AsyncSession, filer: str, operation_id: str) -> tuple[str, dict[str, Any]] | None:
    """Digest of the request and result of a filer's operation, when it was done."""
    query = select(OPERATIONS.c.request_digest, OPERATIONS.c.result).where(
        OPERATIONS.c.filer == filer, OPERATIONS.c.operation_id == operation_id
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else (row.request_digest, orjson.loads(row.result))


async def remember(
    session: AsyncSession, filer: str, operation_id: str, request_digest: str, result: dict[str, Any]
) -> None:
    """Keep what an operation did, in the transaction that does it."""
    await session.execute(
        insert(OPERATIONS).values(
            filer=filer,
            operation_id=operation_id,
            request_digest=request_digest,
            result=orjson.dumps(result),
        )
    )


def _entry(row: Any) -> Entry:
    record = RegistrationRecord.model_validate_json(row.record)
    return Entry(record=record, sequence=row.sequence, filed_by=row.filed_by)
