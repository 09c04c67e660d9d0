"""Statements on parcels: items that intake stores together, in one row for hundreds of them.

A parcel is taken into a batch, split off and dropped as a whole. Its items stand in a row of their own, which is
written once and never again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from industry_gateway.outbox.model import Batch, OutboxItem, parcels_of
from industry_gateway.store.database import StaleError
from industry_gateway.store.tables import outbox_parcel_items, outbox_parcels

_PARCELS = outbox_parcels.c


def _payload(items: Sequence[OutboxItem]) -> bytes:
    """A parcel's items: one line each, the key and the contract's item, whose JSON has no line breaks."""
    return b"\n".join([b"%b %b" % (item.key.encode(), item.payload) for item in items])


def _items(parcel_id: str, lane: str, sequence: int, payload: bytes) -> list[OutboxItem]:
    found: list[OutboxItem] = []
    for number, line in enumerate(bytes(payload).split(b"\n")):
        name, _, content = line.partition(b" ")
        key = name.decode()
        found.append(OutboxItem(lane, key, key, content, sequence + number, parcel_id))
    return found


async def add(connection: AsyncConnection, items: Sequence[OutboxItem]) -> None:
    """Stores parcels, given as their items one after the other."""
    groups = parcels_of(items)
    if not groups:
        return
    await connection.execute(
        insert(outbox_parcels),
        [
            {
                "parcel_id": group[0].parcel,
                "lane": group[0].lane,
                "items": len(group),
                "sequence": group[0].sequence,
            }
            for group in groups
        ],
    )
    await connection.execute(
        insert(outbox_parcel_items),
        [{"parcel_id": group[0].parcel, "payload": _payload(group)} for group in groups],
    )


async def waiting(
    connection: AsyncConnection, lane: str, room: int, held: Collection[str]
) -> tuple[list[OutboxItem], bool]:
    """Items of parcels that no stored batch holds, oldest first, and whether there are more parcels than these."""
    rows = await connection.execute(
        select(_PARCELS.parcel_id, _PARCELS["items"])
        .where(_PARCELS.lane == lane, _PARCELS.batch_id.is_(None))
        .order_by(_PARCELS.sequence)
        .limit(room + len(held))
    )
    wanted: list[str] = []
    for parcel_id, count in rows:
        if parcel_id in held:
            continue
        if room <= 0:
            return await _of(connection, wanted), True
        wanted.append(parcel_id)
        room -= count
    return await _of(connection, wanted), room <= 0


async def of_batch(connection: AsyncConnection, batch_id: str) -> list[OutboxItem]:
    """Items of a batch's parcels in the order of the contract's results."""
    rows = await connection.execute(
        select(_PARCELS.parcel_id, _PARCELS.lane, _PARCELS.sequence, outbox_parcel_items.c.payload)
        .join(outbox_parcel_items, outbox_parcel_items.c.parcel_id == _PARCELS.parcel_id)
        .where(_PARCELS.batch_id == batch_id)
        .order_by(_PARCELS.parcel_id)
    )
    return [item for row in rows for item in _items(*row)]


async def _of(connection: AsyncConnection, wanted: Sequence[str]) -> list[OutboxItem]:
    found: list[OutboxItem] = []
    for parcel_id in wanted:
        rows = await connection.execute(
            select(_PARCELS.parcel_id, _PARCELS.lane, _PARCELS.sequence, outbox_parcel_items.c.payload)
            .join(outbox_parcel_items, outbox_parcel_items.c.parcel_id == _PARCELS.parcel_id)
            .where(_PARCELS.parcel_id == parcel_id)
        )
        found += [item for row in rows for item in _items(*row)]
    return found


async def take(connection: AsyncConnection, batch: Batch, *, owner: str | None) -> None:
    """Takes a batch's parcels from nobody, or from the batch that it is a part of.

    :raises StaleError: when another process has taken one of them meanwhile
    """
    names = sorted({item.parcel for item in batch.items if item.parcel})
    if not names:
        return
    done = await connection.execute(
        update(outbox_parcels)
        .where(
            _PARCELS.parcel_id.in_(names),
            _PARCELS.batch_id.is_(None) if owner is None else _PARCELS.batch_id == owner,
        )
        .values(batch_id=batch.batch_id)
    )
    if done.rowcount != len(names):
        raise StaleError(f"{len(names) - done.rowcount} parcels of batch {batch.batch_id} are no longer free")


async def cut_up(connection: AsyncConnection, batch: Batch, items: Sequence[OutboxItem]) -> None:
    """Puts new parcels in the place of those of a stored batch that were cut.

    :param items: all of the batch's items, in the parcels that they are in now
    """
    kept = {item.parcel for item in items}
    gone = sorted({item.parcel for item in batch.items if item.parcel} - kept)
    if not gone:
        return
    await _delete(connection, gone)
    there = {item.parcel for item in batch.items}
    await add(connection, [item for item in items if item.parcel and item.parcel not in there])
    new = sorted({item.parcel for item in items if item.parcel} - there)
    await connection.execute(
        update(outbox_parcels).where(_PARCELS.parcel_id.in_(new)).values(batch_id=batch.batch_id)
    )


async def drop(connection: AsyncConnection, batch_id: str) -> None:
    """Removes a finished batch's parcels."""
    rows = await connection.execute(select(_PARCELS.parcel_id).where(_PARCELS.batch_id == batch_id))
    names = [row[0] for row in rows]
    if names:
        await _delete(connection, names)


async def _delete(connection: AsyncConnection, names: Sequence[str]) -> None:
    for table in (outbox_parcel_items, outbox_parcels):
        await connection.execute(delete(table).where(table.c.parcel_id.in_(names)))
