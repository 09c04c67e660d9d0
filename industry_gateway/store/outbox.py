"""Statements on the outbox: items, batches and the envelopes that may have been sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Row, bindparam, delete, func, insert, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from consortium.storage.outbox import IN_FLIGHT, BatchState
from industry_gateway.outbox.model import Batch, OutboxItem
from industry_gateway.store import parcels
from industry_gateway.store.bulk import insert_rows
from industry_gateway.store.database import MAX_PARAMETERS, StaleError
from industry_gateway.store.tables import outbox_attempts, outbox_batches, outbox_items, outbox_parcels

ITEM_COLUMNS = ("lane", "item_key", "root", "payload", "sequence")
_ITEM_COLUMNS = (
    outbox_items.c.lane,
    outbox_items.c.item_key,
    outbox_items.c.root,
    outbox_items.c.payload,
    outbox_items.c.sequence,
)

_NAMES: BindParameter[Any] = bindparam("names", expanding=True)
"""A list of any length as one parameter: what in_() is given element by element costs ten times as much."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An envelope that may have been sent.

    :param code: the ledger's verdict; None while there is none
    """

    txid: str
    batch_id: str
    digest: str
    code: int | None
    lane: str
    state: str
    failures: int
    version: int
    items: int


def _item(row: Row[Any, Any, Any, Any, Any]) -> OutboxItem:
    return OutboxItem(row.lane, row.item_key, row.root, bytes(row.payload), row.sequence)


async def add_items(connection: AsyncConnection, items: Sequence[OutboxItem]) -> None:
    """Stores items; together with what they are about, in the caller's transaction."""
    rows = [item[:5] for item in items if not item.parcel]
    await insert_rows(connection, outbox_items, ITEM_COLUMNS, rows)
    await parcels.add(connection, [item for item in items if item.parcel])


async def waiting_items(
    connection: AsyncConnection, lane: str, room: int, held: Collection[str] = ()
) -> tuple[list[OutboxItem], bool]:
    """Items that no stored batch holds, oldest first, and whether there may be more than these.

    :param room: how many are wanted; a parcel is not given in parts
    :param held: stored rows (:attr:`OutboxItem.stored_as`) that the caller has already
    """
    limit = room + len(held)
    found = [each for each in await _waiting(connection, lane, limit) if each.key not in held]
    more = len(found) >= room
    if not more:
        packed, more = await parcels.waiting(connection, lane, room - len(found), held)
        found += packed
    return found, more


async def _waiting(connection: AsyncConnection, lane: str, limit: int) -> list[OutboxItem]:
    rows = await connection.execute(
        select(*_ITEM_COLUMNS)
        .where(outbox_items.c.lane == lane, outbox_items.c.batch_id.is_(None))
        .order_by(outbox_items.c.sequence)
        .limit(limit)
    )
    return [_item(row) for row in rows]


async def is_under_way(connection: AsyncConnection, lane: str, key: str) -> bool:
    """Whether an item of this key is in the outbox."""
    found = await connection.scalar(
        select(outbox_items.c.lane).where(outbox_items.c.lane == lane, outbox_items.c.item_key == key)
    )
    return found is not None


async def count_items(connection: AsyncConnection) -> dict[str, int]:
    """How many items each lane still owes the ledger."""
    packed = outbox_parcels.c
    counts = union_all(
        select(outbox_items.c.lane, func.count()).group_by(outbox_items.c.lane),
        select(packed.lane, func.sum(packed["items"])).group_by(packed.lane),
    )
    owed: Counter[str] = Counter()
    for lane, count in await connection.execute(counts):
        owed[lane] += int(count)
    return dict(owed)


async def items_of(connection: AsyncConnection, batch_id: str) -> list[OutboxItem]:
    """A batch's items in the order of the contract's results."""
    rows = await connection.execute(
        select(*_ITEM_COLUMNS).where(outbox_items.c.batch_id == batch_id).order_by(outbox_items.c.item_key)
    )
    return [*map(_item, rows), *await parcels.of_batch(connection, batch_id)]


async def store_batch(connection: AsyncConnection, batch: Batch, state: BatchState, *, at: int) -> None:
    """Stores a batch that only this process knows, and takes its items.

    :raises StaleError: when another process has taken one of them meanwhile
    """
    await connection.execute(
        insert(outbox_batches).values(
            batch_id=batch.batch_id,
            lane=batch.lane,
            operation_id=batch.operation_id,
            state=state,
            items=len(batch.items),
            failures=batch.failures,
            version=1,
            changed_at=at,
        )
    )
    await _take(connection, batch, owner=None)


async def _take(connection: AsyncConnection, batch: Batch, *, owner: str | None) -> None:
    keys = [item.key for item in batch.items if not item.parcel]
    taken = 0
    for start in range(0, len(keys), MAX_PARAMETERS):
        done = await connection.execute(
            update(outbox_items)
            .where(
                outbox_items.c.lane == batch.lane,
                outbox_items.c.item_key.in_(_NAMES),
                outbox_items.c.batch_id.is_(None) if owner is None else outbox_items.c.batch_id == owner,
            )
            .values(batch_id=batch.batch_id),
            {"names": keys[start : start + MAX_PARAMETERS]},
        )
        taken += done.rowcount
    if taken != len(keys):
        raise StaleError(f"{len(keys) - taken} items of batch {batch.batch_id} are no longer free")
    await parcels.take(connection, batch, owner=owner)


async def add_attempt(connection: AsyncConnection, batch: Batch, digest: str) -> None:
    """Stores a batch's present envelope, before it is sent."""
    await connection.execute(
        insert(outbox_attempts).values(
            txid=batch.txid,
            batch_id=batch.batch_id,
            envelope=batch.envelope,
            digest=digest,
            prepared_at=batch.prepared_at,
        )
    )


async def advance(
    connection: AsyncConnection, batch_id: str, version: int, state: BatchState, failures: int, *, at: int
) -> None:
    """Moves a stored batch on, from the version that was seen to the next.

    :raises StaleError: when somebody else moved it meanwhile
    """
    done = await connection.execute(
        update(outbox_batches)
        .where(outbox_batches.c.batch_id == batch_id, outbox_batches.c.version == version)
        .values(state=state, failures=failures, version=version + 1, changed_at=at)
    )
    if done.rowcount != 1:
        raise StaleError(f"batch {batch_id} is no longer at version {version}")


async def note_state(connection: AsyncConnection, batch: Batch, state: BatchState) -> None:
    """Notes how far an envelope came.

    Says nothing when the batch has moved on: a verdict weighs more than a note.
    """
    await connection.execute(
        update(outbox_batches)
        .where(
            outbox_batches.c.batch_id == batch.batch_id,
            outbox_batches.c.version == batch.version,
            outbox_batches.c.state.in_([BatchState.ENDORSED, BatchState.SUBMITTED, BatchState.UNKNOWN]),
        )
        .values(state=state)
    )


async def split_batch(
    connection: AsyncConnection, batch: Batch, children: Sequence[Batch], *, at: int
) -> None:
    """Gives a stored batch's items to new batches with operation ids of their own.

    :param children: their parcels are whole: what :func:`~industry_gateway.outbox.model.cut` made of a batch's

    :raises StaleError: when somebody else moved the batch meanwhile
    """
    await advance(connection, batch.batch_id, batch.version, BatchState.SPLIT, batch.failures, at=at)
    await parcels.cut_up(connection, batch, [item for child in children for item in child.items])
    for child in children:
        await connection.execute(
            insert(outbox_batches).values(
                batch_id=child.batch_id,
                lane=child.lane,
                operation_id=child.operation_id,
                state=BatchState.PACKED,
                items=len(child.items),
                failures=child.failures,
                version=1,
                changed_at=at,
            )
        )
        await _take(connection, child, owner=batch.batch_id)


async def batch_row(connection: AsyncConnection, batch_id: str) -> Row[Any, Any, Any] | None:
    """State, failures and version of a batch."""
    columns = outbox_batches.c
    rows = await connection.execute(
        select(columns.state, columns.failures, columns.version).where(columns.batch_id == batch_id)
    )
    return rows.one_or_none()


async def open_batches(connection: AsyncConnection, *, until: int) -> list[tuple[Batch, BatchState, int]]:
    """Every batch that owes an outcome and has not moved since ``until``.

    Each with its youngest envelope that has no verdict, its state, and when it last moved.
    """
    rows = await connection.execute(
        select(outbox_batches)
        .where(
            outbox_batches.c.state.in_([str(state) for state in IN_FLIGHT]),
            outbox_batches.c.changed_at <= until,
        )
        .order_by(outbox_batches.c.changed_at)
    )
    found: list[tuple[Batch, BatchState, int]] = []
    for row in rows.all():
        batch = Batch(
            lane=row.lane,
            items=await items_of(connection, row.batch_id),
            operation_id=row.operation_id,
            batch_id=row.batch_id,
            failures=row.failures,
            version=row.version,
        )
        attempt = (
            await connection.execute(
                select(outbox_attempts)
                .where(outbox_attempts.c.batch_id == row.batch_id, outbox_attempts.c.code.is_(None))
                .order_by(outbox_attempts.c.prepared_at.desc())
                .limit(1)
            )
        ).one_or_none()
        if attempt is not None and attempt.envelope is not None:
            batch.txid, batch.envelope = attempt.txid, bytes(attempt.envelope)
            batch.prepared_at = attempt.prepared_at
        found.append((batch, BatchState(row.state), row.changed_at))
    return found


async def attempts_by_txid(connection: AsyncConnection, txids: Sequence[str]) -> dict[str, Attempt]:
    """Our envelopes among these transactions, locked against other replicas until the transaction ends."""
    if not txids:
        return {}
    columns = outbox_batches.c
    rows = await connection.execute(
        select(
            outbox_attempts.c.txid,
            outbox_attempts.c.batch_id,
            outbox_attempts.c.digest,
            outbox_attempts.c.code,
            columns.lane,
            columns.state,
            columns.failures,
            columns.version,
            columns["items"],
        )
        .join(outbox_batches, outbox_batches.c.batch_id == outbox_attempts.c.batch_id)
        .where(outbox_attempts.c.txid.in_(txids))
        .with_for_update()
    )
    return {row.txid: Attempt(*row) for row in rows}


async def has_open_attempt(connection: AsyncConnection, batch_id: str) -> bool:
    """Whether a batch has an envelope without a verdict."""
    found = await connection.scalar(
        select(outbox_attempts.c.txid)
        .where(outbox_attempts.c.batch_id == batch_id, outbox_attempts.c.code.is_(None))
        .limit(1)
    )
    return found is not None


async def own_txids(connection: AsyncConnection, txids: Sequence[str]) -> frozenset[str]:
    """Which of these transaction ids this gateway ever signed."""
    rows = await connection.execute(
        select(outbox_attempts.c.txid).where(outbox_attempts.c.txid.in_(_NAMES)), {"names": list(txids)}
    )
    return frozenset(row[0] for row in rows)


async def own_blocks(connection: AsyncConnection, txids: Sequence[str]) -> dict[str, int | None]:
    """Which of these transaction ids this gateway ever signed, and the block of each, once it is known."""
    if not txids:
        return {}
    rows = await connection.execute(
        select(outbox_attempts.c.txid, outbox_attempts.c.block).where(outbox_attempts.c.txid.in_(txids))
    )
    return {row.txid: row.block for row in rows}


async def judge_attempt(connection: AsyncConnection, txid: str, *, code: int, block: int) -> None:
    """Stores an envelope's verdict and drops its bytes: they can never count again."""
    await connection.execute(
        update(outbox_attempts)
        .where(outbox_attempts.c.txid == txid)
        .values(code=code, block=block, envelope=None)
    )


async def drop_items(connection: AsyncConnection, batch_id: str) -> None:
    """Removes a finished batch's items; what became of them stands with what they are about."""
    await connection.execute(delete(outbox_items).where(outbox_items.c.batch_id == batch_id))
    await parcels.drop(connection, batch_id)
